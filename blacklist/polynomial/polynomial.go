// Package polynomial owns the polynomial of a list's part: P(X) = ∏(X − u) over
// the scalars u of its labels and a padding that everybody computes alike, modulo
// the order ℓ of ristretto255. A proof of clearance shows P(u) ≠ 0 for a hidden u.
//
// Invariants:
//
//   - PL1: the same roots, in any order and added in any steps, give the same
//     coefficients and the same bytes; a parser refuses what the formatter would
//     not print.
package polynomial

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/haltlog/haltlog/internal/field"
	"github.com/haltlog/haltlog/internal/group"
)

// MaxRoots bounds what is parsed: 2^22 labels are a part of 128 MiB, as
// blacklist's own bound.
const MaxRoots = 1 << 22

// format is the first line of the encoding.
const format = "haltlog/blacklist/polynomial/v1"

// ErrPolynomial is returned for bytes that are no polynomial.
var ErrPolynomial = errors.New("malformed polynomial")

// Polynomial is monic of degree 2^(d+1) − 1. It is not safe for concurrent use
// while it is added to.
type Polynomial struct {
	roots uint64          // without padding
	c     []field.Element // 2^(d+1) coefficients, the constant one first; the last is 1
}

// Degree returns d for n roots: they are padded to 2^(d+1) − 1.
func Degree(n uint64) int { return max(0, bits.Len64(n)-1) }

// Pad returns the i-th padding root, 32 bytes little-endian.
func Pad(i uint64) [32]byte {
	return [32]byte(group.HashToScalar(group.TagClearancePad, binary.BigEndian.AppendUint64(nil, i)).Bytes())
}

// New returns the polynomial with these roots, 32 bytes little-endian each.
// It takes about n·log² n steps: 0.3 s for 2^14 roots, 3 s for 2^17. Bytes that are no
// canonical scalar are a mistake of the caller's and panic.
func New(roots [][32]byte) *Polynomial {
	n := uint64(len(roots))
	size := 2 << Degree(n)
	all := make([]field.Element, size) // one slot is left 0: a root 0, divided out below
	for i, r := range roots {
		all[i] = load(r)
	}
	for i := len(roots); i < size-1; i++ {
		all[i] = load(Pad(uint64(i - len(roots))))
	}
	p := product(all)
	// p is X·P(X), its leading 1 left out: the constant coefficient is 0.
	return &Polynomial{n, append(p[1:], field.One())}
}

// product returns ∏(X − r) over a power of two roots, without the leading 1.
func product(roots []field.Element) []field.Element {
	n := len(roots)
	if n == 1 {
		var zero field.Element
		return []field.Element{zero.Sub(&roots[0])}
	}
	a, b := product(roots[:n/2]), product(roots[n/2:])
	// (X^h + a)(X^h + b) = X^n + (a + b)·X^h + a·b
	out := append(multiply(a, b), field.Element{})[:n]
	for i := range a {
		s := a[i].Add(&b[i])
		out[n/2+i] = out[n/2+i].Add(&s)
	}
	return out
}

// Count returns the number of roots without padding.
func (p *Polynomial) Count() uint64 { return p.roots }

// Clone returns an independent copy.
func (p *Polynomial) Clone() *Polynomial { return &Polynomial{p.roots, slices.Clone(p.c)} }

// Add multiplies a root in, in the place of a padding: two passes over the
// coefficients. Where no padding is left the degree doubles, which costs as much
// as making the polynomial anew.
func (p *Polynomial) Add(root [32]byte) {
	u := load(root)
	n := len(p.c)
	pads := uint64(n-1) - p.roots
	p.roots++
	if pads == 0 {
		// Twice the degree: n more roots, of which this is one.
		more := make([]field.Element, n)
		more[0] = u
		for i := range n - 1 {
			more[i+1] = load(Pad(uint64(i)))
		}
		f := product(more)
		// (X^n + f)·c, where c has n coefficients
		out := append(multiply(f, p.c), field.Element{})
		for i := range p.c {
			out[n+i] = out[n+i].Add(&p.c[i])
		}
		p.c = out
		return
	}
	pad := load(Pad(pads - 1))
	// Synthetic division from the top, then the product with X − u.
	carry := p.c[n-1]
	for i := n - 2; i >= 0; i-- {
		t := carry.Mul(&pad)
		carry, p.c[i] = p.c[i].Add(&t), carry
	}
	var below field.Element
	for i := range n - 1 {
		q := p.c[i]
		t := u.Mul(&q)
		p.c[i], below = below.Sub(&t), q
	}
	p.c[n-1] = below
}

