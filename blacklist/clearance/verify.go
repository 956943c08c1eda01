package clearance

import (
	"fmt"

	"github.com/haltlog/haltlog/internal/group"
)

// Verify holds a proof against the commitment and the list. Errors: ErrFormat,
// ErrStatement, ErrProof.
func Verify(st *Statement, c0 Commitment, proof []byte) error {
	if err := st.check(); err != nil {
		return err
	}
	p, err := ParseProof(proof, st.Polynomial.D())
	if err != nil {
		return err
	}
	first, err := group.DecodeElement(c0[:])
	if err != nil {
		return fmt.Errorf("%w: C_0: %w", ErrFormat, err)
	}
	m, err := p.moves(st, first)
	if err != nil {
		return err
	}
	if !st.challenge(m).Equal(p.X) {
		return ErrProof
	}
	return nil
}

// moves solves the equations for what is not sent. Everything here is public.
func (p *Proof) moves(st *Statement, c0 *group.Element) (*first, error) {
	d := st.Polynomial.D()
	g, h, minus := group.Generator(), second(), p.X.Neg()
	m := &first{C: append([]*group.Element{c0}, p.C...), V: p.V, D: make([]*group.Element, 1, d+1)}
	var err error
	sum := func(scalars []*group.Scalar, elements ...*group.Element) (e *group.Element) {
		if err == nil {
			e, err = group.VarTimeMultiMul(scalars, elements)
		}
		return e
	}
	for j := range d + 1 {
		// x·C_j + F_j = φ_j·G + ρ_j·H
		m.F = append(m.F, sum([]*group.Scalar{p.Phi[j], p.Rho[j], minus}, g, h, m.C[j]))
	}
	for j := range d {
		// x·C_{j+1} + E_j = φ_j·C_j + η_j·H
		m.E = append(m.E, sum([]*group.Scalar{p.Phi[j], p.Eta[j], minus}, m.C[j], h, m.C[j+1]))
	}
	// x^(d+1)·V + Σ x^k·D_k = δ̄·G + t̄·H
	bar := toScalar(foldAt(st.Polynomial.Coefficients(), toField(p.X), toFields(p.Phi)))
	scalars, elements := []*group.Scalar{bar, p.T}, []*group.Element{g, h}
	power := p.X
	for _, e := range p.D {
		scalars, elements = append(scalars, power.Neg()), append(elements, e)
		power = power.Mul(p.X)
	}
	m.D[0] = sum(append(scalars, power.Neg()), append(elements, p.V)...)
	m.D = append(m.D, p.D...)
	// ω·V − ζ·H = A + x·G
	m.A = sum([]*group.Scalar{p.Omega, p.Zeta.Neg(), minus}, p.V, h, g)
	return m, err
}
