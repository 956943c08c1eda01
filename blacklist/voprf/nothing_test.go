package voprf

import (
	"errors"
	"testing"

	"github.com/haltlog/haltlog/internal/group"
)

// withoutShare is a sharing among n, 2 of whom answer, in which one holder's share is
// zero: f(i) = a − (a/holder)·i. A dealer who deals last and is that holder makes one,
// since he alone knows what the others dealt to him.
func withoutShare(tb testing.TB, n, holder int) (Set, []*Share) {
	tb.Helper()
	a := group.RandomScalar()
	inverse, err := group.ScalarFromUint64(uint64(holder)).Invert()
	if err != nil {
		tb.Fatal(err)
	}
	f := coefficients{a, a.Mul(inverse).Neg()}
	set := Set{Version: 1, T: 2, N: n, Commitments: encodeAll(f.commitments())}
	set.PublicKey = set.Commitments[0]
	var shares []*Share
	for i := 1; i <= n; i++ {
		if i == holder {
			continue
		}
		s, err := NewShare(i, f.at(i).Bytes())
		if err != nil {
			tb.Fatal(err)
		}
		shares = append(shares, s)
	}
	return set, shares
}

// TestHolderOfNothing: a holder whose share is zero under the commitments is not
// counted, whatever it answers, and does not keep the others' answers from being.
func TestHolderOfNothing(t *testing.T) {
	t.Attr("invariant", "VO7")
	for holder := 1; holder <= 3; holder++ {
		set, shares := withoutShare(t, 3, holder)
		if err := set.Validate(); err != nil {
			t.Fatal(err)
		}
		pk, err := set.Key()
		if err != nil {
			t.Fatal(err)
		}
		q, err := NewQuery(pk, prints(3))
		if err != nil {
			t.Fatal(err)
		}
		answers := askHolders(t, q, shares, nil)
		want, lies, err := q.Combine(set, answers)
		if err != nil || len(lies) > 0 {
			t.Fatal(lies, err)
		}
		answers[holder] = answers[shares[0].Index()]
		got, lies, err := q.Combine(set, answers)
		if err != nil || len(got) != len(want) || got[0] != want[0] || got[2] != want[2] {
			t.Errorf("holder %d of nothing: %v", holder, err)
		}
		if len(lies) > 1 || len(lies) == 1 && lies[0].Index != holder {
			t.Errorf("lies of %v", lies)
		}
		delete(answers, shares[1].Index())
		if _, _, err := q.Combine(set, answers); !errors.Is(err, ErrFewAnswers) {
			t.Errorf("holder %d of nothing and one other: %v", holder, err)
		}
		// The same among those who hold the factor between two keys.
		var old []Label
		for range 3 {
			old = append(old, Label(GenerateKey().Public().Bytes()))
		}
		r := Rotation{Delta: set.Commitments}
		some := map[int][]byte{}
		for _, s := range shares {
			if some[s.Index()], err = NewShareEvaluator(s).Answer(join(bytesOf(old))); err != nil {
				t.Fatal(err)
			}
		}
		some[holder] = some[shares[0].Index()]
		if fresh, _, err := r.Labels(old, some); err != nil || len(fresh) != 3 {
			t.Errorf("rotation, holder %d of nothing: %v", holder, err)
		}
	}
	// A number that is no holder's is the caller's mistake, as before.
	set, shares := share(t, GenerateKey(), 2, 3)
	pk, err := set.Key()
	if err != nil {
		t.Fatal(err)
	}
	q, err := NewQuery(pk, prints(1))
	if err != nil {
		t.Fatal(err)
	}
	answers := askHolders(t, q, shares, nil)
	for _, no := range []int{0, -1, 4, 256} {
		answers[no] = answers[1]
		if no < 1 {
			if _, _, err := q.Combine(set, answers); !errors.Is(err, ErrSet) {
				t.Errorf("holder %d: %v", no, err)
			}
		}
		delete(answers, no)
	}
}
