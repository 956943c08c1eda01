package voprf

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/haltlog/haltlog/internal/group"
)

// interpolates holds what weigh adds up against the polynomial that the terms lie on.
func interpolates(t *testing.T, indices []int) {
	t.Helper()
	f, err := randomPolynomial(group.RandomScalar(), len(indices), maxEvaluators, system())
	if err != nil {
		t.Fatal(err)
	}
	add, err := weigh(indices)
	if err != nil {
		t.Fatal(err)
	}
	base := group.MulBase(group.RandomScalar())
	terms, sum := make([]*group.Element, len(indices)), group.ScalarFromUint64(0)
	weights, err := Lagrange(indices)
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range indices {
		terms[i] = base.Mul(f.at(x))
		sum = sum.Add(weights[i].Mul(f.at(x)))
	}
	got, err := add(terms)
	if err != nil || !got.Equal(base.Mul(f[0])) || !sum.Equal(f[0]) {
		t.Errorf("%v: %v", indices, err)
	}
}

// TestWeigh: whoever the holders are, whole weights, fractions and such as fit into
// no word give the same.
func TestWeigh(t *testing.T) {
	t.Attr("invariant", "VO7")
	for n := 1; n <= 5; n++ {
		for size := 1; size <= n; size++ {
			for _, s := range subsets(size, n) {
				interpolates(t, s)
				slices.Reverse(s)
				interpolates(t, s)
			}
		}
	}
	interpolates(t, []int{255})
	interpolates(t, []int{254, 255})
	all := rand.New(rand.NewPCG(1, 2)).Perm(maxEvaluators)
	for i := range all {
		all[i]++
	}
	for _, size := range []int{3, 7, 12, 40} {
		interpolates(t, all[:size])
	}
	if _, _, ok := fractions(all[:40]); ok {
		t.Error("the weights of 40 holders fit into a word: the test misses the third case")
	}
	if n, d, ok := fractions([]int{1, 3}); !ok || d != 2 || !slices.Equal(n, []int64{3, -1}) {
		t.Errorf("%v/%d", n, d)
	}
	if n, d, ok := fractions([]int{3, 2, 1}); !ok || d != 1 || !slices.Equal(n, []int64{1, -3, 3}) {
		t.Errorf("%v/%d", n, d)
	}
	for _, bad := range [][]int{{1, 1}, {0, 1}, {256}, {-1}} {
		if _, err := weigh(bad); !errors.Is(err, ErrSet) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}
