package listsync

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/haltlog/haltlog/internal/durable"
	"github.com/haltlog/haltlog/log"
)

// headFormat is the first thing that a head file says.
const headFormat = "haltlog/list/v1"

// headName is the head's file.
const headName = "head.json"

// ErrHead is a head file that is not as it was written.
var ErrHead = errors.New("head file is damaged")

// ErrNoList is a folder that holds no list yet.
var ErrNoList = errors.New("no list is held")

// head names one list whole: all of it follows from these hashes.
type head struct {
	Format   string   `json:"format"`
	Evidence Evidence `json:"evidence"`
	// Checkpoint is the newest witnessed one that the list was the newest under.
	Checkpoint  []byte `json:"checkpoint"`
	LookupOnly  bool   `json:"lookup_only"`
	Polynomials bool   `json:"polynomials"`
	Links       []link `json:"links"` // oldest first, without gaps up to the epoch
}

// link is one epoch whose deltas are held.
type link struct {
	Number uint64   `json:"number"`
	From   uint64   `json:"from"` // log sizes that its deltas lie between
	Size   uint64   `json:"size"`
	Deltas log.Hash `json:"deltas"` // of the document that names them
}

func (h head) format() ([]byte, error) {
	h.Format = headFormat
	if h.Links == nil {
		h.Links = []link{}
	}
	b, err := json.MarshalIndent(h, "", " ")
	return append(b, '\n'), err
}

// parseHead is the inverse of format, and refuses all else.
func parseHead(raw []byte) (head, error) {
	var h head
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&h); err != nil {
		return h, fmt.Errorf("%w: %w", ErrHead, err)
	}
	again, err := h.format()
	if err != nil || !bytes.Equal(again, raw) || h.Format != headFormat {
		return h, fmt.Errorf("%w: not as it was written", ErrHead)
	}
	for i, l := range h.Links {
		if l.From > l.Size || (i > 0 && (l.Number != h.Links[i-1].Number+1 || l.From != h.Links[i-1].Size)) {
			return h, fmt.Errorf("%w: epochs that do not follow one another", ErrHead)
		}
	}
	if n := len(h.Links); n > 0 && (n > maxLinks || h.Links[n-1].Number != h.Evidence.Epoch.Number || h.Links[n-1].Size != h.Evidence.Epoch.Size) {
		return h, fmt.Errorf("%w: deltas of another epoch", ErrHead)
	}
	return h, nil
}

// readHead reads the head of a folder; [ErrNoList] before the first.
func readHead(dir string) (head, error) {
	f, err := os.Open(filepath.Join(dir, headName))
	if errors.Is(err, fs.ErrNotExist) {
		return head{}, fmt.Errorf("%s: %w", dir, ErrNoList)
	}
	if err != nil {
		return head{}, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxHead+1))
	if err != nil {
		return head{}, err
	}
	if len(raw) > maxHead {
		return head{}, fmt.Errorf("%w: longer than %d bytes", ErrHead, maxHead)
	}
	return parseHead(raw)
}

// write makes the head the folder's (LS1): all that it names is there before.
func (h head) write(dir string) error {
	raw, err := h.format()
	if err != nil {
		return err
	}
	return durable.Replace(filepath.Join(dir, headName), raw, 0o644)
}
