package fingerprint

import "math"

// class is a canonical form of a tensor's elements. A tensor is hashed in the
// first class, in this order, that holds every one of its elements exactly.
// The choice depends on the values alone, so every lossless cast arrives at
// the same class and bytes (F1), and the hash runs over the fewest bytes: an
// F32 file of BF16 values costs half an F32 hash. Hashing everything as F64
// instead would need no choice and four times the work for BF16.
//
// The numbers enter the fingerprint; they never change.
type class uint8

const (
	classU8   class = 1
	classI8   class = 2
	classE4M3 class = 3
	classE5M2 class = 4
	classBF16 class = 5
	classF16  class = 6
	classU16  class = 7
	classI16  class = 8
	classF32  class = 9
	classU32  class = 10
	classI32  class = 11
	classF64  class = 12
	classU64  class = 13
	classI64  class = 14
)

// size returns the bytes of one element.
func (c class) size() int {
	switch {
	case c <= classE5M2:
		return 1
	case c <= classI16:
		return 2
	case c <= classI32:
		return 4
	default:
		return 8
	}
}

// encode returns n's bits in c, or false if c does not hold n exactly. −0 is
// 0 and every NaN the one quiet NaN of positive sign.
func (c class) encode(n number) (uint64, bool) {
	switch c {
	case classU8:
		return n.unsigned(1 << 8)
	case classI8:
		return n.signed(1 << 7)
	case classU16:
		return n.unsigned(1 << 16)
	case classI16:
		return n.signed(1 << 15)
	case classU32:
		return n.unsigned(1 << 32)
	case classI32:
		return n.signed(1 << 31)
	case classU64:
		if n.wide {
			return n.mag, !n.neg
		}
		return n.unsigned(1 << 64)
	case classI64:
		if n.wide {
			if n.neg {
				return -n.mag, n.mag <= 1<<63
			}
			return n.mag, n.mag < 1<<63
		}
		return n.signed(1 << 63)
	}
	if n.wide {
		return 0, false
	}
	if c == classF64 {
		switch {
		case n.f == 0:
			return 0, true
		case n.f != n.f:
			return formatF64.nan(), true
		}
		return math.Float64bits(n.f), true
	}
	return c.float().encode(n.f)
}

// float returns the format of a float class.
func (c class) float() minifloat {
	switch c {
	case classE4M3:
		return formatE4M3
	case classE5M2:
		return formatE5M2
	case classBF16:
		return formatBF16
	case classF16:
		return formatF16
	case classF32:
		return formatF32
	}
	return formatF64
}

// after returns the first class after c that holds n. There is always one:
// every dtype's numbers fit F64, U64 or I64.
func (c class) after(n number) class {
	for c++; c < classI64; c++ {
		if _, ok := c.encode(n); ok {
			return c
		}
	}
	return c
}

// unsigned returns n as an integer below limit.
func (n number) unsigned(limit float64) (uint64, bool) {
	if n.wide || !(n.f >= 0 && n.f < limit) || n.f != math.Trunc(n.f) {
		return 0, false
	}
	return uint64(n.f), true
}

// signed returns n as a two's complement integer in [−limit, limit).
func (n number) signed(limit float64) (uint64, bool) {
	if n.wide || !(n.f >= -limit && n.f < limit) || n.f != math.Trunc(n.f) {
		return 0, false
	}
	return uint64(int64(n.f)), true
}
