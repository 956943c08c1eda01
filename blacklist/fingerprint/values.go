package fingerprint

import (
	"encoding/binary"
	"math"
	"slices"
)

// Decode returns the elements of src, whole elements or blocks of d, as
// float32, in dst's memory where that is enough. Formats of at most 32 bits
// and all block formats are exact but for integers beyond 2^24; F64 and wider
// integers are rounded to nearest. NaNs stay NaNs, infinities infinities.
func Decode(dst []float32, src []byte, d Dtype) []float32 {
	elements, size := d.Block()
	n := len(src) / size * elements
	dst = slices.Grow(dst[:0], n)[:n]
	switch {
	case d.Quantised():
		dequantise(dst, src, d)
	case d == F32:
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
		}
	case d == BF16:
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
		}
	case d == F16:
		for i := range dst {
			h := uint32(binary.LittleEndian.Uint16(src[2*i:]))
			// Normal in both: the exponent moves by the difference of the
			// biases, 127 − 15. Everything else is rare.
			if e := h & 0x7c00; e != 0 && e != 0x7c00 {
				dst[i] = math.Float32frombits(h>>15<<31 | h&0x7fff<<13 + (127-15)<<23)
			} else {
				dst[i] = half(src[2*i:])
			}
		}
	default:
		for i := range dst {
			v := d.number(d.bits(src, i))
			dst[i] = float32(v.f)
			if v.wide {
				dst[i] = float32(v.mag)
				if v.neg {
					dst[i] = -dst[i]
				}
			}
		}
	}
	return dst
}

// float32s writes values to dst as little-endian F32.
func float32s(dst []byte, values []float32) []byte {
	dst = slices.Grow(dst[:0], 4*len(values))[:4*len(values)]
	b := dst
	for ; len(values) >= 2 && len(b) >= 8; values, b = values[2:], b[8:] {
		binary.LittleEndian.PutUint64(b, uint64(math.Float32bits(values[0]))|uint64(math.Float32bits(values[1]))<<32)
	}
	for i, v := range values {
		binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(v))
	}
	return dst
}
