package voprf

import (
	"fmt"
	"slices"

	"github.com/haltlog/haltlog/internal/group"
)

// Sum is the sharing that qualified dealings give together: its commitments are
// the sums of theirs. There is at least one, each of another dealer, all of one
// ceremony, none of zero. Errors: ErrDealing.
func Sum(dealings []*Dealing) ([][]byte, error) {
	ones := make([]*group.Scalar, len(dealings))
	for i, d := range dealings {
		if d.Zero() {
			return nil, fmt.Errorf("%w: dealer %d deals zero", ErrDealing, d.Dealer)
		}
		ones[i] = group.ScalarFromUint64(1)
	}
	return combine(dealings, ones, nil)
}

// Refresh is the sharing that zero dealings make of one: every share changes, and
// the public key stays. Errors: ErrDealing.
func Refresh(commitments [][]byte, dealings []*Dealing) ([][]byte, error) {
	ones := make([]*group.Scalar, len(dealings))
	for i, d := range dealings {
		if !d.Zero() {
			return nil, fmt.Errorf("%w: dealer %d does not deal zero", ErrDealing, d.Dealer)
		}
		ones[i] = group.ScalarFromUint64(1)
	}
	return combine(dealings, ones, commitments)
}

// Product is the sharing of k·Δ that product dealings of 2t − 1 holders give
// (Gennaro, Rabin, Rabin, "Simplified VSS and fast-track multiparty computations",
// PODC '98): the products of shares lie on a polynomial of degree 2t − 2, whose value
// at 0 Lagrange's weights add up, and each is dealt anew by a polynomial of degree
// t − 1. Errors: ErrDealing.
func Product(dealings []*Dealing) ([][]byte, error) {
	weights, err := productWeights(dealings)
	if err != nil {
		return nil, err
	}
	return combine(dealings, weights, nil)
}

func productWeights(dealings []*Dealing) ([]*group.Scalar, error) {
	if len(dealings) == 0 || len(dealings) != 2*dealings[0].Ceremony.T-1 {
		return nil, fmt.Errorf("%w: a product of %d dealings", ErrDealing, len(dealings))
	}
	var dealers []int
	for _, d := range dealings {
		dealers = append(dealers, d.Dealer)
	}
	weights, err := lagrange(dealers)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDealing, err)
	}
	return weights, nil
}

// combine is base + Σ weights·dealings, commitment by commitment.
func combine(dealings []*Dealing, weights []*group.Scalar, base [][]byte) ([][]byte, error) {
	if len(dealings) == 0 {
		return nil, fmt.Errorf("%w: nobody dealt", ErrDealing)
	}
	first := dealings[0].Ceremony
	seen := make(map[int]bool)
	sums := make([]*group.Element, first.T)
	if base != nil {
		if len(base) != first.T {
			return nil, fmt.Errorf("%w: %d commitments to be refreshed by %d", ErrDealing, len(base), first.T)
		}
		var err error
		if sums, err = decodeAll(base); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDealing, err)
		}
		sums = slices.Clone(sums)
	}
	for i, d := range dealings {
		if seen[d.Dealer] || string(d.Ceremony.statement(0, 0)) != string(first.statement(0, 0)) {
			return nil, fmt.Errorf("%w: dealer %d twice, or of another ceremony", ErrDealing, d.Dealer)
		}
		seen[d.Dealer] = true
		c, err := d.commitments()
		if err != nil {
			return nil, err
		}
		for j, e := range c {
			// Zero dealings begin with the identity, which no product takes.
			if e.IsIdentity() {
				continue
			}
			if e = e.Mul(weights[i]); sums[j] != nil {
				e = sums[j].Add(e)
			}
			sums[j] = e
		}
	}
	for j, e := range sums {
		if e == nil || e.IsIdentity() {
			return nil, fmt.Errorf("%w: commitment %d is the identity", ErrDealing, j)
		}
	}
	return encodeAll(sums), nil
}

// SumShare is a holder's share of [Sum], of its portions of the same dealings.
// Errors: ErrDealing, ErrShare where it does not fit the commitments.
func SumShare(commitments [][]byte, portions []*Portion) (*Share, error) {
	ones := make([]*group.Scalar, len(portions))
	for i := range ones {
		ones[i] = group.ScalarFromUint64(1)
	}
	return finish(commitments, portions, ones, nil)
}

