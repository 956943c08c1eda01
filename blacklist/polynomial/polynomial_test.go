package polynomial

import (
	"encoding/binary"
	"math/big"
	"slices"
	"testing"

	"github.com/haltlog/haltlog/internal/group"
)

func roots(n int) [][32]byte {
	var out [][32]byte
	for i := range n {
		out = append(out, [32]byte(group.HashToScalar("haltlog/test/root", binary.BigEndian.AppendUint64(nil, uint64(i))).Bytes()))
	}
	return out
}

func whole(b [32]byte) *big.Int {
	slices.Reverse(b[:])
	return new(big.Int).SetBytes(b[:])
}

// TestCoefficients holds them against plain arithmetic on whole numbers.
func TestCoefficients(t *testing.T) {
	t.Attr("invariant", "PL1")
	l, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	for _, n := range []int{0, 1, 2, 3, 4, 7, 8, 40, 100} {
		p := New(roots(n))
		all := roots(n)
		size := 2<<Degree(uint64(n)) - 1
		for i := 0; len(all) < size; i++ {
			all = append(all, Pad(uint64(i)))
		}
		want := []*big.Int{big.NewInt(1)}
		for _, r := range all {
			next := make([]*big.Int, len(want)+1)
			for i := range next {
				next[i] = new(big.Int)
			}
			for i, c := range want {
				next[i+1].Add(next[i+1], c)
				next[i].Sub(next[i], new(big.Int).Mul(c, whole(r)))
			}
			for i := range next {
				next[i].Mod(next[i], l)
			}
			want = next
		}
		got := p.Coefficients()
		if len(got) != size+1 {
			t.Fatalf("%d roots: %d coefficients", n, len(got))
		}
		for i := range got {
			if whole(got[i]).Cmp(want[i]) != 0 {
				t.Fatalf("%d roots: coefficient %d", n, i)
			}
		}
	}
}

func TestAdd(t *testing.T) {
	t.Attr("invariant", "PL1")
	p := New(nil)
	for i, r := range roots(70) {
		p.Add(r)
		if p.Hash() != New(roots(i+1)).Hash() {
			t.Fatalf("%d roots one by one give another polynomial", i+1)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	r := roots(1<<14 - 1)
	for b.Loop() {
		New(r)
	}
}

func BenchmarkAdd(b *testing.B) {
	p := New(roots(1 << 13))
	r := roots(1<<13 + 1)[1<<13]
	for b.Loop() {
		q := p.Clone()
		q.Add(r)
	}
}

func BenchmarkMul(b *testing.B) {
	x, y := load(roots(2)[0]), load(roots(2)[1])
	for b.Loop() {
		x = x.mul(&y)
	}
}
