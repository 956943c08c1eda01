package labcheck

import (
	"fmt"
	"slices"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/log"
)

// Match is what a model shares with one halted run.
type Match struct {
	Run       string      `json:"run"`
	Halt      uint64      `json:"halt"` // index of the halt's entry
	Causes    []log.Cause `json:"causes"`
	Proven    bool        `json:"proven"` // the halt and its labels were verified in the log
	Manifest  bool        `json:"manifest"`
	Tensors   int         `json:"tensors"`
	Elements  uint64      `json:"elements"` // parameters that they cover
	Bands     int         `json:"bands"`    // of sketches, of tensors that are not shared as they are
	Shared    []Shared    `json:"shared"`   // what of the model it is
	Contested int         `json:"contested"`
	Struck    int         `json:"struck"`
	Notes     []string    `json:"notes,omitempty"`

	prints *prints // the verified fingerprints
}

// Shared is a tensor of the model that hits; one without a name is the manifest.
type Shared struct {
	Name  string `json:"name,omitempty"`
	File  string `json:"file,omitempty"`
	Exact bool   `json:"exact"` // value by value
	Bands int    `json:"bands"` // of its sketches
}

func (m *Match) note(s string) {
	if slices.Contains(m.Notes, s) {
		return
	}
	m.Notes = append(m.Notes, s)
}

// shared is what of the model hits one halt, in the order of the scan.
func shared(hits []blacklist.Hit, run string, index uint64) []Shared {
	out := []Shared{}
	for _, h := range hits {
		if !slices.ContainsFunc(h.Records, func(r blacklist.Record) bool { return r.Run == run && r.Halt == index }) {
			continue
		}
		i := slices.IndexFunc(out, func(s Shared) bool { return s.Name == h.Name && s.File == h.File })
		if i < 0 {
			i = len(out)
			out = append(out, Shared{Name: h.Name, File: h.File})
		}
		if h.Kind.Sketch() {
			out[i].Bands++
		} else {
			out[i].Exact = true
		}
	}
	return out
}

// What says in words what is shared.
func (m Match) What(parameters uint64) string {
	switch {
	case m.Manifest:
		return "the whole release"
	case m.Tensors > 0 && parameters > 0:
		return fmt.Sprintf("%d tensor(s), %.1f %% of its parameters,", m.Tensors, 100*float64(m.Elements)/float64(parameters))
	case m.Bands > 0:
		return fmt.Sprintf("%d band(s) of the sketches of %d tensor(s)", m.Bands, m.sketched())
	case m.Contested > 0:
		return fmt.Sprintf("%d contested label(s)", m.Contested)
	}
	return fmt.Sprintf("%d struck label(s)", m.Struck)
}

// sketched counts the tensors that hit by bands alone.
func (m Match) sketched() int {
	n := 0
	for _, s := range m.Shared {
		if !s.Exact && s.Bands > 0 {
			n++
		}
	}
	return n
}