// Coefficients returns a_0 … a_{2^(d+1)−1}, which the caller must not change.
func (p *Polynomial) Coefficients() []field.Element { return p.c }

// D returns d: there are 2^(d+1) coefficients.
func (p *Polynomial) D() int { return bits.Len(uint(len(p.c))) - 2 }

// Encoding returns the one encoding: two lines of text, the format and d, and the
// coefficients, 32 bytes little-endian each. How many of the roots are padding
// stands beside it, as the part's count.
func (p *Polynomial) Encoding() []byte {
	b := fmt.Appendf(make([]byte, 0, 64+32*len(p.c)), "%s\n%d\n", format, p.D())
	for i := range p.c {
		c := p.c[i].Bytes()
		b = append(b, c[:]...)
	}
	return b
}

// Parse is the inverse of Encoding, for a part of that many labels: whoever reads
// it holds its hash against the witnessed epoch's, since no reader can tell the
// coefficients of other roots from these. Errors: ErrPolynomial.
func Parse(b []byte, roots uint64) (*Polynomial, error) {
	head := fmt.Appendf(nil, "%s\n%d\n", format, Degree(roots))
	body, ok := bytes.CutPrefix(b, head)
	if roots > MaxRoots || !ok || len(body) != field.Size<<(Degree(roots)+1) {
		return nil, fmt.Errorf("%w: %d bytes for %d roots", ErrPolynomial, len(b), roots)
	}
	p := &Polynomial{roots, make([]field.Element, len(body)/field.Size)}
	for i := range p.c {
		var err error
		if p.c[i], err = field.Decode(body[field.Size*i:][:field.Size]); err != nil {
			return nil, fmt.Errorf("%w: coefficient %d: %w", ErrPolynomial, i, err)
		}
	}
	if p.c[len(p.c)-1] != field.One() {
		return nil, fmt.Errorf("%w: not monic", ErrPolynomial)
	}
	return p, nil
}

// Hash returns SHA-256 of the encoding.
func (p *Polynomial) Hash() [32]byte { return sha256.Sum256(p.Encoding()) }

// load reads 32 bytes little-endian.
func load(b [32]byte) field.Element {
	e, err := field.Decode(b[:])
	if err != nil {
		panic("polynomial: " + err.Error())
	}
	return e
}

// schoolbook is the length up to which products are made term by term, karatsuba
// the one up to which by Karatsuba's method; both are measured.
const (
	schoolbook = 16
	karatsuba  = 64
)

// multiply returns the product of two of the same length, a power of two: 2n − 1
// coefficients.
func multiply(a, b []field.Element) []field.Element {
	n := len(a)
	if n > karatsuba {
		return transformed(a, b)
	}
	out := make([]field.Element, 2*n-1, 2*n)
	if n <= schoolbook {
		for i := range a {
			for j := range b {
				t := a[i].Mul(&b[j])
				out[i+j] = out[i+j].Add(&t)
			}
		}
		return out
	}
	h := n / 2
	low, high := multiply(a[:h], b[:h]), multiply(a[h:], b[h:])
	sa, sb := make([]field.Element, h), make([]field.Element, h)
	for i := range h {
		sa[i], sb[i] = a[i].Add(&a[h+i]), b[i].Add(&b[h+i])
	}
	mid := multiply(sa, sb)
	copy(out, low)
	copy(out[n:], high)
	for i := range mid {
		t := mid[i].Sub(&low[i])
		t = t.Sub(&high[i])
		out[h+i] = out[h+i].Add(&t)
	}
	return out
}
