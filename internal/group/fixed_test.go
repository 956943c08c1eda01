package group

import (
	"bytes"
	"math/big"
	"reflect"
	"testing"

	"github.com/gtank/ristretto255"
	"pgregory.net/rapid"
)

// TestFixedTableIsTheProduct holds a table's products to the library's.
func TestFixedTableIsTheProduct(t *testing.T) {
	t.Attr("invariant", "GA5")
	for _, element := range []*Element{Generator(), MulBase(RandomScalar()), Generator().Neg()} {
		table := element.Table()
		same := func(s *Scalar) {
			t.Helper()
			got := table.Mul(s)
			if !got.Equal(element.Mul(s)) || !bytes.Equal(got.Bytes(), element.Mul(s).Bytes()) {
				t.Errorf("%x·P", s.Bytes())
			}
		}
		for _, digit := range []byte{0, 1, 7, 8, 9, 15} { // each digit in each place, with and without a carry
			for place := range 63 {
				for _, filler := range []byte{0x00, 0x77, 0x88} {
					b := bytes.Repeat([]byte{filler}, ScalarSize)
					b[31] &= 0x0f
					b[place/2] = b[place/2]&^(15<<(4*(place%2))) | digit<<(4*(place%2))
					s, err := DecodeScalar(b)
					if err != nil {
						t.Fatal(err)
					}
					if place%8 == 0 || filler == 0x88 {
						same(s)
					}
				}
			}
		}
		for _, s := range []*Scalar{ScalarFromUint64(0), ScalarFromUint64(1), ScalarFromUint64(1).Neg(), ScalarFromUint64(16).Neg()} {
			same(s)
		}
		for range 100 {
			same(RandomScalar())
		}
	}
}

func TestRadix16(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := [32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "bytes"))
		b[31] &= 0x1f
		sum := new(big.Int)
		for i, d := range radix16(b) {
			if d < -8 || d > 8 {
				t.Fatalf("digit %d at %d", d, i)
			}
			sum.Add(sum, new(big.Int).Lsh(big.NewInt(int64(d)), uint(4*i)))
		}
		if sum.Sign() < 0 || !bytes.Equal(littleEndian(sum), b[:]) {
			t.Fatalf("sum %v", sum)
		}
	})
}

// TestElementIsPlainWords: an element's memory may be copied word by word only while
// there is no pointer in it, and nothing narrower than a word.
func TestElementIsPlainWords(t *testing.T) {
	t.Attr("invariant", "GA4")
	var plain func(of reflect.Type) uintptr
	plain = func(of reflect.Type) uintptr {
		switch of.Kind() {
		case reflect.Uint64:
			return 8
		case reflect.Struct:
			sum := uintptr(0)
			for field := range of.Fields() {
				sum += plain(field.Type)
			}
			return sum
		case reflect.Array:
			if of.Len() == 0 { // what makes a struct incomparable
				return 0
			}
			return uintptr(of.Len()) * plain(of.Elem())
		default:
			t.Fatalf("%v in an element", of)
			return 0
		}
	}
	of := reflect.TypeFor[ristretto255.Element]()
	if got := plain(of); got != of.Size() || got != uintptr(len(words{}))*8 {
		t.Errorf("%d bytes of words in %d", got, of.Size())
	}
}

func TestFixedTableOfZeroValue(t *testing.T) {
	t.Attr("invariant", "GA2")
	for name, call := range map[string]func(){
		"element": func() { (&Element{}).Table() },
		"scalar":  func() { Generator().Table().Mul(&Scalar{}) },
		"table":   func() { (&Table{}).Mul(ScalarFromUint64(0)) },
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

func BenchmarkFixedTable(b *testing.B) {
	e := MulBase(RandomScalar())
	for b.Loop() {
		e.Table()
	}
}

func BenchmarkFixedTableMul(b *testing.B) {
	s, t := RandomScalar(), MulBase(RandomScalar()).Table()
	for b.Loop() {
		t.Mul(s)
	}
}
