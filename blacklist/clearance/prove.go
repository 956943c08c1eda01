package clearance

import (
	"crypto/rand"
	"fmt"
	"io"

	"github.com/haltlog/haltlog/internal/group"
)

// Prove shows that the secret's label is not on the list. The bytes are those of
// Proof. Errors: ErrListed where it is, ErrStatement.
func Prove(st *Statement, secret *Secret) ([]byte, error) {
	return prove(st, secret, rand.Reader)
}

// prove draws from random in this order: r_1…r_d, f, s, ξ, τ, τ_0…τ_d, k_w, k_z.
func prove(st *Statement, secret *Secret, random io.Reader) ([]byte, error) {
	if err := st.check(); err != nil {
		return nil, err
	}
	d := st.Polynomial.D()
	drawn, err := randoms(d+2*(d+1)+d+1+(d+1)+2, random)
	if err != nil {
		return nil, fmt.Errorf("prove: %w", err)
	}
	take := func(n int) (list []*group.Scalar) {
		list, drawn = drawn[:n:n], drawn[n:]
		return list
	}
	p := &prover{d: d, h: second()}
	p.r = append([]*group.Scalar{secret.r}, take(d)...)
	p.f, p.s, p.xi = take(d+1), take(d+1), take(d)
	p.tau, p.taus = take(1)[0], take(d+1)
	kw, kz := take(1)[0], take(1)[0]

	p.powers = make([]*group.Scalar, d+1)
	p.powers[0] = secret.u
	for j := range d {
		p.powers[j+1] = p.powers[j].Mul(p.powers[j])
	}
	delta := foldPolynomial(st.Polynomial.Coefficients(), toFields(p.powers), toFields(p.f))
	if delta[d+1].IsZero() {
		return nil, ErrListed
	}
	p.delta, p.v = toScalars(delta[:d+1]), toScalar(delta[d+1])
	w, err := p.v.Invert()
	if err != nil {
		return nil, ErrListed
	}
	z := w.Mul(p.tau)

	m := p.moves()
	// A = k_w·V − k_z·H
	if m.A, err = group.MultiMul([]*group.Scalar{kw, kz.Neg()}, []*group.Element{m.V, p.h}); err != nil {
		return nil, err
	}
	x := st.challenge(m)
	if x.IsZero() {
		return nil, fmt.Errorf("%w: the challenge is zero", ErrProof) // with probability 2^-252
	}
	proof := p.answer(x)
	proof.C, proof.V, proof.D = m.C[1:], m.V, m.D[1:]
	proof.Omega, proof.Zeta = kw.Add(x.Mul(w)), kz.Add(x.Mul(z))
	return proof.Bytes(), nil
}

// prover holds the secrets of one proof, under the names of the paper's section 4.
type prover struct {
	d      int
	h      *group.Element
	powers []*group.Scalar // u^(2^j)
	r      []*group.Scalar // of C_j
	f, s   []*group.Scalar // of F_j
	xi     []*group.Scalar // of E_j
	delta  []*group.Scalar // δ_0 … δ_d
	taus   []*group.Scalar // of D_k
	v, tau *group.Scalar   // of V
}

// moves are all commitments but A.
func (p *prover) moves() *first {
	m := &first{V: pair(p.v, p.tau, p.h)}
	for j := range p.d + 1 {
		m.C = append(m.C, pair(p.powers[j], p.r[j], p.h))
		m.F = append(m.F, pair(p.f[j], p.s[j], p.h))
		m.D = append(m.D, pair(p.delta[j], p.taus[j], p.h))
	}
	for j := range p.d {
		// E_j = f_j·C_j + ξ_j·H
		m.E = append(m.E, m.C[j].Mul(p.f[j]).Add(p.h.Mul(p.xi[j])))
	}
	return m
}

// answer is what the challenge asks for, but ω and ζ.
func (p *prover) answer(x *group.Scalar) *Proof {
	out := &Proof{X: x}
	for j := range p.d + 1 {
		out.Phi = append(out.Phi, p.f[j].Add(x.Mul(p.powers[j])))
		out.Rho = append(out.Rho, p.s[j].Add(x.Mul(p.r[j])))
	}
	for j := range p.d {
		// η_j = x·r_{j+1} + f_j·r_j + ξ_j − φ_j·r_j
		out.Eta = append(out.Eta, x.Mul(p.r[j+1]).Add(p.xi[j]).Add(p.f[j].Sub(out.Phi[j]).Mul(p.r[j])))
	}
	// t̄ = τ·x^(d+1) + Σ τ_k·x^k, by Horner's rule
	out.T = p.tau
	for k := p.d; k >= 0; k-- {
		out.T = out.T.Mul(x).Add(p.taus[k])
	}
	return out
}
