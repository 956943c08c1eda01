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
	case d == BF16 && c == classBF16:
		canonical16(src, 0x7f80, formatBF16.nan())
		return src, number{}, true
	case d == F16 && c == classF16:
		canonical16(src, 0x7c00, formatF16.nan())
		return src, number{}, true
	case d == F32 && c == classF32:
		canonical32(src)
		return src, number{}, true
	case d == F64 && c == classF64:
		canonical64(src)
		return src, number{}, true
	case d == F32 && c == classBF16:
		return narrow32(dst, src)
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

const (
	low16  = 0x0001_0001_0001_0001
	sign16 = 0x8000 * low16
	low32  = 0x0000_0001_0000_0001
	sign32 = 0x8000_0000 * low32
)

// canonical16 folds −0 and NaNs in place in a two-byte float format whose
// exponent mask is exp. It looks at four elements at a time and touches only
// words that hold a special one: weights almost never do.
func canonical16(b []byte, exp uint16, nan uint64) {
	reach := uint64(0x8000-exp) * low16
	i := 0
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		y := x &^ sign16
		// Lane by lane: y + reach has the top bit iff the exponent is all
		// ones; y + 0x7fff lacks it iff y is 0.
		special := (y + reach) | (^(y + 0x7fff*low16) & x)
		if special&sign16 == 0 {
			continue
		}
		for j := i; j < i+8; j += 2 {
			fix16(b[j:], exp, nan)
		}
	}
	for ; i < len(b); i += 2 {
		fix16(b[i:], exp, nan)
	}
}

func fix16(b []byte, exp uint16, nan uint64) {
	switch x := binary.LittleEndian.Uint16(b); {
	case x&0x7fff == 0:
		binary.LittleEndian.PutUint16(b, 0)
	case x&0x7fff > exp:
		binary.LittleEndian.PutUint16(b, uint16(nan))
	}
}

// canonical32 is canonical16 for F32.
func canonical32(b []byte) {
	i := 0
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		y := x &^ sign32
		special := (y + 0x0080_0000*low32) | (^(y + 0x7fff_ffff*low32) & x)
		if special&sign32 == 0 {
			continue
		}
		fix32(b[i:])
		fix32(b[i+4:])
	}
	if i < len(b) {
		fix32(b[i:])
	}
}

func fix32(b []byte) {
	switch x := binary.LittleEndian.Uint32(b); {
	case x&0x7fff_ffff == 0:
		binary.LittleEndian.PutUint32(b, 0)
	case x&0x7fff_ffff > 0x7f80_0000:
		binary.LittleEndian.PutUint32(b, uint32(formatF32.nan()))
	}
}

// canonical64 is canonical16 for F64.
func canonical64(b []byte) {
	for i := 0; i < len(b); i += 8 {
		switch x := binary.LittleEndian.Uint64(b[i:]); {
		case x == 1<<63:
			binary.LittleEndian.PutUint64(b[i:], 0)
		case x&^(1<<63) > 0x7ff<<52:
			binary.LittleEndian.PutUint64(b[i:], canonicalNaN64)
		}
	}
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
