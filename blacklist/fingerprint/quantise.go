package fingerprint

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Quantise appends values in d, row-major, to dst: F64, F32, F16 and BF16 by
// rounding to nearest even, the block formats as the reference quantises them
// without importance weights, in its order of float32 operations and without
// fused ones. Values that are not whole blocks, not finite (for a block
// format), or a format that is none of these, are [ErrTensor].
// Source: ggml-org/llama.cpp ggml/src/ggml-quants.c (quantize_row_*_ref).
func Quantise(dst []byte, d Dtype, values []float32) ([]byte, error) {
	elements, size := d.Block()
	if len(values)%elements != 0 {
		return nil, fmt.Errorf("%w: %d values in blocks of %d", ErrTensor, len(values), elements)
	}
	switch d {
	case F64:
		for _, v := range values {
			dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(float64(v)))
		}
		return dst, nil
	case F32:
		for _, v := range values {
			dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(v))
		}
		return dst, nil
	case F16:
		for _, v := range values {
			dst = binary.LittleEndian.AppendUint16(dst, toHalf(v))
		}
		return dst, nil
	case BF16:
		for _, v := range values {
			dst = binary.LittleEndian.AppendUint16(dst, toBrain(v))
		}
		return dst, nil
	}
	if !d.Quantised() {
		return nil, fmt.Errorf("%w: quantise to %v", ErrTensor, d)
	}
	for _, v := range values {
		if v-v != 0 {
			return nil, fmt.Errorf("%w: %v in %v", ErrTensor, v, d)
		}
	}
	for ; len(values) > 0; values = values[elements:] {
		x := values[:elements]
		dst = append(dst, make([]byte, size)...)
		b := dst[len(dst)-size:]
		switch d {
		case Q4_0:
			quantiseSymmetric(b, x, 8)
		case Q5_0:
			quantiseSymmetric(b, x, 16)
		case Q4_1:
			quantiseAffine(b, x, 15)
		case Q5_1:
			quantiseAffine(b, x, 31)
		case Q8_0:
			quantiseQ8(b, x)
		case Q2_K:
			quantiseQ2K(b, x)
		case Q3_K:
			quantiseQ3K(b, x)
		case Q4_K:
			quantiseQ45K(b, x, 15)
		case Q5_K:
			quantiseQ45K(b, x, 31)
		case Q6_K:
			quantiseQ6K(b, x)
		}
	}
	return dst, nil
}

// toHalf rounds to F16, to nearest even; every NaN becomes a quiet one.
func toHalf(f float32) uint16 {
	b := math.Float32bits(f)
	sign, a := uint16(b>>16&0x8000), b&0x7fffffff
	switch {
	case a > 0x7f800000:
		return sign | 0x7e00
	case a >= 0x477ff000: // rounds to 2^16 or is beyond it
		return sign | 0x7c00
	case a < 0x38800000: // subnormal in F16: units of 2^−24, rounded by the sum
		sum := math.Float32frombits(a) + 0.5
		return sign | uint16(math.Float32bits(sum)-math.Float32bits(0.5))
	}
	a += 0xfff + a>>13&1
	return sign | uint16((a-(127-15)<<23)>>13)
}

// toBrain rounds to BF16, to nearest even; every NaN becomes a quiet one.
func toBrain(f float32) uint16 {
	b := math.Float32bits(f)
	if b&0x7fffffff > 0x7f800000 {
		return uint16(b>>16) | 64
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

func putHalf(b []byte, f float32) { binary.LittleEndian.PutUint16(b, toHalf(f)) }

func abs(f float32) float32 { return math.Float32frombits(math.Float32bits(f) &^ (1 << 31)) }

// inverse is 1/f, and 0 for 0.
func inverse(f float32) float32 {
	if f == 0 {
		return 0
	}
	return 1 / f
}

// extreme returns the first value of the largest magnitude.
func extreme(x []float32) (value, magnitude float32) {
	for _, v := range x {
		if a := abs(v); a > magnitude {
			value, magnitude = v, a
		}
	}
	return value, magnitude
}

// packFive writes 32 quants of 4 or (high not nil) 5 bits.
func packFive(qs, high []byte, q *[32]byte) {
	var fifth uint32
	for i := range 16 {
		qs[i] = q[i]&15 | q[i+16]<<4
	}
	for i, v := range q {
		fifth |= uint32(v>>4) << i
	}
	if high != nil {
		binary.LittleEndian.PutUint32(high, fifth)
	}
}

// quantiseSymmetric: Q4_0 (zero 8) and Q5_0 (zero 16).
func quantiseSymmetric(b []byte, x []float32, zero float32) {
	top, _ := extreme(x)
	d := top / -zero
	id := inverse(d)
	putHalf(b, d)
	var q [32]byte
	for i, v := range x {
		q[i] = byte(min(int(2*zero)-1, int(float32(v*id)+(zero+0.5))))
	}
	if zero == 8 {
		packFive(b[2:], nil, &q)
		return
	}
	packFive(b[6:], b[2:6], &q)
}

// quantiseAffine: Q4_1 (largest 15) and Q5_1 (largest 31).
func quantiseAffine(b []byte, x []float32, largest float32) {
	lo, hi := x[0], x[0]
	for _, v := range x {
		lo, hi = min(lo, v), max(hi, v)
	}
	d := (hi - lo) / largest
	id := inverse(d)
	putHalf(b, d)
	putHalf(b[2:], lo)
	var q [32]byte
	for i, v := range x {
		q[i] = byte(min(int(largest), int(float32((v-lo)*id)+0.5)))
	}
	if largest == 15 {
		packFive(b[4:], nil, &q)
		return
	}
	packFive(b[8:], b[4:8], &q)
}

func quantiseQ8(b []byte, x []float32) {
	_, top := extreme(x)
	d := top / 127
	id := inverse(d)
	putHalf(b, d)
	for i, v := range x {
		b[2+i] = byte(int8(math.Round(float64(v * id))))
	}
}