// RefreshedShare is a holder's share of [Refresh]. The old one is to be destroyed:
// shares from before and after do not go together.
func (s *Share) RefreshedShare(commitments [][]byte, portions []*Portion) (*Share, error) {
	ones := make([]*group.Scalar, len(portions))
	for i, p := range portions {
		if p.holder != s.index {
			return nil, fmt.Errorf("%w: portion of holder %d", ErrDealing, p.holder)
		}
		ones[i] = group.ScalarFromUint64(1)
	}
	return finish(commitments, portions, ones, s.key.k)
}

// ProductShare is a holder's share of [Product], of its portions of the same
// dealings.
func ProductShare(commitments [][]byte, portions []*Portion) (*Share, error) {
	var dealers []int
	for _, p := range portions {
		dealers = append(dealers, p.dealer)
	}
	weights, err := lagrange(dealers)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDealing, err)
	}
	return finish(commitments, portions, weights, nil)
}

// finish adds portions up and holds the share against the commitments.
func finish(commitments [][]byte, portions []*Portion, weights []*group.Scalar, base *group.Scalar) (*Share, error) {
	if len(portions) == 0 {
		return nil, fmt.Errorf("%w: no portions", ErrDealing)
	}
	sum := group.ScalarFromUint64(0)
	if base != nil {
		sum = base
	}
	for i, p := range portions {
		if p.holder != portions[0].holder {
			return nil, fmt.Errorf("%w: portions of several holders", ErrDealing)
		}
		sum = sum.Add(weights[i].Mul(p.value))
	}
	if sum.IsZero() {
		return nil, fmt.Errorf("%w: the share is zero", ErrShare)
	}
	s := &Share{portions[0].holder, newPrivateKey(sum)}
	if err := s.Verify(commitments); err != nil {
		return nil, err
	}
	return s, nil
}

// NewProductDealing deals the product of the dealer's shares of k and Δ, with a
// proof that it is: the first commitment is Δ_i·PK_i. Errors: ErrDealing.
func NewProductDealing(c Ceremony, key, factor *Share) (*Dealing, error) {
	if key.index != factor.index {
		return nil, fmt.Errorf("%w: shares of holders %d and %d", ErrDealing, key.index, factor.index)
	}
	d, err := newDealing(c, key.index, key.key.k.Mul(factor.key.k))
	if err != nil {
		return nil, err
	}
	p := d.productPair(factor.key.public.element, key.key.public.element, key.key.public.element.Mul(factor.key.k))
	d.Possession, err = p.prove(factor.key.k, system())
	return d, err
}

func (d *Dealing) productPair(factor, key, product *group.Element) pair {
	return pair{group.TagDealtProduct, d.Ceremony.statement(d.Dealer, 0), group.Generator(), factor, key, product}
}

// VerifyProduct holds a product dealing's public part against the commitments to k
// and Δ: its form, each sealed share's proof, and that it deals Δ_i·k_i. Both are
// shared with the ceremony's threshold, as 2t − 1 dealings are their product only
// then. Errors: ErrDealing.
func (d *Dealing) VerifyProduct(key, factor [][]byte) error {
	if err := d.Ceremony.check(d.Dealer); err != nil {
		return err
	}
	if len(key) != d.Ceremony.T || len(factor) != d.Ceremony.T {
		return fmt.Errorf("%w: product of thresholds %d and %d, dealt with %d", ErrDealing, len(key), len(factor), d.Ceremony.T)
	}
	for holder := 1; holder <= d.Ceremony.N; holder++ {
		if _, err := d.sealed(holder); err != nil {
			return err
		}
	}
	c, err := d.commitments()
	if err != nil {
		return err
	}
	k, err := holderKey(key, d.Dealer)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDealing, err)
	}
	f, err := holderKey(factor, d.Dealer)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDealing, err)
	}
	if d.Zero() {
		return fmt.Errorf("%w: zero is dealt for a product", ErrDealing)
	}
	if err := d.productPair(f, k, c[0]).verify(d.Possession); err != nil {
		return fmt.Errorf("%w: product: %w", ErrDealing, err)
	}
	return nil
}
