package polynomial

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
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
			if whole(got[i].Bytes()).Cmp(want[i]) != 0 {
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
	for _, d := range []int{10, 14, 17, 20} {
		b.Run(fmt.Sprintf("2^%d-1", d), func(b *testing.B) {
			r := roots(1<<d - 1)
			for b.Loop() {
				New(r)
			}
		})
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
		x = x.Mul(&y)
	}
}

// FuzzParse: what is taken is printed again to the last byte (PL1).
func FuzzParse(f *testing.F) {
	for _, n := range []int{0, 1, 5} {
		f.Add(New(roots(n)).Encoding(), uint64(n))
	}
	f.Add([]byte("haltlog/blacklist/polynomial/v1\n0\n"), uint64(1))
	f.Fuzz(func(t *testing.T, b []byte, n uint64) {
		p, err := Parse(b, n)
		if err != nil {
			return
		}
		if !bytes.Equal(p.Encoding(), b) || p.Count() != n {
			t.Error("two encodings")
		}
	})
}

// TestParseRefuses: another degree, length, number of roots, or leading coefficient.
func TestParseRefuses(t *testing.T) {
	t.Attr("invariant", "PL1")
	good := New(roots(5)).Encoding()
	if p, err := Parse(good, 5); err != nil || p.Hash() != New(roots(5)).Hash() || p.D() != 2 {
		t.Fatalf("%v", err)
	}
	double := bytes.Clone(good)
	double[len(double)-32] = 2
	large := bytes.Clone(good)
	large[len(large)-33] = 0xff
	for name, c := range map[string]struct {
		b []byte
		n uint64
	}{
		"roots": {good, 9}, "too many roots": {good, MaxRoots + 1}, "short": {good[:len(good)-32], 5}, "long": {append(bytes.Clone(good), 0), 5},
		"format": {bytes.Replace(good, []byte("v1"), []byte("v2"), 1), 5}, "not monic": {double, 5}, "not canonical": {large, 5}, "empty": {nil, 0},
	} {
		if _, err := Parse(c.b, c.n); !errors.Is(err, ErrPolynomial) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
