package clearing

import (
	"testing"

	"github.com/haltlog/haltlog/blacklist/voprf"
)

// TestAnswersAroundARefresh: answers under either sharing of one key are evaluations
// under that key, while the newer set waits for its force and ever after; a mixture
// of both is none.
func TestAnswersAroundARefresh(t *testing.T) {
	t.Attr("invariant", "CL2")
	key := voprf.GenerateKey()
	var sets []voprf.Set
	var answers [][]Answer
	xs := [][]byte{[]byte("a"), []byte("b")}
	q, err := voprf.NewQuery(key.Public(), xs)
	if err != nil {
		t.Fatal(err)
	}
	asked := Query{KeyVersion: 1}
	for i := range xs {
		b, _ := q.Commitment(i)
		asked.Blinded = append(asked.Blinded, Hex32(b))
	}
	for range 2 {
		s, err := voprf.Deal(key, 2, 3)
		if err != nil {
			t.Fatal(err)
		}
		sets = append(sets, voprf.Set{Version: 1, PublicKey: key.Public().Bytes(), T: 2, N: 3, Commitments: s.Commitments})
		var of []Answer
		for _, share := range s.Shares[:2] {
			b, err := voprf.NewShareEvaluator(share).Answer(q.Requests()[0])
			if err != nil {
				t.Fatal(err)
			}
			of = append(of, Answer{share.Index(), [][]byte{b}})
		}
		answers = append(answers, of)
	}
	asked.Answers = answers[0]
	want, err := asked.evaluations(sets)
	if err != nil {
		t.Fatal(err)
	}
	asked.Answers = answers[1]
	got, err := asked.evaluations(sets)
	if err != nil || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("under the older set: %v", err)
	}
	if _, err := asked.evaluations(sets[:1]); err == nil {
		t.Error("shares of one set answer for another")
	}
	asked.Answers = []Answer{answers[0][0], answers[1][1]}
	if _, err := asked.evaluations(sets); err == nil {
		t.Error("a mixture of two sharings is an evaluation")
	}
}
