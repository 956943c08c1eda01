package clearance

import (
	"fmt"

	"github.com/haltlog/haltlog/internal/group"
)

// Proof is a proof as it travels. F, E, D_0 and A are not in it: they follow from
// the equations, and the challenge is their hash.
type Proof struct {
	C        []*group.Element // C_1 … C_d
	V        *group.Element
	D        []*group.Element // D_1 … D_d
	X        *group.Scalar
	Phi, Rho []*group.Scalar // 0 … d
	Eta      []*group.Scalar // 0 … d−1
	T        *group.Scalar
	Omega    *group.Scalar
	Zeta     *group.Scalar
}

// Size is the length of a proof in bytes: 32·(5d + 7).
func Size(d int) int { return 32 * (5*d + 7) }

// Bytes returns the one encoding: C, V, D, x, φ, ρ, η, t̄, ω, ζ, 32 bytes each.
func (p *Proof) Bytes() []byte {
	b := make([]byte, 0, Size(len(p.C)))
	for _, list := range [][]*group.Element{p.C, {p.V}, p.D} {
		for _, e := range list {
			b = append(b, e.Bytes()...)
		}
	}
	for _, list := range [][]*group.Scalar{{p.X}, p.Phi, p.Rho, p.Eta, {p.T, p.Omega, p.Zeta}} {
		for _, s := range list {
			b = append(b, s.Bytes()...)
		}
	}
	return b
}

// ParseProof is the inverse of Bytes, for a list of that d. Errors: ErrFormat,
// with the place.
func ParseProof(b []byte, d int) (*Proof, error) {
	if d < 0 || d > MaxD || len(b) != Size(d) {
		return nil, fmt.Errorf("%w: %d bytes for d = %d", ErrFormat, len(b), d)
	}
	r := reader{b: b}
	p := &Proof{C: r.elements(d), V: r.element(), D: r.elements(d)}
	p.X, p.Phi, p.Rho, p.Eta = r.scalar(), r.scalars(d+1), r.scalars(d+1), r.scalars(d)
	p.T, p.Omega, p.Zeta = r.scalar(), r.scalar(), r.scalar()
	if r.err != nil {
		return nil, r.err
	}
	if p.X.IsZero() {
		return nil, fmt.Errorf("%w: the challenge is zero", ErrFormat)
	}
	return p, nil
}

// reader takes 32 bytes at a time, and keeps the first error.
type reader struct {
	b   []byte
	at  int
	err error
}

func (r *reader) next() []byte {
	r.at += 32
	return r.b[r.at-32 : r.at]
}

func (r *reader) element() *group.Element {
	e, err := group.DecodeElement(r.next())
	r.keep(err)
	return e
}

func (r *reader) scalar() *group.Scalar {
	s, err := group.DecodeScalar(r.next())
	r.keep(err)
	return s
}

func (r *reader) keep(err error) {
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("%w: byte %d: %w", ErrFormat, r.at-32, err)
	}
}

func (r *reader) elements(n int) (out []*group.Element) {
	for range n {
		out = append(out, r.element())
	}
	return out
}

func (r *reader) scalars(n int) (out []*group.Scalar) {
	for range n {
		out = append(out, r.scalar())
	}
	return out
}
