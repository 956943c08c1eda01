package blacklist

import (
	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

// Question is one fingerprint of a model whose label is wanted. Only the
// blinded image of Input leaves the machine.
type Question struct {
	Kind     fingerprint.Kind
	Elements uint64 // of all tensors with this fingerprint; 0 for the manifest
	Input    []byte // x, for the oblivious evaluation

	// Name and File of the first such tensor, for local display only.
	Name string
	File string
}

// Questions returns what is to be asked about a model, and what its guard
// escrows: the manifest, then each tensor that may be listed, in the order of
// the scan, each fingerprint once, then the bands of its
// [fingerprint.SketchedTensors] sketched tensors.
func Questions(m fingerprint.Model) []Question { return questions(m, fingerprint.SketchedTensors) }

// BaseQuestions returns what is to be asked about a model that others are
// tuned from, for their guards to leave out: as [Questions], with the bands of
// [fingerprint.BaseTensors] tensors, among which those chosen of a tuned model are.
func BaseQuestions(m fingerprint.Model) []Question { return questions(m, fingerprint.BaseTensors) }

func questions(m fingerprint.Model, sketched int) []Question {
	qs := []Question{{Kind: fingerprint.Manifest, Input: m.Manifest.Input()}}
	at := make(map[fingerprint.Fingerprint]int)
	for _, t := range m.Tensors {
		if !t.Eligible {
			continue
		}
		if i, ok := at[t.Fingerprint]; ok {
			qs[i].Elements += t.Elements
			continue
		}
		at[t.Fingerprint] = len(qs)
		qs = append(qs, Question{fingerprint.Tensor, t.Elements, t.Fingerprint.Input(), t.Name, t.File})
	}
	for _, family := range []string{fingerprint.FamilyBand, fingerprint.FamilyBandP} {
		for _, t := range m.Sketched(family, sketched) {
			for _, f := range t.Sketch.Prints(family) {
				if i, ok := at[f]; ok {
					qs[i].Elements += t.Elements
					continue
				}
				at[f] = len(qs)
				qs = append(qs, Question{f.Kind, t.Elements, f.Input(), t.Name, t.File})
			}
		}
	}
	return qs
}

// Inputs returns the questions' inputs, in order.
func Inputs(qs []Question) [][]byte {
	out := make([][]byte, len(qs))
	for i, q := range qs {
		out[i] = q.Input
	}
	return out
}

// Entries pairs the questions with their labels, in order, without those of
// the declared base: what an artefact holds. There must be a label for each
// question.
func Entries(qs []Question, labels []Label, base ...Entry) []Entry {
	skip := make(map[Entry]bool, len(base))
	for _, e := range base {
		skip[e] = true
	}
	out := []Entry{}
	for i, q := range qs {
		if e := (Entry{q.Kind, labels[i]}); !skip[e] {
			out = append(out, e)
		}
	}
	return out
}

// Hits returns the questions whose labels lookup knows, with what it says.
// There must be a label for each question.
func Hits(qs []Question, labels []Label, lookup func(fingerprint.Kind, Label) []Record) []Hit {
	var hits []Hit
	for i, q := range qs {
		if r := lookup(q.Kind, labels[i]); len(r) > 0 {
			hits = append(hits, Hit{Kind: q.Kind, Elements: q.Elements, Records: r, Name: q.Name, File: q.File})
		}
	}
	return hits
}
