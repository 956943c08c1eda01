package group

import (
	"fmt"

	"github.com/gtank/ristretto255"
)

// MultiMul returns Σ scalars[i]·elements[i] in time that depends on the number
// of terms alone. The empty sum is the identity. The error is ErrMismatch.
func MultiMul(scalars []*Scalar, elements []*Element) (*Element, error) {
	return multi(scalars, elements, (*ristretto255.Element).MultiScalarMult)
}

// VarTimeMultiMul is MultiMul in a time that depends on its inputs: for public
// data only.
func VarTimeMultiMul(scalars []*Scalar, elements []*Element) (*Element, error) {
	return multi(scalars, elements, (*ristretto255.Element).VarTimeMultiScalarMult)
}

func multi(scalars []*Scalar, elements []*Element,
	product func(*ristretto255.Element, []*ristretto255.Scalar, []*ristretto255.Element) *ristretto255.Element,
) (*Element, error) {
	if len(scalars) != len(elements) {
		return nil, fmt.Errorf("%d scalars and %d elements: %w", len(scalars), len(elements), ErrMismatch)
	}
	size := min(len(scalars), multiChunk)
	s, e := make([]*ristretto255.Scalar, size), make([]*ristretto255.Element, size)
	sum := &Element{set: true}
	sum.r.Set(ristretto255.NewIdentityElement())
	for len(scalars) > 0 {
		n := min(len(scalars), multiChunk)
		for i := range n {
			s[i], e[i] = scalars[i].get(), elements[i].get()
		}
		// A receiver made for this product alone keeps GA5 whatever the library does.
		part := ristretto255.NewIdentityElement()
		product(part, s[:n], e[:n])
		sum.r.Add(&sum.r, part)
		scalars, elements = scalars[n:], elements[n:]
	}
	return sum, nil
}
