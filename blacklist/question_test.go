package blacklist_test

import (
	"fmt"
	"testing"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

// TestQuestionsBound: however many tensors a model has, the bands of few are
// asked for; a base answers for more, those among them.
func TestQuestionsBound(t *testing.T) {
	var m fingerprint.Model
	for i := range 3000 {
		s := &fingerprint.Sketch{Rank: uint64(i * 7919 % 3001), RankP: uint64(i * 104729 % 3001), Band: make([]byte, 96), BandP: make([]byte, 96)}
		for k := range 96 {
			s.Band[k], s.BandP[k] = byte(i>>(k%2*8)), byte(i>>(k%2*8))
		}
		p := fingerprint.TensorPrint{Eligible: true, Elements: 1 << 16, Name: fmt.Sprint(i), Sketch: s}
		p.Fingerprint = fingerprint.Fingerprint{Kind: fingerprint.Tensor, Value: [32]byte{byte(i), byte(i >> 8)}}
		m.Tensors = append(m.Tensors, p)
	}
	qs, base := blacklist.Questions(m), blacklist.BaseQuestions(m)
	if len(qs) != 1+3000+2*16*16 || len(base) != 1+3000+2*16*128 {
		t.Errorf("%d questions, %d of a base", len(qs), len(base))
	}
	known := make(map[string]bool)
	for _, q := range base {
		if _, err := fingerprint.ParseKind(string(q.Kind)); err != nil {
			t.Fatal(err)
		}
		known[string(q.Input)] = true
	}
	for _, q := range qs {
		if !known[string(q.Input)] {
			t.Fatalf("a base does not answer for its own %s", q.Kind)
		}
	}
}
