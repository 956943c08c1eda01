package fingerprint

import (
	"encoding/binary"
	"slices"
)

// transcode rewrites src, whole elements of d, into class c, little-endian.
// It returns the bytes, or the first element that c does not hold. src may be
// overwritten, but only by equal numbers; dst is scratch.
func transcode(dst, src []byte, d Dtype, c class) ([]byte, number, bool) {
	switch {
	case native(d) == c:
		lanesOf(c.float(), c.size()).canonical(src)
		return src, number{}, true
	case d == F32 && c == classBF16:
		return narrow32(dst, src)
	case d == F32 && c == classF16:
		return halve32(dst, src)
	case identical(d, c):
		return src, number{}, true
	}
	n := len(src) / d.Size()
	w := c.size()
	dst = slices.Grow(dst[:0], n*w)[:n*w]
	for i := range n {
		v := d.number(d.bits(src, i))
		bits, ok := c.encode(v)
		if !ok {
			return nil, v, false
		}
		switch w {
		case 1:
			dst[i] = byte(bits)
		case 2:
			binary.LittleEndian.PutUint16(dst[2*i:], uint16(bits))
		case 4:
			binary.LittleEndian.PutUint32(dst[4*i:], uint32(bits))
		default:
			binary.LittleEndian.PutUint64(dst[8*i:], bits)
		}
	}
	return dst, number{}, true
}

// native returns the class whose bits a float format's are, 0 for the others.
func native(d Dtype) class {
	switch d {
	case F8E4M3:
		return classE4M3
	case F8E5M2:
		return classE5M2
	case BF16:
		return classBF16
	case F16:
		return classF16
	case F32:
		return classF32
	case F64:
		return classF64
	}
	return 0
}

// identical reports whether d's bytes are c's bytes, whatever they are.
func identical(d Dtype, c class) bool {
	switch d {
	case BOOL, U8:
		return c == classU8
	case I8:
		return c == classI8
	case U16:
		return c == classU16
	case I16:
		return c == classI16
	case U32:
		return c == classU32
	case I32:
		return c == classI32
	case U64:
		return c == classU64
	case I64:
		return c == classI64
	}
	return false
}

// lanes is how a float format lies in 64-bit words, for folding −0 and NaNs
// without looking at one element at a time.
type lanes struct {
	size  int
	signs uint64 // the sign bit of every lane
	reach uint64 // added to a magnitude, reaches the sign bit from infinity (or NaN) on
	rest  uint64 // added to a magnitude, misses the sign bit for 0 only
	inf   uint64 // magnitudes above it are NaN
	nan   uint64 // the canonical one
}

// lanesOf returns the lanes of the format m in elements of size bytes.
func lanesOf(m minifloat, size int) lanes {
	width := 8 * size
	sign := uint64(1) << (width - 1)
	inf := (uint64(1)<<m.exponent - 1) << m.mantissa
	first := inf
	if m.finite {
		inf, first = m.nan()-1, m.nan()
	}
	ones := ^uint64(0)
	if width < 64 {
		ones /= 1<<width - 1
	} else {
		ones = 1
	}
	return lanes{size, sign * ones, (sign - first) * ones, (sign - 1) * ones, inf, m.nan()}
}

// special has a sign bit set if any lane of x is −0, infinite or NaN: its
// magnitude plus reach carries into the sign bit, or its magnitude plus rest
// does not while the sign is set. No lane carries into the next.
func special(x, signs, reach, rest uint64) uint64 {
	y := x &^ signs
	return (y + reach) | (x &^ (y + rest))
}

// canonical folds −0 to 0 and NaNs to one, in place. It touches only blocks
// that hold a special element: weights almost never do.
func (l lanes) canonical(b []byte) {
	signs, reach, rest := l.signs, l.reach, l.rest
	for ; len(b) >= 32; b = b[32:] {
		w := (*[32]byte)(b)
		s := special(binary.LittleEndian.Uint64(w[0:8]), signs, reach, rest) |
			special(binary.LittleEndian.Uint64(w[8:16]), signs, reach, rest) |
			special(binary.LittleEndian.Uint64(w[16:24]), signs, reach, rest) |
			special(binary.LittleEndian.Uint64(w[24:32]), signs, reach, rest)
		if s&signs != 0 {
			l.fix(w[:])
		}
	}
	l.fix(b)
}

func (l lanes) fix(b []byte) {
	mask := uint64(1)<<(8*l.size-1) - 1
	for ; len(b) > 0; b = b[l.size:] {
		switch l.size {
		case 1:
			b[0] = byte(l.fold(uint64(b[0]), mask))
		case 2:
			binary.LittleEndian.PutUint16(b, uint16(l.fold(uint64(binary.LittleEndian.Uint16(b)), mask)))
		case 4:
			binary.LittleEndian.PutUint32(b, uint32(l.fold(uint64(binary.LittleEndian.Uint32(b)), mask)))
		default:
			binary.LittleEndian.PutUint64(b, l.fold(binary.LittleEndian.Uint64(b), mask))
		}
	}
}

func (l lanes) fold(x, mask uint64) uint64 {
	switch y := x & mask; {
	case y == 0:
		return 0
	case y > l.inf:
		return l.nan
	}
	return x
}

// narrow32 is the most common lossless up-cast undone: F32 that holds BF16.
func narrow32(dst, src []byte) ([]byte, number, bool) {
	n := len(src) / 4
	dst = slices.Grow(dst[:0], 2*n)[:2*n]
	for i := range n {
		x := binary.LittleEndian.Uint32(src[4*i:])
		h := uint16(x >> 16)
		switch {
		case x&0x7fff_ffff > 0x7f80_0000:
			h = uint16(formatBF16.nan())
		case x&0xffff != 0:
			return nil, F32.number(uint64(x)), false
		case h == 0x8000:
			h = 0
		}
		binary.LittleEndian.PutUint16(dst[2*i:], h)
	}
	return dst, number{}, true
}

// halve32 is the same for F32 that holds F16.
func halve32(dst, src []byte) ([]byte, number, bool) {
	n := len(src) / 4
	dst = slices.Grow(dst[:0], 2*n)[:2*n]
	for i := range n {
		x := binary.LittleEndian.Uint32(src[4*i:])
		var h uint64
		// Normal in both: the exponent moves by the difference of the biases,
		// 127 − 15. Everything else is rare and goes the long way.
		if e := x >> 23 & 0xff; e > 127-15 && e < 127+16 && x&0x1fff == 0 {
			h = uint64(x>>31<<15 | ((x&0x7fff_ffff)>>13 - (127-15)<<10))
		} else {
			v := F32.number(uint64(x))
			var ok bool
			if h, ok = formatF16.encode(v.f); !ok {
				return nil, v, false
			}
		}
		binary.LittleEndian.PutUint16(dst[2*i:], uint16(h))
	}
	return dst, number{}, true
}
