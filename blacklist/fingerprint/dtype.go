package fingerprint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// Dtype is a number format: one of safetensors', or a block format of ggml's.
type Dtype uint8

// The number formats that are read. E4M3 is the variant without infinities
// ("fn"); E8M0 is a bare power of two. From Q4_0 on several elements share a
// block; what they hold is what the reference dequantises them to, in float32.
const (
	BOOL Dtype = iota + 1
	U8
	I8
	U16
	I16
	U32
	I32
	U64
	I64
	F8E4M3
	F8E5M2
	F8E8M0
	BF16
	F16
	F32
	F64
	Q4_0
	Q4_1
	Q5_0
	Q5_1
	Q8_0
	Q2_K
	Q3_K
	Q4_K
	Q5_K
	Q6_K
)

// ErrDtype is returned for a number format that is not read. The whole model
// is refused then: a fingerprint of half of it would look like an answer.
var ErrDtype = errors.New("unknown dtype")

// ParseDtype returns the format of that safetensors name, or [ErrDtype].
func ParseDtype(s string) (Dtype, error) {
	for d := BOOL; d <= F64; d++ {
		if d.String() == s {
			return d, nil
		}
	}
	return 0, fmt.Errorf("%w: %q", ErrDtype, s)
}

// String returns the name in safetensors, or ggml's of a block format.
func (d Dtype) String() string {
	switch d {
	case BOOL:
		return "BOOL"
	case U8:
		return "U8"
	case I8:
		return "I8"
	case U16:
		return "U16"
	case I16:
		return "I16"
	case U32:
		return "U32"
	case I32:
		return "I32"
	case U64:
		return "U64"
	case I64:
		return "I64"
	case F8E4M3:
		return "F8_E4M3"
	case F8E5M2:
		return "F8_E5M2"
	case F8E8M0:
		return "F8_E8M0"
	case BF16:
		return "BF16"
	case F16:
		return "F16"
	case F32:
		return "F32"
	case F64:
		return "F64"
	case Q4_0:
		return "Q4_0"
	case Q4_1:
		return "Q4_1"
	case Q5_0:
		return "Q5_0"
	case Q5_1:
		return "Q5_1"
	case Q8_0:
		return "Q8_0"
	case Q2_K:
		return "Q2_K"
	case Q3_K:
		return "Q3_K"
	case Q4_K:
		return "Q4_K"
	case Q5_K:
		return "Q5_K"
	case Q6_K:
		return "Q6_K"
	}
	return fmt.Sprintf("Dtype(%d)", uint8(d))
}

// Quantised reports whether d is a block format.
func (d Dtype) Quantised() bool { return d >= Q4_0 && d <= Q6_K }

// Block returns how many elements share how many bytes: 1 and Size but for the
// block formats, 1 and 0 for a value that is no format.
func (d Dtype) Block() (elements, size int) {
	switch d {
	case Q4_0:
		return 32, 2 + 16
	case Q4_1:
		return 32, 2 + 2 + 16
	case Q5_0:
		return 32, 2 + 4 + 16
	case Q5_1:
		return 32, 2 + 2 + 4 + 16
	case Q8_0:
		return 32, 2 + 32
	case Q2_K:
		return superBlock, 16 + 64 + 2 + 2
	case Q3_K:
		return superBlock, 32 + 64 + 12 + 2
	case Q4_K:
		return superBlock, 2 + 2 + 12 + 128
	case Q5_K:
		return superBlock, 2 + 2 + 12 + 32 + 128
	case Q6_K:
		return superBlock, 128 + 64 + 16 + 2
	}
	return 1, d.Size()
}

// length returns the bytes of n elements; false if n is not whole blocks, if
// the product overflows, or for a value that is no format.
func (d Dtype) length(n uint64) (uint64, bool) {
	elements, size := d.Block()
	hi, length := bits.Mul64(n/uint64(elements), uint64(size))
	return length, hi == 0 && size != 0 && n%uint64(elements) == 0
}

// Size returns the bytes of one element, 0 for a block format and for a value
// that is no format.
func (d Dtype) Size() int {
	switch d {
	case BOOL, U8, I8, F8E4M3, F8E5M2, F8E8M0:
		return 1
	case U16, I16, BF16, F16:
		return 2
	case U32, I32, F32:
		return 4
	case U64, I64, F64:
		return 8
	}
	return 0
}

// number is one element as a real number, or NaN or an infinity. Integers
// beyond what float64 holds exactly are wide: sign and magnitude.
type number struct {
	f    float64
	wide bool
	neg  bool
	mag  uint64
}

// bits returns element i of src, little-endian, zero-extended.
func (d Dtype) bits(src []byte, i int) uint64 {
	switch d.Size() {
	case 1:
		return uint64(src[i])
	case 2:
		return uint64(binary.LittleEndian.Uint16(src[2*i:]))
	case 4:
		return uint64(binary.LittleEndian.Uint32(src[4*i:]))
	default:
		return binary.LittleEndian.Uint64(src[8*i:])
	}
}

// number decodes one element's bits.
func (d Dtype) number(b uint64) number {
	switch d {
	case BOOL, U8, U16, U32:
		return number{f: float64(b)}
	case I8:
		return number{f: float64(int8(b))}
	case I16:
		return number{f: float64(int16(b))}
	case I32:
		return number{f: float64(int32(b))}
	case U64:
		return integer(false, b)
	case I64:
		if int64(b) < 0 {
			return integer(true, -b)
		}
		return integer(false, b)
	case F8E4M3:
		return number{f: formatE4M3.decode(b)}
	case F8E5M2:
		return number{f: formatE5M2.decode(b)}
	case F8E8M0:
		if b == 0xff {
			return number{f: math.NaN()}
		}
		return number{f: math.Ldexp(1, int(b)-127)}
	case BF16:
		return number{f: float64(math.Float32frombits(uint32(b) << 16))}
	case F16:
		return number{f: formatF16.decode(b)}
	case F32:
		return number{f: float64(math.Float32frombits(uint32(b)))}
	default:
		return number{f: math.Float64frombits(b)}
	}
}

// integer returns the integer of that sign and magnitude: as a float64 where
// one holds it exactly, so that equal numbers are equal whatever held them.
func integer(neg bool, mag uint64) number {
	f := float64(mag)
	// 2^64 does not convert back, and only magnitudes that round up reach it.
	if f >= 1<<64 || uint64(f) != mag {
		return number{wide: true, neg: neg, mag: mag}
	}
	if neg {
		f = -f
	}
	return number{f: f}
}
