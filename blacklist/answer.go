package blacklist

import (
	"cmp"
	"slices"

	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

// Verdict is what a lab is told about a model.
type Verdict string

// The verdicts. A likely copy (exit code 4) joins with the kinds that find one.
const (
	Clear  Verdict = "clear"  // nothing that is listed
	Lead   Verdict = "lead"   // less than listed: a few shared tensors, a contested label
	Listed Verdict = "listed" // the model, or at least half of it, belongs to one halt
)

// ExitCode returns the exit code that stands for the verdict: 0 clear and lead,
// 3 listed.
func (v Verdict) ExitCode() int {
	if v == Listed {
		return 3
	}
	return 0
}

// Hit is a fingerprint of the model together with what is listed under its
// label.
type Hit struct {
	Kind     fingerprint.Kind
	Elements uint64 // of the tensor; 0 for the manifest
	Records  []Record
}

// Match is what a model shares with one halt.
type Match struct {
	Run       string
	Halt      uint64 // index of the halt
	Manifest  bool   // the release itself
	Tensors   int    // tensors with an active label
	Elements  uint64 // parameters that they cover
	Contested int    // hits that count as leads only
	Struck    int    // hits that count for nothing, struck or allowed
}

// Answer is the verdict and, by halt, what it rests on.
type Answer struct {
	Verdict Verdict
	Matches []Match // by index of the halt
}

// Judge applies the rule of the three answers to a model of that many
// parameters. Listed: an active manifest hit, or active tensor hits of one
// halt that cover at least half of the parameters. Lead: any other hit that is
// not struck or allowed. Struck ones are shown and count for nothing.
func Judge(parameters uint64, hits []Hit) Answer {
	type halt struct {
		run   string
		index uint64
	}
	matches := make(map[halt]*Match)
	for _, h := range hits {
		// A label rotated to a newer key, or asked under two, is one hit.
		best := make(map[halt]Status)
		for _, r := range h.Records {
			k := halt{r.Run, r.Halt}
			if old, ok := best[k]; !ok || r.Status.rank() > old.rank() {
				best[k] = r.Status
			}
		}
		for k, status := range best {
			m := matches[k]
			if m == nil {
				m = &Match{Run: k.run, Halt: k.index}
				matches[k] = m
			}
			switch {
			case status == Contested:
				m.Contested++
			case status != Active:
				m.Struck++
			case h.Kind == fingerprint.Manifest:
				m.Manifest = true
			case h.Kind == fingerprint.Tensor:
				m.Tensors++
				m.Elements += h.Elements
			}
		}
	}
	a := Answer{Verdict: Clear, Matches: []Match{}}
	for _, m := range matches {
		a.Matches = append(a.Matches, *m)
		switch {
		case m.Manifest, m.Tensors > 0 && m.Elements >= parameters-min(parameters, m.Elements):
			a.Verdict = Listed
		case a.Verdict == Clear && (m.Tensors > 0 || m.Contested > 0):
			a.Verdict = Lead
		}
	}
	slices.SortFunc(a.Matches, func(x, y Match) int {
		return cmp.Or(cmp.Compare(x.Halt, y.Halt), cmp.Compare(x.Run, y.Run))
	})
	return a
}

// rank orders statuses by what they count for.
func (s Status) rank() int {
	switch s {
	case Active:
		return 3
	case Contested:
		return 2
	case Allow:
		return 1
	}
	return 0
}
