package group

import (
	"crypto/subtle"
	"unsafe"

	"github.com/gtank/ristretto255"
)

// A Table holds multiples of one element, so that a product with it takes a third
// of the time, and as GA4 asks none that depends on the scalar: for many secret
// scalars and one public key. With P the element, row i holds 256^i·P to
// 8·256^i·P, as the library's own table of the generator does (Bernstein, Duif,
// Lange, Schwabe, Yang, "High-speed high-security signatures", 2012, section 4).
// Making it costs as much as two products; it takes 41 KB. It is immutable.
type Table struct {
	set  bool
	rows [fixedRows]fixedRow
}

// A fixedRow holds the first word of all multiples, then the second, and so on, as
// they are read.
type fixedRow [len(words{})][fixedMultiples]uint64

// words are an element's memory, so that one of several can be read without an
// address or a branch that depends on which: the library has no such selection. A
// test holds that there is nothing in it but plain words.
type words [unsafe.Sizeof(ristretto255.Element{}) / unsafe.Sizeof(uint64(0))]uint64

func wordsOf(e *ristretto255.Element) *words { return (*words)(unsafe.Pointer(e)) }

// Table makes the element's table.
func (e *Element) Table() *Table {
	t := &Table{set: true}
	base := *e.get()
	for row := range t.rows {
		if row > 0 {
			for range 8 {
				base.Add(&base, &base)
			}
		}
		multiple := base
		for j := range fixedMultiples {
			if j > 0 {
				multiple.Add(&multiple, &base)
			}
			for w, word := range wordsOf(&multiple) {
				t.rows[row][w][j] = word
			}
		}
	}
	return t
}

// Mul returns s·P in constant time: for secret scalars.
func (t *Table) Mul(s *Scalar) *Element {
	if t == nil || !t.set {
		panic("group: GA2: table was never made")
	}
	digits := radix16([ScalarSize]byte(s.Bytes()))
	out := &Element{set: true}
	out.r.Set(ristretto255.NewIdentityElement())
	var term ristretto255.Element
	// Σ digit[2i+1]·256^i·P, sixteen times, and Σ digit[2i]·256^i·P.
	for i := range t.rows {
		t.pick(&term, i, digits[2*i+1])
		out.r.Add(&out.r, &term)
	}
	for range 4 {
		out.r.Add(&out.r, &out.r)
	}
	for i := range t.rows {
		t.pick(&term, i, digits[2*i])
		out.r.Add(&out.r, &term)
	}
	return out
}

// pick sets out to digit·256^row·P, for −8 ≤ digit ≤ 8: it reads the whole row.
func (t *Table) pick(out *ristretto255.Element, row int, digit int8) {
	sign := digit >> 7 // −1 or 0
	size := int32((digit ^ sign) - sign)
	var masks [fixedMultiples]uint64 // all ones for the multiple, zero for the others
	for j := range masks {
		masks[j] = -uint64(subtle.ConstantTimeEq(size, int32(j+1)))
	}
	none := -uint64(subtle.ConstantTimeEq(size, 0))
	out.Set(ristretto255.NewIdentityElement())
	chosen := wordsOf(out)
	for w := range chosen {
		m := &t.rows[row][w]
		chosen[w] = none&chosen[w] |
			masks[0]&m[0] | masks[1]&m[1] | masks[2]&m[2] | masks[3]&m[3] |
			masks[4]&m[4] | masks[5]&m[5] | masks[6]&m[6] | masks[7]&m[7]
	}
	var negated ristretto255.Element
	negated.Negate(out)
	negative := uint64(int64(sign))
	for w, word := range wordsOf(&negated) {
		chosen[w] ^= negative & (chosen[w] ^ word)
	}
}

// radix16 writes a scalar below 2^253 as Σ digit[i]·16^i with −8 ≤ digit ≤ 8, in
// constant time.
func radix16(scalar [ScalarSize]byte) [2 * ScalarSize]int8 {
	var digits [2 * ScalarSize]int8
	for i, b := range scalar {
		digits[2*i], digits[2*i+1] = int8(b&15), int8(b>>4)
	}
	for i := range digits[1:] {
		carry := (digits[i] + 8) >> 4
		digits[i] -= carry << 4
		digits[i+1] += carry
	}
	return digits
}
