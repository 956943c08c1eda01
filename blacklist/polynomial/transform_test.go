package polynomial

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/haltlog/haltlog/internal/field"
	"github.com/haltlog/haltlog/internal/group"
)

// TestTransformed holds the transforms against products made term by term, for
// random coefficients and for the largest.
func TestTransformed(t *testing.T) {
	for n := 1; n <= 512; n *= 2 {
		a, b := make([]field.Element, n), make([]field.Element, n)
		for i := range n {
			seed := binary.BigEndian.AppendUint64(nil, uint64(i))
			a[i] = load([32]byte(group.HashToScalar("haltlog/test/polynomial-a", seed).Bytes()))
			b[i] = load([32]byte(group.HashToScalar("haltlog/test/polynomial-b", seed).Bytes()))
		}
		largest := slices.Repeat([]field.Element{field.One().Neg()}, n)
		for _, pair := range [][2][]field.Element{{a, b}, {a, largest}, {largest, largest}} {
			want := make([]field.Element, 2*n-1)
			for i := range n {
				for j := range n {
					p := pair[0][i].Mul(&pair[1][j])
					want[i+j] = want[i+j].Add(&p)
				}
			}
			if !slices.Equal(transformed(pair[0], pair[1]), want) {
				t.Fatalf("length %d: the products differ", n)
			}
		}
	}
}

// TestLarge: a polynomial of the length that is multiplied by transforms vanishes
// at its roots alone.
func TestLarge(t *testing.T) {
	list := roots(3000)
	p := New(list)
	at := func(x field.Element) (y field.Element) {
		for _, c := range slices.Backward(p.c) {
			y = y.Mul(&x)
			y = y.Add(&c)
		}
		return y
	}
	for i := 0; i < len(list); i += 100 {
		if !at(load(list[i])).IsZero() {
			t.Fatalf("root %d is none", i)
		}
	}
	if at(field.FromUint64(7)).IsZero() {
		t.Error("7 is a root")
	}
}
