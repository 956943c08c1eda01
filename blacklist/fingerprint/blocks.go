package fingerprint

import (
	"encoding/binary"
	"math"
	"slices"
)

// superBlock is the number of elements under one block of the K formats.
const superBlock = 256

// dequantise writes the elements of whole blocks of d to dst, which has room
// for exactly them. The arithmetic is that of the reference: in float32, each
// operation rounded for itself. The conversions around products are what keeps
// a compiler from fusing them with the addition behind (Go specification,
// Floating-point operators), which would give other numbers on other machines.
// Source: ggml-org/llama.cpp ggml/src/ggml-quants.c (dequantize_row_*) and the
// block layouts of ggml/src/ggml-common.h.
func dequantise(dst []float32, src []byte, d Dtype) {
	elements, size := d.Block()
	for ; len(src) >= size && len(dst) >= elements; src, dst = src[size:], dst[elements:] {
		b, y := src[:size], dst[:elements]
		switch d {
		case Q4_0:
			dequantiseQ4(y, b[2:], half(b), 0, 8)
		case Q4_1:
			dequantiseQ4(y, b[4:], half(b), half(b[2:]), 0)
		case Q5_0:
			dequantiseQ5(y, b[6:], binary.LittleEndian.Uint32(b[2:]), half(b), 0, 16)
		case Q5_1:
			dequantiseQ5(y, b[8:], binary.LittleEndian.Uint32(b[4:]), half(b), half(b[2:]), 0)
		case Q8_0:
			s := half(b)
			for i, q := range b[2:] {
				y[i] = float32(int8(q)) * s
			}
		case Q2_K:
			dequantiseQ2K((*[superBlock]float32)(y), b)
		case Q3_K:
			dequantiseQ3K((*[superBlock]float32)(y), b)
		case Q4_K:
			dequantiseQ4K((*[superBlock]float32)(y), b)
		case Q5_K:
			dequantiseQ5K((*[superBlock]float32)(y), b)
		case Q6_K:
			dequantiseQ6K((*[superBlock]float32)(y), b)
		}
	}
}

// half reads a little-endian F16 as a float32.
func half(b []byte) float32 {
	h := uint32(binary.LittleEndian.Uint16(b))
	sign, e, frac := h>>15<<31, h>>10&0x1f, h&0x3ff
	switch e {
	case 0:
		f := float32(frac) * (1.0 / (1 << 24))
		return math.Float32frombits(math.Float32bits(f) | sign)
	case 0x1f:
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	}
	return math.Float32frombits(sign | (e+127-15)<<23 | frac<<13)
}

// dequantiseQ4: 32 elements, (q − zero)·s + m; the low nibbles come first.
func dequantiseQ4(y []float32, qs []byte, s, m float32, zero int) {
	lo, hi := y[:16], y[16:32]
	if zero != 0 { // no minimum: adding 0 would turn −0 into 0
		for i, q := range qs[:16] {
			lo[i] = float32(int(q&15)-zero) * s
			hi[i] = float32(int(q>>4)-zero) * s
		}
		return
	}
	for i, q := range qs[:16] {
		lo[i] = float32(float32(q&15)*s) + m
		hi[i] = float32(float32(q>>4)*s) + m
	}
}

// dequantiseQ5: as Q4, with a fifth bit of element i in bit i of high.
func dequantiseQ5(y []float32, qs []byte, high uint32, s, m float32, zero int) {
	lo, hi := y[:16], y[16:32]
	for i, q := range qs[:16] {
		a := int(q&15) | int(high>>i&1)<<4
		b := int(q>>4) | int(high>>(i+16)&1)<<4
		if zero != 0 {
			lo[i] = float32(a-zero) * s
			hi[i] = float32(b-zero) * s
			continue
		}
		lo[i] = float32(float32(a)*s) + m
		hi[i] = float32(float32(b)*s) + m
	}
}

// dequantiseQ2K: 16 scales and minima of 4 bits each, 64 bytes of 2-bit
// quants, scale, minimum.
func dequantiseQ2K(y *[superBlock]float32, b []byte) {
	scales, qs := b[:16], b[16:80]
	d, m := half(b[80:]), half(b[82:])
	for g := range 16 { // groups of 16 elements
		half, shift := g/8, g%8/2*2
		dl, ml := d*float32(scales[g]&15), m*float32(scales[g]>>4)
		q := qs[32*half+16*(g%2):][:16]
		out := y[16*g:][:16]
		for i := range out {
			out[i] = float32(dl*float32(q[i]>>shift&3)) - ml
		}
	}
}

// dequantiseQ3K: 32 bytes of third bits, 64 bytes of 2-bit quants, 16 scales
// of 6 bits in 12 bytes, scale. A set third bit means that nothing is
// subtracted.
func dequantiseQ3K(y *[superBlock]float32, b []byte) {
	high, qs, packed := b[:32], b[32:96], b[96:108]
	d := half(b[108:])
	for g := range 16 {
		sc := packed[g%8] >> (g / 8 * 4) & 15
		sc |= packed[8+g%4] >> (g / 4 * 2) & 3 << 4
		dl := d * float32(int(sc)-32)
		shift := g % 8 / 2 * 2
		q := qs[32*(g/8)+16*(g%2):][:16]
		h := high[16*(g%2):][:16]
		out := y[16*g:][:16]
		for i := range out {
			v := int(q[i]>>shift&3) - 4 + int(h[i]>>(g/2)&1)<<2
			out[i] = dl * float32(v)
		}
	}
}

