package ring

import (
	"fmt"

	"github.com/haltlog/haltlog/internal/group"
)

// Verify verifies a signature of message by one of the ring's members. The error
// is ErrSignature, with the reason where there is one besides the equation.
//
// Everything that is cheap to refuse (length, then every scalar) is refused
// before the first product. The challenges depend on one another, so the chain
// has no batch form: the cost is n double products.
func (r *Ring) Verify(message, sig []byte) error {
	if len(sig) != r.SignatureSize() {
		return fmt.Errorf("%w: %d bytes instead of %d", ErrSignature, len(sig), r.SignatureSize())
	}
	scalars := make([]*group.Scalar, len(r.keys)+1)
	for i := range scalars {
		s, err := group.DecodeScalar(sig[group.ScalarSize*i:][:group.ScalarSize])
		if err != nil {
			return fmt.Errorf("%w: number %d: %w", ErrSignature, i, err)
		}
		scalars[i] = s
	}
	digest := r.digest(message)
	first, responses := scalars[0], scalars[1:]
	step := func(j int, s, c *group.Scalar) *group.Element { return r.keys[j].VarTimeMulBaseAdd(s, c) }
	if r.ready.Load() {
		tables := r.tables()
		step = func(j int, s, c *group.Scalar) *group.Element { return tables[j].VarTimeMulBaseAdd(s, c) }
	}
	c := first
	for j, s := range responses {
		next := (j + 1) & (len(responses) - 1)
		c = challenge(digest, next, step(j, s, c))
	}
	if !c.Equal(first) {
		return ErrSignature
	}
	return nil
}
