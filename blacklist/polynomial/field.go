package polynomial

import (
	"math/bits"
)

// number is a residue modulo the order ℓ of ristretto255 in Montgomery form: the
// limbs, least significant first, are those of x·2^256 mod ℓ, below ℓ.
type number [4]uint64

// order is ℓ = 2^252 + 27742317777372353535851937790883648493.
var order = number{0x5812631a5cf5d3ed, 0x14def9dea2f79cd6, 0, 0x1000000000000000}

// orderInverse is −ℓ^−1 mod 2^64.
const orderInverse = 0xd2b51da312547e1b

// squared is 2^512 mod ℓ: it brings a number into Montgomery form.
var squared = number{0xa40611e3449c0f01, 0xd00e1ba768859347, 0xceec73d217f5be65, 0x0399411b7c309a3d}

// mul returns x·y·2^−256 mod ℓ: the product of Koç, Acar and Kaliski, "Analyzing
// and Comparing Montgomery Multiplication Algorithms", CIOS. Inputs below ℓ.
func (x *number) mul(y *number) (z number) {
	var t0, t1, t2, t3, t4 uint64
	for i := range 4 {
		yi := y[i]
		var c, h, l, k uint64
		h, l = bits.Mul64(x[0], yi)
		t0, k = bits.Add64(t0, l, 0)
		c = h + k
		h, l = bits.Mul64(x[1], yi)
		l, k = bits.Add64(l, c, 0)
		h += k
		t1, k = bits.Add64(t1, l, 0)
		c = h + k
		h, l = bits.Mul64(x[2], yi)
		l, k = bits.Add64(l, c, 0)
		h += k
		t2, k = bits.Add64(t2, l, 0)
		c = h + k
		h, l = bits.Mul64(x[3], yi)
		l, k = bits.Add64(l, c, 0)
		h += k
		t3, k = bits.Add64(t3, l, 0)
		c = h + k
		t4 += c // ℓ is below 2^253: nothing is carried out of five limbs

		m := t0 * orderInverse
		h, l = bits.Mul64(m, order[0])
		_, k = bits.Add64(t0, l, 0)
		c = h + k
		h, l = bits.Mul64(m, order[1])
		l, k = bits.Add64(l, c, 0)
		h += k
		t0, k = bits.Add64(t1, l, 0)
		c = h + k
		// order[2] is 0.
		t1, c = bits.Add64(t2, c, 0)
		h, l = m>>4, m<<60 // m·order[3]
		l, k = bits.Add64(l, c, 0)
		h += k
		t2, k = bits.Add64(t3, l, 0)
		t3, t4 = t4+h+k, 0
	}
	z = number{t0, t1, t2, t3}
	z.reduce()
	return z
}

// reduce brings a value below 2ℓ below ℓ.
func (x *number) reduce() {
	var t number
	var b uint64
	t[0], b = bits.Sub64(x[0], order[0], 0)
	t[1], b = bits.Sub64(x[1], order[1], b)
	t[2], b = bits.Sub64(x[2], order[2], b)
	t[3], b = bits.Sub64(x[3], order[3], b)
	if b == 0 {
		*x = t
	}
}

func (x *number) add(y *number) (z number) {
	var c uint64
	z[0], c = bits.Add64(x[0], y[0], 0)
	z[1], c = bits.Add64(x[1], y[1], c)
	z[2], c = bits.Add64(x[2], y[2], c)
	z[3], _ = bits.Add64(x[3], y[3], c)
	z.reduce()
	return z
}

func (x *number) sub(y *number) (z number) {
	var b uint64
	z[0], b = bits.Sub64(x[0], y[0], 0)
	z[1], b = bits.Sub64(x[1], y[1], b)
	z[2], b = bits.Sub64(x[2], y[2], b)
	z[3], b = bits.Sub64(x[3], y[3], b)
	if b != 0 {
		var c uint64
		z[0], c = bits.Add64(z[0], order[0], 0)
		z[1], c = bits.Add64(z[1], order[1], c)
		z[2], c = bits.Add64(z[2], order[2], c)
		z[3], _ = bits.Add64(z[3], order[3], c)
	}
	return z
}
