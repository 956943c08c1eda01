package clearance

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/internal/group"
)

func systemRandom() io.Reader { return rand.Reader }

// TestTranscript: every input of the challenge counts. Each is wrong alone.
func TestTranscript(t *testing.T) {
	t.Attr("invariant", "BG1")
	t.Attr("invariant", "BG2")
	list := listOf(12)
	good := statement(list)
	good.From = 400
	c0, secret := Commit(fresh())
	proof := mustProve(t, good, secret)
	if err := Verify(good, c0, proof); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Statement){
		"another log":       func(s *Statement) { s.Origin = "log.example/other" },
		"longer origin":     func(s *Statement) { s.Origin += "x" },
		"another size":      func(s *Statement) { s.Size++ },
		"another from-size": func(s *Statement) { s.From-- },
		"full for delta":    func(s *Statement) { s.From = 0 },
		"key version":       func(s *Statement) { s.KeyVersion = 2 },
		"kind":              func(s *Statement) { s.Part.Kind = fingerprint.Band(3) },
		"prefix":            func(s *Statement) { s.Part.Prefix = "0" },
		"list hash":         func(s *Statement) { s.ListHash[31] ^= 1 },
		"one label more":    func(s *Statement) { s.Polynomial = polynomialOf(append(slices.Clone(list), label(999))) },
		"another label":     func(s *Statement) { s.Polynomial = polynomialOf(append(slices.Clone(list[1:]), label(999))) },
	} {
		st := *good
		change(&st)
		if err := Verify(&st, c0, proof); !errors.Is(err, ErrProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// d is an input of its own: a list of another d has proofs of another length.
	longer := *good
	longer.Polynomial = polynomialOf(listOf(16))
	if err := Verify(&longer, c0, proof); !errors.Is(err, ErrFormat) {
		t.Errorf("another d: %v", err)
	}
	other, _ := Commit(fresh())
	if err := Verify(good, other, proof); !errors.Is(err, ErrProof) {
		t.Errorf("another commitment to the same label: %v", err)
	}
}

// TestMoves: each of the first moves enters the challenge by itself.
func TestMoves(t *testing.T) {
	t.Attr("invariant", "BG1")
	st := statement(listOf(12))
	c0, secret := Commit(fresh())
	p, err := ParseProof(mustProve(t, st, secret), st.Polynomial.D())
	if err != nil {
		t.Fatal(err)
	}
	first, err := group.DecodeElement(c0[:])
	if err != nil {
		t.Fatal(err)
	}
	m, err := p.moves(st, first)
	if err != nil {
		t.Fatal(err)
	}
	x := st.challenge(m)
	if !x.Equal(p.X) {
		t.Fatal("honest moves give another challenge")
	}
	for name, list := range map[string][]*group.Element{"C": m.C, "F": m.F, "E": m.E, "D": m.D} {
		for i := range list {
			kept := list[i]
			list[i] = kept.Add(group.Generator())
			if st.challenge(m).Equal(x) {
				t.Errorf("%s_%d does not enter the challenge", name, i)
			}
			list[i] = kept
		}
	}
	for name, e := range map[string]**group.Element{"V": &m.V, "A": &m.A} {
		kept := *e
		*e = kept.Add(group.Generator())
		if st.challenge(m).Equal(x) {
			t.Errorf("%s does not enter the challenge", name)
		}
		*e = kept
	}
}

// TestEquations: for each equation a proof in which it alone is wrong. An answer
// that stands in one equation only is changed, and of all first moves that the
// verifier solves for exactly that equation's differs.
func TestEquations(t *testing.T) {
	t.Attr("invariant", "BG1")
	st := statement(listOf(12))
	d := st.Polynomial.D()
	c0, secret := Commit(fresh())
	proof := mustProve(t, st, secret)
	first, err := group.DecodeElement(c0[:])
	if err != nil {
		t.Fatal(err)
	}
	solve := func(p *Proof) map[string]string {
		m, err := p.moves(st, first)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]string{"D_0": string(m.D[0].Bytes()), "A": string(m.A.Bytes())}
		for i, e := range m.F {
			out[fmt.Sprint("F_", i)] = string(e.Bytes())
		}
		for i, e := range m.E {
			out[fmt.Sprint("E_", i)] = string(e.Bytes())
		}
		return out
	}
	type change struct {
		scalar func(*Proof) **group.Scalar
		breaks string
	}
	changes := map[string]change{
		"t̄": {func(p *Proof) **group.Scalar { return &p.T }, "D_0"},
		"ω":  {func(p *Proof) **group.Scalar { return &p.Omega }, "A"},
		"ζ":  {func(p *Proof) **group.Scalar { return &p.Zeta }, "A"},
	}
	for j := range d + 1 {
		changes[fmt.Sprint("ρ_", j)] = change{func(p *Proof) **group.Scalar { return &p.Rho[j] }, fmt.Sprint("F_", j)}
	}
	for j := range d {
		changes[fmt.Sprint("η_", j)] = change{func(p *Proof) **group.Scalar { return &p.Eta[j] }, fmt.Sprint("E_", j)}
	}
	parse := func() *Proof {
		p, err := ParseProof(proof, d)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	honest := solve(parse())
	for name, c := range changes {
		p := parse()
		s := c.scalar(p)
		*s = (*s).Add(group.ScalarFromUint64(1))
		for move, e := range solve(p) {
			if (e != honest[move]) != (move == c.breaks) {
				t.Errorf("%s: %s differs: %v", name, move, e != honest[move])
			}
		}
		if err := Verify(st, c0, p.Bytes()); !errors.Is(err, ErrProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFields: a proof with any one field changed is refused.
func TestFields(t *testing.T) {
	t.Attr("invariant", "BG1")
	t.Attr("invariant", "BG3")
	st := statement(listOf(12))
	d := st.Polynomial.D()
	c0, secret := Commit(fresh())
	proof := mustProve(t, st, secret)
	elements := 2*d + 1
	for i := range len(proof) / 32 {
		other := group.RandomScalar().Bytes()
		if i < elements {
			other = group.MulBase(group.RandomScalar()).Bytes()
		}
		for name, with := range map[string][]byte{
			"another value": other, "zero": make([]byte, 32), "not canonical": slices.Repeat([]byte{0xff}, 32),
		} {
			bad := bytes.Clone(proof)
			copy(bad[32*i:], with)
			err := Verify(st, c0, bad)
			// The encoding of zero is the identity's: refused as such for elements
			// and for the challenge, judged for other scalars.
			malformed := name == "not canonical" || name == "zero" && i <= elements
			if err == nil || errors.Is(err, ErrFormat) != malformed {
				t.Errorf("field %d, %s: %v", i, name, err)
			}
		}
	}
	for _, bad := range [][]byte{nil, proof[:len(proof)-32], append(bytes.Clone(proof), make([]byte, 32)...), proof[:len(proof)-1]} {
		if err := Verify(st, c0, bad); !errors.Is(err, ErrFormat) {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
	for _, bad := range []Commitment{{}, Commitment(slices.Repeat([]byte{0xff}, 32))} {
		if err := Verify(st, bad, proof); !errors.Is(err, ErrFormat) {
			t.Errorf("commitment %x: %v", bad, err)
		}
	}
}

// TestListedNever: somebody who holds a listed label and knows everything, also
// r_0, tries each of the ways to get a proof past the verifier.
func TestListedNever(t *testing.T) {
	t.Attr("invariant", "BG1")
	list := listOf(12)
	st := statement(list)
	d := st.Polynomial.D()
	listed := list[5]
	one := group.ScalarFromUint64(1)
	for name, cheat := range map[string]func(p *prover) (powers []*group.Scalar, v *group.Scalar){
		// P(u) is 0; V commits to it, and w is made up.
		"inverse of nothing": func(p *prover) ([]*group.Scalar, *group.Scalar) { return p.powers, p.v },
		// V commits to 1 although P(u) is 0.
		"another value in V": func(p *prover) ([]*group.Scalar, *group.Scalar) { return p.powers, one },
		// C_0 is to the listed label, C_1 … to the powers of another.
		"powers of another": func(p *prover) ([]*group.Scalar, *group.Scalar) {
			powers := slices.Clone(p.powers)
			powers[1] = scalarOf(fresh()).Mul(scalarOf(fresh()))
			for j := 2; j <= d; j++ {
				powers[j] = powers[j-1].Mul(powers[j-1])
			}
			return powers, p.v
		},
		// Everything after C_0 speaks of an unlisted label.
		"another label": func(p *prover) ([]*group.Scalar, *group.Scalar) {
			powers := []*group.Scalar{scalarOf(fresh())}
			for j := range d {
				powers = append(powers, powers[j].Mul(powers[j]))
			}
			return powers, p.v
		},
	} {
		c0, secret := Commit(listed)
		proof, honest := forge(t, st, secret, cheat)
		if honest {
			t.Fatalf("%s: the forger's own run for an unlisted label fails", name)
		}
		if err := Verify(st, c0, proof); !errors.Is(err, ErrProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Commitments that hold nothing: to zero, the identity, one whose opening is
	// not known, one of a label that was cleared honestly.
	_, secret := Commit(fresh())
	proof := mustProve(t, st, secret)
	for name, c := range map[string]Commitment{
		"to zero":    Commitment(second().Bytes()),
		"to one":     Commitment(group.Generator().Bytes()),
		"of another": Commitment(group.MulBase(scalarOf(listed)).Add(second()).Bytes()),
	} {
		if err := Verify(st, c, proof); !errors.Is(err, ErrProof) {
			t.Errorf("commitment %s: %v", name, err)
		}
	}
	if err := Verify(st, Commitment{}, proof); !errors.Is(err, ErrFormat) {
		t.Errorf("identity: %v", err)
	}
	// A list without the label gives a proof, which the list with it refuses,
	// whatever hash is claimed.
	without := statement(slices.Delete(slices.Clone(list), 5, 6))
	c0, secret := Commit(listed)
	proof = mustProve(t, without, secret)
	if err := Verify(without, c0, proof); err != nil {
		t.Fatal(err)
	}
	for _, hash := range []blacklist.Hash{st.ListHash, without.ListHash} {
		swapped := *st
		swapped.ListHash = hash
		if err := Verify(&swapped, c0, proof); !errors.Is(err, ErrProof) {
			t.Errorf("swapped list: %v", err)
		}
	}
}

// forge is the prover's algorithm without its refusal, cheating with powers and v.
// It first runs without cheating for an unlisted label, where honest is whether
// that failed: a forger whose code is wrong shows nothing.
func forge(t *testing.T, st *Statement, secret *Secret, cheat func(*prover) ([]*group.Scalar, *group.Scalar)) (proof []byte, broken bool) {
	t.Helper()
	run := func(s *Secret, cheat func(*prover) ([]*group.Scalar, *group.Scalar)) []byte {
		d := st.Polynomial.D()
		n := func(n int) []*group.Scalar {
			list, err := randoms(n, systemRandom())
			if err != nil {
				t.Fatal(err)
			}
			return list
		}
		p := &prover{d: d, h: second(), r: append([]*group.Scalar{s.r}, n(d)...), f: n(d + 1), s: n(d + 1), xi: n(d), tau: n(1)[0], taus: n(d + 1)}
		p.powers = []*group.Scalar{s.u}
		for j := range d {
			p.powers = append(p.powers, p.powers[j].Mul(p.powers[j]))
		}
		evaluate := func() {
			delta := foldPolynomial(st.Polynomial.Coefficients(), toFields(p.powers), toFields(p.f))
			p.delta, p.v = toScalars(delta[:d+1]), toScalar(delta[d+1])
		}
		evaluate()
		p.powers, p.v = cheat(p)
		claimed := p.v
		if evaluate(); !p.v.IsZero() && claimed.IsZero() {
			claimed = p.v
		}
		p.v = claimed
		w := group.ScalarFromUint64(1)
		if !p.v.IsZero() {
			var err error
			if w, err = p.v.Invert(); err != nil {
				t.Fatal(err)
			}
		}
		z := w.Mul(p.tau)
		m := p.moves()
		// The commitment is given; only what follows is the forger's to make.
		c0 := s.Commitment()
		var err error
		if m.C[0], err = group.DecodeElement(c0[:]); err != nil {
			t.Fatal(err)
		}
		k := n(2)
		if m.A, err = group.MultiMul([]*group.Scalar{k[0], k[1].Neg()}, []*group.Element{m.V, p.h}); err != nil {
			t.Fatal(err)
		}
		x := st.challenge(m)
		out := p.answer(x)
		out.C, out.V, out.D = m.C[1:], m.V, m.D[1:]
		out.Omega, out.Zeta = k[0].Add(x.Mul(w)), k[1].Add(x.Mul(z))
		return out.Bytes()
	}
	c, s := Commit(fresh())
	honest := run(s, func(p *prover) ([]*group.Scalar, *group.Scalar) { return p.powers, p.v })
	return run(secret, cheat), Verify(st, c, honest) != nil
}

// TestStatements: nothing is proven or verified of a statement that says nothing.
func TestStatements(t *testing.T) {
	good := statement(listOf(3))
	c0, secret := Commit(fresh())
	proof := mustProve(t, good, secret)
	for name, change := range map[string]func(*Statement){
		"no origin":     func(s *Statement) { s.Origin = "" },
		"long origin":   func(s *Statement) { s.Origin = string(make([]byte, 256)) },
		"no polynomial": func(s *Statement) { s.Polynomial = nil },
		"no size":       func(s *Statement) { s.Size = 0 },
		"from the end":  func(s *Statement) { s.From = s.Size },
		"key version 0": func(s *Statement) { s.KeyVersion = 0 },
		"no part":       func(s *Statement) { s.Part.Kind = "nothing" },
	} {
		st := *good
		change(&st)
		if _, err := Prove(&st, secret); !errors.Is(err, ErrStatement) {
			t.Errorf("prove, %s: %v", name, err)
		}
		if err := Verify(&st, c0, proof); !errors.Is(err, ErrStatement) {
			t.Errorf("verify, %s: %v", name, err)
		}
	}
}

// FuzzParseProof: what is taken is printed again to the last byte (BG3).
func FuzzParseProof(f *testing.F) {
	for _, n := range []int{0, 3, 12} {
		st := statement(listOf(n))
		_, secret := Commit(fresh())
		f.Add(mustProve(f, st, secret), st.Polynomial.D())
	}
	f.Add([]byte{}, -1)
	f.Fuzz(func(t *testing.T, b []byte, d int) {
		p, err := ParseProof(b, d)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Errorf("%v", err)
			}
			return
		}
		if !bytes.Equal(p.Bytes(), b) {
			t.Error("two encodings")
		}
	})
}
