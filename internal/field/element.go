package field

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// ErrNotCanonical is returned for 32 bytes that are not below the order.
var ErrNotCanonical = errors.New("not a canonical scalar")

// Size is the length of an encoding in bytes.
const Size = 32

// Element is x·2^256 mod ℓ, least significant limb first. The zero value is 0.
type Element [4]uint64

// The order ℓ by limbs; the third is 0, the fourth 2^60.
const (
	order0 = 0x5812631a5cf5d3ed
	order1 = 0x14def9dea2f79cd6
	order3 = 0x1000000000000000
)

// inverse is −ℓ^−1 mod 2^64.
const inverse = 0xd2b51da312547e1b

// square is 2^512 mod ℓ: a product with it brings a number into Montgomery form.
func square() *Element {
	return &Element{0xa40611e3449c0f01, 0xd00e1ba768859347, 0xceec73d217f5be65, 0x0399411b7c309a3d}
}

// One returns 1.
func One() Element {
	return Element{0xd6ec31748d98951d, 0xc6ef5bf4737dcf70, 0xfffffffffffffffe, 0x0fffffffffffffff}
}

// FromUint64 returns v.
func FromUint64(v uint64) Element {
	e := Element{v}
	return e.Mul(square())
}

// Decode reads 32 bytes, little-endian, below ℓ. The error is ErrNotCanonical.
func Decode(b []byte) (Element, error) {
	if len(b) != Size {
		return Element{}, ErrNotCanonical
	}
	var x Element
	for i := range x {
		x[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	if _, borrow := x.minusOrder(); borrow == 0 {
		return Element{}, ErrNotCanonical
	}
	return x.Mul(square()), nil
}

// Bytes returns the canonical encoding, little-endian.
func (x Element) Bytes() (b [Size]byte) {
	y := x.Mul(&Element{1})
	for i, l := range y {
		binary.LittleEndian.PutUint64(b[8*i:], l)
	}
	return b
}

// IsZero reports whether x is 0.
func (x Element) IsZero() bool { return x[0]|x[1]|x[2]|x[3] == 0 }

// minusOrder returns x − ℓ and the borrow: 1 where x is below ℓ.
func (x *Element) minusOrder() (z Element, borrow uint64) {
	z[0], borrow = bits.Sub64(x[0], order0, 0)
	z[1], borrow = bits.Sub64(x[1], order1, borrow)
	z[2], borrow = bits.Sub64(x[2], 0, borrow)
	z[3], borrow = bits.Sub64(x[3], order3, borrow)
	return z, borrow
}

// reduce brings a value below 2ℓ below ℓ.
func (x Element) reduce() Element {
	z, borrow := x.minusOrder()
	keep := -borrow // all ones where x was below ℓ
	return Element{
		z[0] ^ keep&(z[0]^x[0]),
		z[1] ^ keep&(z[1]^x[1]),
		z[2] ^ keep&(z[2]^x[2]),
		z[3] ^ keep&(z[3]^x[3]),
	}
}

// Add returns x + y.
func (x Element) Add(y *Element) Element {
	var z Element
	var c uint64
	z[0], c = bits.Add64(x[0], y[0], 0)
	z[1], c = bits.Add64(x[1], y[1], c)
	z[2], c = bits.Add64(x[2], y[2], c)
	z[3], _ = bits.Add64(x[3], y[3], c) // 2ℓ is below 2^256
	return z.reduce()
}

// Sub returns x − y.
func (x Element) Sub(y *Element) Element {
	var z Element
	var b, c uint64
	z[0], b = bits.Sub64(x[0], y[0], 0)
	z[1], b = bits.Sub64(x[1], y[1], b)
	z[2], b = bits.Sub64(x[2], y[2], b)
	z[3], b = bits.Sub64(x[3], y[3], b)
	under := -b
	z[0], c = bits.Add64(z[0], under&order0, 0)
	z[1], c = bits.Add64(z[1], under&order1, c)
	z[2], c = bits.Add64(z[2], 0, c)
	z[3], _ = bits.Add64(z[3], under&order3, c)
	return z
}

// Neg returns −x.
func (x Element) Neg() Element {
	var zero Element
	return zero.Sub(&x)
}
