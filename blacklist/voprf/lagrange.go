package voprf

import (
	"fmt"
	"math/big"

	"github.com/haltlog/haltlog/internal/group"
)

// Lagrange returns the weights with which values at distinct places, from 1, add up
// to the one at 0. Errors: ErrSet.
func Lagrange(indices []int) ([]*group.Scalar, error) { return lagrange(indices) }

// lagrange returns λ_i for each index: Σ λ_i·f(i) = f(0) for every f of a degree
// below their number (Shamir 1979). Indices are public, distinct, and from 1.
// Errors: ErrSet.
func lagrange(indices []int) ([]*group.Scalar, error) {
	if err := checkIndices(indices); err != nil {
		return nil, err
	}
	numerators, denominators := make([]*group.Scalar, len(indices)), make([]*group.Scalar, len(indices))
	for i, a := range indices {
		x := group.ScalarFromUint64(uint64(a))
		n, d := group.ScalarFromUint64(1), group.ScalarFromUint64(1)
		for j, b := range indices {
			if i == j {
				continue
			}
			y := group.ScalarFromUint64(uint64(b))
			n, d = n.Mul(y), d.Mul(y.Sub(x))
		}
		numerators[i], denominators[i] = n, d
	}
	inverses, err := group.InvertAll(denominators)
	if err != nil {
		return nil, err
	}
	for i := range numerators {
		numerators[i] = numerators[i].Mul(inverses[i])
	}
	return numerators, nil
}

func checkIndices(indices []int) error {
	seen := make(map[int]bool)
	for _, i := range indices {
		if i < 1 || i > maxEvaluators {
			return fmt.Errorf("%w: holder %d", ErrSet, i)
		}
		if seen[i] {
			return fmt.Errorf("%w: holder %d twice", ErrSet, i)
		}
		seen[i] = true
	}
	return nil
}

// fractions are the same λ_i = numerators[i] / denominator as integers, without a
// common factor. ok is false where one of them does not fit, as of many holders.
func fractions(indices []int) (numerators []int64, denominator int64, ok bool) {
	weights, common := make([]*big.Rat, len(indices)), big.NewInt(1)
	for i, a := range indices {
		w := big.NewRat(1, 1)
		for j, b := range indices {
			if i != j {
				w.Mul(w, big.NewRat(int64(b), int64(b-a)))
			}
		}
		weights[i] = w
		divisor := new(big.Int).GCD(nil, nil, common, w.Denom())
		common.Mul(common, new(big.Int).Div(w.Denom(), divisor))
	}
	for _, w := range weights {
		n := new(big.Int).Div(new(big.Int).Mul(w.Num(), common), w.Denom())
		if !n.IsInt64() {
			return nil, 0, false
		}
		numerators = append(numerators, n.Int64())
	}
	return numerators, common.Int64(), common.IsInt64()
}

// weigh returns what adds terms up with Lagrange's weights, many times over. It takes
// variable time: what holders answered is on the wire. The weights of few holders
// are small fractions, {1, 2} has 2 and −1: then it takes some additions, and one
// product where the denominator is not 1, of {1, 3} say. Errors: ErrSet.
func weigh(indices []int) (func(terms []*group.Element) (*group.Element, error), error) {
	weights, err := lagrange(indices)
	if err != nil {
		return nil, err
	}
	numerators, denominator, ok := fractions(indices)
	if !ok {
		return func(terms []*group.Element) (*group.Element, error) { return group.VarTimeMultiMul(weights, terms) }, nil
	}
	if denominator == 1 {
		return func(terms []*group.Element) (*group.Element, error) {
			return group.VarTimeSmallMultiMul(numerators, terms)
		}, nil
	}
	inverse, err := group.ScalarFromUint64(uint64(denominator)).Invert()
	if err != nil {
		return nil, err
	}
	return func(terms []*group.Element) (*group.Element, error) {
		sum, err := group.VarTimeSmallMultiMul(numerators, terms)
		if err != nil {
			return nil, err
		}
		return group.VarTimeMultiMul([]*group.Scalar{inverse}, []*group.Element{sum})
	}, nil
}
