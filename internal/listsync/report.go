package listsync

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/haltlog/haltlog/internal/durable"
	"github.com/haltlog/haltlog/internal/trust"
)

// Standing is how a source compares with the witnessed list.
type Standing string

// Standings.
const (
	StandingNewest      Standing = "newest"      // serves the newest list that any source serves
	StandingBehind      Standing = "behind"      // serves an older one, within the tolerance
	StandingStale       Standing = "stale"       // serves an older one, beyond it
	StandingUnreachable Standing = "unreachable" // gave no answer that could be judged
	StandingRefused     Standing = "refused"     // served what is provably not the witnessed list
)

// SourceReport is what became of one source.
type SourceReport struct {
	Name     string     `json:"name"`
	Standing Standing   `json:"standing"`
	Number   uint64     `json:"number,omitempty"` // of the epoch that it serves
	Index    uint64     `json:"index,omitempty"`
	Seen     *time.Time `json:"witnessed,omitempty"` // of the checkpoint that it serves
	Reason   string     `json:"reason,omitempty"`
	Evidence []string   `json:"evidence,omitempty"` // files in the folder
}

// Report is what a synchronisation did.
type Report struct {
	Origin   string         `json:"origin"`
	Number   uint64         `json:"number"`
	Index    uint64         `json:"index"`
	Size     uint64         `json:"size"`
	Count    uint64         `json:"count"`
	Changed  bool           `json:"changed"`
	Way      string         `json:"way,omitempty"` // full, deltas or lookup, where anything changed
	Parts    int            `json:"parts"`         // that changed
	Bytes    int64          `json:"bytes"`         // of objects downloaded
	Seen     time.Time      `json:"witnessed"`
	AgeMS    int64          `json:"age_ms"`
	Old      bool           `json:"old"` // older than the tolerance
	FirstUse bool           `json:"trusted_on_first_use"`
	Genesis  string         `json:"genesis"`
	Sources  []SourceReport `json:"sources"`
}

// Any reports whether a source has a standing.
func (r Report) Any(s Standing) bool {
	return slices.ContainsFunc(r.Sources, func(x SourceReport) bool { return x.Standing == s })
}

// blames reports whether an error shows that a source is not to be believed, and not
// only that it gave no usable answer.
func blames(err error) bool {
	return errors.Is(err, trust.ErrUnverified) || errors.Is(err, trust.ErrGenesis) || errors.Is(err, trust.ErrAuthority) ||
		errors.Is(err, errEvidence) || errors.Is(err, ErrOther)
}

// blame is one thing that a source served, and why it cannot be.
type blame struct {
	Source string    `json:"source"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
	Served any       `json:"served,omitempty"`
	Other  any       `json:"other,omitempty"` // what it contradicts
}

// keep writes evidence into the folder and returns its file's name (LS3).
func keep(dir string, b blame) (string, error) {
	folder := filepath.Join(dir, "evidence")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	names, err := os.ReadDir(folder)
	if err != nil {
		return "", err
	}
	if len(names) >= maxEvidence {
		return "", fmt.Errorf("%s holds %d files already: look at them, and take them away", folder, len(names))
	}
	raw, err := json.MarshalIndent(b, "", " ")
	if err != nil {
		return "", err
	}
	host := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '_'
	}, strings.ToLower(b.Source))
	path := filepath.Join(folder, fmt.Sprintf("%s-%.60s-%03d.json", b.At.UTC().Format("20060102T150405.000"), host, len(names)))
	return path, durable.Replace(path, append(raw, '\n'), 0o644)
}
