package voprf

import (
	"bytes"
	"fmt"

	"github.com/haltlog/haltlog/internal/group"
)

// A Set is who evaluates, as the log names it: the key is shared among N
// evaluators, of whom any T answer. Commitments are Feldman's, to the T
// coefficients of the sharing polynomial: the first is the public key itself, and
// evaluator i's own key is PK_i = Σ i^j·Commitments[j]. One evaluator alone is 1
// of 1.
type Set struct {
	Version     uint64   // the key's version, from 1
	PublicKey   []byte   // 32 bytes
	T, N        int      // threshold and number of evaluators
	Commitments [][]byte // T elements of 32 bytes
}

// Validate checks a set's form. The error is ErrSet.
func (s Set) Validate() error {
	switch {
	case s.Version == 0:
		return fmt.Errorf("%w: version 0", ErrSet)
	case s.N < 1 || s.N > maxEvaluators:
		return fmt.Errorf("%w: %d evaluators", ErrSet, s.N)
	case s.T < 1 || s.T > s.N:
		return fmt.Errorf("%w: threshold %d of %d", ErrSet, s.T, s.N)
	case len(s.Commitments) != s.T:
		return fmt.Errorf("%w: %d commitments for a threshold of %d", ErrSet, len(s.Commitments), s.T)
	case !bytes.Equal(s.Commitments[0], s.PublicKey):
		return fmt.Errorf("%w: the first commitment is not the public key", ErrSet)
	}
	for i, c := range s.Commitments {
		if _, err := group.DecodeElement(c); err != nil {
			return fmt.Errorf("%w: commitment %d: %w", ErrSet, i, err)
		}
	}
	return nil
}

// Key returns the public key that labels are under. What one holder of several
// answers never verifies under it: see Query.Combine. Errors: ErrSet.
func (s Set) Key() (*PublicKey, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return ParsePublicKey(s.PublicKey)
}