// scaleMin unpacks scale and minimum g of the 8 pairs of 6 bits in 12 bytes
// that Q4_K and Q5_K share.
func scaleMin(g int, s []byte) (scale, minimum byte) {
	if g < 4 {
		return s[g] & 63, s[g+4] & 63
	}
	return s[g+4]&15 | s[g-4]>>6<<4, s[g+4]>>4 | s[g]>>6<<4
}

// dequantiseQ4K: scale, minimum, 8 packed pairs, 128 bytes of nibbles: of each
// 32 bytes the low ones are one group, the high ones the next.
func dequantiseQ4K(y *[superBlock]float32, b []byte) {
	d, m := half(b), half(b[2:])
	scales, qs := b[4:16], b[16:144]
	for g := 0; g < 8; g += 2 {
		s, n := scaleMin(g, scales)
		d1, m1 := d*float32(s), m*float32(n)
		s, n = scaleMin(g+1, scales)
		d2, m2 := d*float32(s), m*float32(n)
		lo, hi := y[32*g:][:32], y[32*g+32:][:32]
		for i, q := range qs[16*g:][:32] {
			lo[i] = float32(d1*float32(q&15)) - m1
			hi[i] = float32(d2*float32(q>>4)) - m2
		}
	}
}

// plainQ4K writes the elements of whole blocks of Q4_K to dst as little-endian
// F32, each 0 and NaN the canonical one. A group has 16 values at most, which
// are computed once: dequantiseQ4K says how.
func plainQ4K(dst, src []byte) []byte {
	const size = 144
	var low, high [16]uint32
	n := len(src) / size
	dst = slices.Grow(dst[:0], 4*superBlock*n)[:4*superBlock*n]
	for y := dst; len(src) >= size && len(y) >= 4*superBlock; src, y = src[size:], y[4*superBlock:] {
		b := (*[size]byte)(src)
		d, m := half(b[:]), half(b[2:])
		scales, qs := b[4:16], b[16:]
		for g := 0; g < 8; g += 2 {
			s, n := scaleMin(g, scales)
			levels(&low, d*float32(s), m*float32(n))
			s, n = scaleMin(g+1, scales)
			levels(&high, d*float32(s), m*float32(n))
			q := (*[32]byte)(qs[16*g:])
			lo, hi := (*[128]byte)(y[128*g:]), (*[128]byte)(y[128*g+128:])
			for i := 0; i < 32; i += 2 {
				q0, q1 := q[i], q[i+1]
				binary.LittleEndian.PutUint64(lo[4*i:], uint64(low[q0&15])|uint64(low[q1&15])<<32)
				binary.LittleEndian.PutUint64(hi[4*i:], uint64(high[q0>>4])|uint64(high[q1>>4])<<32)
			}
		}
	}
	return dst
}

// levels writes the bits of the 16 values of a group, scale·q − minimum.
func levels(t *[16]uint32, scale, minimum float32) {
	for q := range t {
		b := math.Float32bits(float32(scale*float32(q)) - minimum)
		if magnitude := b &^ (1 << 31); magnitude-1 >= 0x7f800000 { // 0 or NaN
			if b = 0; magnitude != 0 {
				b = 0x7fc00000
			}
		}
		t[q] = b
	}
}

// dequantiseQ5K: as Q4_K with 32 bytes of fifth bits before the nibbles, bit g
// of byte i for element i of group g.
func dequantiseQ5K(y *[superBlock]float32, b []byte) {
	d, m := half(b), half(b[2:])
	scales, high, qs := b[4:16], b[16:48], b[48:176]
	for g := range 8 {
		s, n := scaleMin(g, scales)
		dl, ml := d*float32(s), m*float32(n)
		q := qs[32*(g/2):][:32]
		out := y[32*g:][:32]
		for i := range out {
			v := q[i]>>(g%2*4)&15 | high[i]>>g&1<<4
			out[i] = float32(dl*float32(v)) - ml
		}
	}
}

// dequantiseQ6K: 128 bytes of low nibbles, 64 bytes of high pairs of bits, 16
// signed scales, scale.
func dequantiseQ6K(y *[superBlock]float32, b []byte) {
	d := half(b[208:])
	for g := range 16 {
		h, quarter, first := g/8, g%8/2, 16*(g%2)
		low := b[64*h+32*(quarter%2)+first:][:16]
		high := b[128+32*h+first:][:16]
		dl := d * float32(int8(b[192+g]))
		out := y[16*g:][:16]
		for i := range out {
			v := low[i]>>(quarter/2*4)&15 | high[i]>>(2*quarter)&3<<4
			out[i] = dl * float32(int(v)-32)
		}
	}
}
