package group

import (
	"bytes"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// TestTableIsTheProduct holds the tables to the library's own double product.
func TestTableIsTheProduct(t *testing.T) {
	t.Attr("invariant", "GA5")
	element := MulBase(RandomScalar())
	table := element.VarTimeTable()
	edges := []*Scalar{
		ScalarFromUint64(0), ScalarFromUint64(1), ScalarFromUint64(2), ScalarFromUint64(1 << 63),
		ScalarFromUint64(1<<64 - 1), ScalarFromUint64(1).Neg(), ScalarFromUint64(2).Neg(), ScalarFromUint64(1 << 32).Neg(),
	}
	for _, shift := range []uint{31, 32, 33, 63, 64, 65, 127, 128, 192, 224, 250, 251, 252} {
		n := new(big.Int).Lsh(big.NewInt(1), shift)
		for _, d := range []int64{-1, 0, 1} {
			s, err := DecodeScalar(littleEndian(new(big.Int).Mod(new(big.Int).Add(n, big.NewInt(d)), order())))
			if err != nil {
				t.Fatal(err)
			}
			edges = append(edges, s)
		}
	}
	same := func(a, b *Scalar) bool {
		return table.VarTimeMulBaseAdd(a, b).Equal(element.VarTimeMulBaseAdd(a, b))
	}
	for _, a := range edges {
		for _, b := range edges {
			if !same(a, b) {
				t.Fatalf("%x·G + %x·P", a.Bytes(), b.Bytes())
			}
		}
	}
	for range 500 {
		if a, b := RandomScalar(), RandomScalar(); !same(a, b) {
			t.Fatalf("%x·G + %x·P", a.Bytes(), b.Bytes())
		}
	}
}

func TestNonAdjacent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "bytes")
		b[31] &= 0x1f
		width := rapid.IntRange(2, 8).Draw(t, "width")
		sum, last := new(big.Int), -width
		for i, d := range nonAdjacent(b, width) {
			if d == 0 {
				continue
			}
			if d%2 == 0 || int(d) >= 1<<(width-1) || int(d) <= -1<<(width-1) || i-last < width {
				t.Fatalf("digit %d at %d", d, i)
			}
			last = i
			sum.Add(sum, new(big.Int).Lsh(big.NewInt(int64(d)), uint(i)))
		}
		if sum.Sign() < 0 || !bytes.Equal(littleEndian(sum), b) {
			t.Fatalf("sum %v", sum)
		}
	})
}

func TestTableOfZeroValue(t *testing.T) {
	t.Attr("invariant", "GA2")
	table := Generator().VarTimeTable()
	one := ScalarFromUint64(1)
	for name, call := range map[string]func(){
		"element": func() { (&Element{}).VarTimeTable() },
		"first":   func() { table.VarTimeMulBaseAdd(&Scalar{}, one) },
		"second":  func() { table.VarTimeMulBaseAdd(one, &Scalar{}) },
		"table":   func() { (&VarTimeTable{}).VarTimeMulBaseAdd(one, one) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: a zero value was used", name)
				}
			}()
			call()
		}()
	}
}

func BenchmarkTable(b *testing.B) {
	e := MulBase(RandomScalar())
	for b.Loop() {
		e.VarTimeTable()
	}
}

func BenchmarkTableMulBaseAdd(b *testing.B) {
	x, y, t := RandomScalar(), RandomScalar(), MulBase(RandomScalar()).VarTimeTable()
	for b.Loop() {
		t.VarTimeMulBaseAdd(x, y)
	}
}
