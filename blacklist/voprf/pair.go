package voprf

import (
	"fmt"
	"io"

	"github.com/haltlog/haltlog/internal/group"
)

// A pair shows that two pairs have one logarithm: B = k·A and D = k·C (Chaum and
// Pedersen, "Wallet databases with observers", CRYPTO '92, made non-interactive by
// hashing). The statement is whatever the proof is bound to; the tag says in which
// protocol. 64 bytes: challenge and response.
type pair struct {
	tag        group.Tag
	statement  []byte
	a, b, c, d *group.Element
}

func (p pair) challenge(t1, t2 *group.Element) *group.Scalar {
	points := prefixed(nil, p.statement)
	for _, e := range []*group.Element{p.a, p.b, p.c, p.d, t1, t2} {
		points = append(points, e.Bytes()...)
	}
	return group.HashToScalar(p.tag, points)
}

// prove is in constant time but for the lengths.
func (p pair) prove(k *group.Scalar, random io.Reader) ([]byte, error) {
	r, err := group.ReadScalar(random)
	if err != nil {
		return nil, fmt.Errorf("prove: %w", err)
	}
	x := p.challenge(p.a.Mul(r), p.c.Mul(r))
	return append(x.Bytes(), r.Sub(x.Mul(k)).Bytes()...), nil
}

// verify: t1 = s·A + x·B, t2 = s·C + x·D. Errors: ErrEncoding, ErrProof.
func (p pair) verify(proof []byte) error {
	x, s, err := parsePair(proof)
	if err != nil {
		return err
	}
	t1, err := group.VarTimeMultiMul([]*group.Scalar{s, x}, []*group.Element{p.a, p.b})
	if err != nil {
		return err
	}
	t2, err := group.VarTimeMultiMul([]*group.Scalar{s, x}, []*group.Element{p.c, p.d})
	if err != nil {
		return err
	}
	if !p.challenge(t1, t2).Equal(x) {
		return ErrProof
	}
	return nil
}

func parsePair(proof []byte) (x, s *group.Scalar, err error) {
	if err := checkProof(proof); err != nil {
		return nil, nil, err
	}
	if x, err = group.DecodeScalar(proof[:group.ScalarSize]); err != nil {
		return nil, nil, fmt.Errorf("%w: proof: %w", ErrEncoding, err)
	}
	if s, err = group.DecodeScalar(proof[group.ScalarSize:]); err != nil {
		return nil, nil, fmt.Errorf("%w: proof: %w", ErrEncoding, err)
	}
	return x, s, nil
}

// provePossession shows knowledge of k in B = k·G (Schnorr 1991), bound to a
// statement.
func provePossession(statement []byte, k *group.Scalar, b *group.Element, random io.Reader) ([]byte, error) {
	r, err := group.ReadScalar(random)
	if err != nil {
		return nil, fmt.Errorf("prove: %w", err)
	}
	x := possessionChallenge(statement, b, group.MulBase(r))
	return append(x.Bytes(), r.Sub(x.Mul(k)).Bytes()...), nil
}

func verifyPossession(statement []byte, b *group.Element, proof []byte) error {
	x, s, err := parsePair(proof)
	if err != nil {
		return err
	}
	// t = s·G + x·B
	if !possessionChallenge(statement, b, b.VarTimeMulBaseAdd(s, x)).Equal(x) {
		return ErrProof
	}
	return nil
}

func possessionChallenge(statement []byte, b, t *group.Element) *group.Scalar {
	return group.HashToScalar(group.TagDealing, prefixed(nil, statement), b.Bytes(), t.Bytes())
}
