package blacklist

import (
	"cmp"
	"slices"

	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

// Verdict is what a lab is told about a model.
type Verdict string

// The verdicts, weakest first.
const (
	Clear  Verdict = "clear"       // nothing that is listed
	Lead   Verdict = "lead"        // less than a copy: a few shared tensors, a contested label
	Copy   Verdict = "likely copy" // tensors like those of one halt, for a person to look at
	Listed Verdict = "listed"      // the model, or at least half of it, belongs to one halt
)

// ExitCode returns the exit code that stands for the verdict: 0 clear and lead,
// 3 listed, 4 likely copy.
func (v Verdict) ExitCode() int {
	switch v {
	case Listed:
		return 3
	case Copy:
		return 4
	}
	return 0
}

// CopyBands is how many distinct labels of bands with one halt make a likely
// copy: random models agree in one now and then, in two once in 10^10.
const CopyBands = 2

// Hit is a fingerprint of the model together with what is listed under its
// label.
type Hit struct {
	Kind     fingerprint.Kind
	Elements uint64 // of the tensor; 0 for the manifest
	Records  []Record

	// Name and File of the tensor that it was taken of, see [Question].
	Name string
	File string
}

// Match is what a model shares with one halt.
type Match struct {
	Run       string
	Halt      uint64 // index of the halt
	Manifest  bool   // the release itself
	Tensors   int    // tensors with an active label
	Elements  uint64 // parameters that they cover
	Bands     int    // active labels of bands, of tensors that have no active label themselves
	Contested int    // hits that count as leads only
	Struck    int    // hits that count for nothing, struck or allowed
}

// Answer is the verdict and, by halt, what it rests on.
type Answer struct {
	Verdict Verdict
	Matches []Match // by index of the halt
}

// halt is what hits are counted for.
type halt struct {
	run   string
	index uint64
}

// tensor is where a hit comes from.
type tensor struct{ file, name string }

// Judge applies the rule of the three answers to a model of that many
// parameters. Listed: an active manifest hit, or active tensor hits of one
// halt that cover at least half of the parameters. Likely copy: [CopyBands]
// active hits in bands with one halt, of tensors that the halt does not list
// as they are: a shared tensor agrees in all of its bands too, and counts once,
// by its parameters, or as a lead while its label is contested. Lead: any other hit that is not struck or allowed. Struck
// ones are shown and count for nothing.
//
// Hits in bands that the model's own declared base has too are to be left out
// before ([Unexplained]).
func Judge(parameters uint64, hits []Hit) Answer {
	matches := make(map[halt]*Match)
	same := make(map[halt]map[tensor]bool) // listed as they are, or contested as such
	for _, h := range hits {
		for k, status := range h.best() {
			if h.Kind == fingerprint.Tensor && (status == Active || status == Contested) {
				if same[k] == nil {
					same[k] = make(map[tensor]bool)
				}
				same[k][tensor{h.File, h.Name}] = true
			}
		}
	}
	for _, h := range hits {
		for k, status := range h.best() {
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
			case banded(h.Kind) && !same[k][tensor{h.File, h.Name}]:
				m.Bands++
			}
		}
	}
	a := Answer{Verdict: Clear, Matches: []Match{}}
	for _, m := range matches {
		a.Matches = append(a.Matches, *m)
		if v := m.verdict(parameters); v.rank() > a.Verdict.rank() {
			a.Verdict = v
		}
	}
	slices.SortFunc(a.Matches, func(x, y Match) int {
		return cmp.Or(cmp.Compare(x.Halt, y.Halt), cmp.Compare(x.Run, y.Run))
	})
	return a
}

// best returns what the hit counts for, by halt: a label rotated to a newer
// key, or asked under two, is one hit.
func (h Hit) best() map[halt]Status {
	best := make(map[halt]Status)
	for _, r := range h.Records {
		k := halt{r.Run, r.Halt}
		if old, ok := best[k]; !ok || r.Status.rank() > old.rank() {
			best[k] = r.Status
		}
	}
	return best
}

// verdict is the answer that one match gives.
func (m Match) verdict(parameters uint64) Verdict {
	switch {
	case m.Manifest, m.Tensors > 0 && m.Elements >= parameters-min(parameters, m.Elements):
		return Listed
	case m.Bands >= CopyBands:
		return Copy
	case m.Tensors > 0 || m.Bands > 0 || m.Contested > 0:
		return Lead
	}
	return Clear
}

func (v Verdict) rank() int { return slices.Index([]Verdict{Clear, Lead, Copy, Listed}, v) }

// Unexplained returns the questions and labels without those in bands that the
// model's own declared base has too: fine-tunes of one public base agree in
// almost all bits, and a hit that the base explains says nothing about the model.
// Exact kinds stay, whatever is declared, so that nobody declares a halted model
// his base to be rid of its tensors. There must be a label for each question.
func Unexplained(qs []Question, labels []Label, base ...Entry) ([]Question, []Label) {
	has := make(map[Entry]bool, len(base))
	for _, e := range base {
		has[e] = true
	}
	var outQ []Question
	var outL []Label
	for i, q := range qs {
		if !banded(q.Kind) || !has[Entry{q.Kind, labels[i]}] {
			outQ, outL = append(outQ, q), append(outL, labels[i])
		}
	}
	return outQ, outL
}
