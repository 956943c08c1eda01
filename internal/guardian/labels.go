package guardian

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

// ErrBase means that a labels file is not that of the base that the run declared.
var ErrBase = errors.New("labels are not those of the declared base")

// FormatLabels prints labels, one a line in their order: kind, a blank, the label in lower-case hex. It is the form of a
// declared base's file; its root is blacklist.NewArtefact's.
func FormatLabels(labels []blacklist.Entry) []byte {
	var b strings.Builder
	for _, l := range labels {
		b.WriteString(string(l.Kind) + " " + hex.EncodeToString(l.Label[:]) + "\n")
	}
	return []byte(b.String())
}

// ParseLabels accepts exactly what FormatLabels prints.
func ParseLabels(text []byte) ([]blacklist.Entry, error) {
	if len(text) > maxBaseFile {
		return nil, fmt.Errorf("labels: longer than %d bytes", maxBaseFile)
	}
	out := []blacklist.Entry{}
	for line := range strings.Lines(string(text)) {
		bad := func(why string) error { return fmt.Errorf("labels: line %d: %s", len(out)+1, why) }
		body, ended := strings.CutSuffix(line, "\n")
		kind, digits, ok := strings.Cut(body, " ")
		if !ended || !ok {
			return nil, bad("want a kind, a blank, a label and a line's end")
		}
		k, err := fingerprint.ParseKind(kind)
		if err != nil {
			return nil, bad(err.Error())
		}
		raw, err := hex.DecodeString(digits)
		if err != nil || hex.EncodeToString(raw) != digits {
			return nil, bad("label is not lower-case hex")
		}
		l, err := blacklist.ParseLabel(raw)
		if err != nil {
			return nil, bad(err.Error())
		}
		if len(out) == blacklist.MaxArtefactLabels {
			return nil, fmt.Errorf("labels: more than %d", blacklist.MaxArtefactLabels)
		}
		out = append(out, blacklist.Entry{Kind: k, Label: l})
	}
	return out, nil
}
