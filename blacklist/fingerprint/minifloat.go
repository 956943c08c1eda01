package fingerprint

import "math"

// minifloat is a binary floating point format narrower than float64, with
// IEEE 754 subnormals. A finite format has no infinities and one NaN, all
// ones (OCP 8-bit floating point, E4M3).
type minifloat struct {
	exponent, mantissa uint
	finite             bool
}

var (
	formatE4M3 = minifloat{exponent: 4, mantissa: 3, finite: true}
	formatE5M2 = minifloat{exponent: 5, mantissa: 2}
	formatBF16 = minifloat{exponent: 8, mantissa: 7}
	formatF16  = minifloat{exponent: 5, mantissa: 10}
	formatF32  = minifloat{exponent: 8, mantissa: 23}

	// formatF64 is only asked for its NaN and bit layout: a float64 needs
	// neither encoding nor decoding.
	formatF64 = minifloat{exponent: 11, mantissa: 52}
)

func (m minifloat) bias() int { return 1<<(m.exponent-1) - 1 }

// nan returns the canonical NaN: quiet, positive, no payload.
func (m minifloat) nan() uint64 {
	all := uint64(1)<<m.exponent - 1
	if m.finite {
		return all<<m.mantissa | (1<<m.mantissa - 1)
	}
	return all<<m.mantissa | 1<<(m.mantissa-1)
}

// encode returns f's bits, or false if the format does not hold f exactly.
func (m minifloat) encode(f float64) (uint64, bool) {
	if f == 0 {
		return 0, true
	}
	if f != f {
		return m.nan(), true
	}
	b := math.Float64bits(f)
	sign := b >> 63 << (m.exponent + m.mantissa)
	top := uint64(1)<<m.exponent - 1
	if math.IsInf(f, 0) {
		return sign | top<<m.mantissa, !m.finite
	}
	// A subnormal float64 reads as exponent −1023 here and falls out below:
	// it is smaller than anything these formats hold.
	e := int(b>>52&0x7ff) - 1023
	frac := b & (1<<52 - 1)
	drop := 52 - m.mantissa
	if e >= 1-m.bias() {
		if frac&(1<<drop-1) != 0 {
			return 0, false
		}
		biased := uint64(e + m.bias())
		bits := biased<<m.mantissa | frac>>drop
		if m.finite {
			return sign | bits, biased <= top && bits != m.nan()
		}
		return sign | bits, biased < top
	}
	drop += uint(1 - m.bias() - e)
	frac |= 1 << 52
	if drop > 52 || frac&(1<<drop-1) != 0 {
		return 0, false
	}
	return sign | frac>>drop, true
}

// decode returns the value of the bits.
func (m minifloat) decode(b uint64) float64 {
	frac := b & (1<<m.mantissa - 1)
	top := uint64(1)<<m.exponent - 1
	e := b >> m.mantissa & top
	var f float64
	switch {
	case m.finite && e == top && frac == 1<<m.mantissa-1:
		return math.NaN()
	case !m.finite && e == top && frac != 0:
		return math.NaN()
	case !m.finite && e == top:
		f = math.Inf(1)
	case e == 0:
		f = math.Ldexp(float64(frac), 1-m.bias()-int(m.mantissa))
	default:
		f = math.Ldexp(float64(frac|1<<m.mantissa), int(e)-m.bias()-int(m.mantissa))
	}
	if b>>(m.exponent+m.mantissa)&1 == 1 {
		f = -f
	}
	return f
}
