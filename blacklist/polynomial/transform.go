package polynomial

import (
	"math/bits"

	"github.com/haltlog/haltlog/internal/field"
)

// modulus is a prime p = c·2^24 + 1 below 2^62 and a root of unity of order 2^24.
type modulus struct{ p, root uint64 }

// moduli are the nine largest such primes. Their product exceeds 2^557; a
// coefficient of a product of 2^23 terms is below 2^529.
func moduli() [9]modulus {
	return [9]modulus{
		{0x3ffffffffa000001, 0x1ec2e1c8c19581e5},
		{0x3ffffffff9000001, 0x337cb0b26e830fe4},
		{0x3fffffffea000001, 0x2bfe4bc9281b5644},
		{0x3fffffffe5000001, 0x2b1299d41ec04e2},
		{0x3fffffffd9000001, 0x23a3ba45b5c2b65d},
		{0x3fffffffcc000001, 0x3bc1f6520884aca2},
		{0x3fffffffa3000001, 0x283e6aec94b8dc22},
		{0x3fffffff96000001, 0x18356aee69efa778},
		{0x3fffffff5e000001, 0x274bf7750d4fe953},
	}
}

// rootOrder is the binary logarithm of the roots' order.
const rootOrder = 24

// factor is a constant w and ⌊w·2^64/p⌋, for products with it (Shoup).
type factor struct{ w, q uint64 }

func factorOf(w, p uint64) factor {
	q, _ := bits.Div64(w, 0, p)
	return factor{w, q}
}

// mul returns w·x mod p for any x.
func (f factor) mul(x, p uint64) uint64 {
	hi, _ := bits.Mul64(f.q, x)
	return below(f.w*x-hi*p, p)
}

// below reduces a number under 2p.
func below(x, p uint64) uint64 {
	if x >= p {
		x -= p
	}
	return x
}

func mulmod(x, y, p uint64) uint64 {
	hi, lo := bits.Mul64(x, y)
	return bits.Rem64(hi, lo, p)
}

func power(x, e, p uint64) uint64 {
	out := uint64(1)
	for ; e > 0; e >>= 1 {
		if e&1 == 1 {
			out = mulmod(out, x, p)
		}
		x = mulmod(x, x, p)
	}
	return out
}

// twiddles returns for every half = 1, 2, 4 … n/2 the powers of a root of unity of
// order 2·half, at half … 2·half − 1.
func (m modulus) twiddles(n int) []factor {
	t := make([]factor, n)
	for half := 1; half < n; half *= 2 {
		root := factorOf(power(m.root, 1<<rootOrder/uint64(2*half), m.p), m.p)
		t[half] = factorOf(1, m.p)
		for i := 1; i < half; i++ {
			if i%2 == 0 {
				t[half+i] = t[(half+i)/2]
			} else {
				t[half+i] = factorOf(root.mul(t[half+i-1].w, m.p), m.p)
			}
		}
	}
	return t
}

// forward transforms in place, into bit-reversed order.
func forward(a []uint64, t []factor, p uint64) {
	for half := len(a) / 2; half > 0; half /= 2 {
		w := t[half : 2*half]
		for at := 0; at < len(a); at += 2 * half {
			lo, hi := a[at:][:half], a[at+half:][:half]
			for i := range w {
				x, y := lo[i], hi[i]
				lo[i], hi[i] = below(x+y, p), w[i].mul(x+p-y, p)
			}
		}
	}
}

// backward is the inverse of forward, times the length.
func backward(a []uint64, t []factor, p uint64) {
	for half := 1; half < len(a); half *= 2 {
		w := t[half : 2*half]
		for at := 0; at < len(a); at += 2 * half {
			lo, hi := a[at:][:half], a[at+half:][:half]
			x, y := lo[0], hi[0]
			lo[0], hi[0] = below(x+y, p), below(x+p-y, p)
			for i := 1; i < half; i++ {
				// ω^−i = −ω^(half−i)
				x, y := lo[i], w[half-i].mul(hi[i], p)
				lo[i], hi[i] = below(x+p-y, p), below(x+y, p)
			}
		}
	}
}

// residues writes a mod p, the rest of out being zero.
func residues(out []uint64, a [][4]uint64, p uint64) {
	clear(out)
	var place [4]factor // 2^(64k)
	w := uint64(1)
	for k := range place {
		place[k] = factorOf(w, p)
		w = bits.Rem64(w, 0, p)
	}
	for i, limbs := range a {
		var r uint64
		for k, l := range limbs {
			r = below(r+place[k].mul(l, p), p)
		}
		out[i] = r
	}
}

// transformed returns the product of two of the same length n, a power of two, as
// multiply does, in n·log n steps: modulo each of the nine primes by transforms,
// and put together by mixed radices (Garner).
func transformed(a, b []field.Element) []field.Element {
	n := 2 * len(a)
	la, lb := limbs(a), limbs(b)
	ms := moduli()
	var digits [len(ms)][]uint64
	other := make([]uint64, n)
	for k, m := range ms {
		t, p := m.twiddles(n), m.p
		r := make([]uint64, n)
		residues(r, la, p)
		residues(other, lb, p)
		forward(r, t, p)
		forward(other, t, p)
		inverse := factorOf(power(uint64(n), p-2, p), p)
		for i := range r {
			r[i] = inverse.mul(mulmod(r[i], other[i], p), p)
		}
		backward(r, t, p)
		// digit k = (…((r − v_0)/p_0 − v_1)/p_1 …)
		for j := range k {
			q := factorOf(power(ms[j].p%p, p-2, p), p)
			for i, v := range digits[j] {
				r[i] = q.mul(r[i]+p-below(v, p), p) // all primes lie between 2^61 and 2^62
			}
		}
		digits[k] = r
	}
	var primes [len(ms)]field.Element
	for k, m := range ms {
		primes[k] = field.FromUint64(m.p)
	}
	out := make([]field.Element, n-1, n)
	last := len(ms) - 1
	for i := range out {
		x := field.FromUint64(digits[last][i])
		for k := last - 1; k >= 0; k-- {
			v := field.FromUint64(digits[k][i])
			x = x.Mul(&primes[k])
			x = x.Add(&v)
		}
		out[i] = x
	}
	return out
}

// limbs returns the numbers that elements stand for, least significant limb first.
func limbs(a []field.Element) [][4]uint64 {
	one := field.Element{1} // times R: the product takes R out
	out := make([][4]uint64, len(a))
	for i := range a {
		out[i] = a[i].Mul(&one)
	}
	return out
}
