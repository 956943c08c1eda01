package group

import (
	"fmt"
	"math/bits"

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

// VarTimeSmallMultiMul returns Σ scalars[i]·elements[i] for small integers, with as
// many doublings as the longest has bits. Its time depends on its inputs: for public
// data only. The error is ErrMismatch.
func VarTimeSmallMultiMul(scalars []int64, elements []*Element) (*Element, error) {
	if len(scalars) != len(elements) {
		return nil, fmt.Errorf("%d integers and %d elements: %w", len(scalars), len(elements), ErrMismatch)
	}
	longest := 0
	for _, s := range scalars {
		longest = max(longest, bits.Len64(magnitude(s)))
	}
	sum := &Element{set: true}
	sum.r.Set(ristretto255.NewIdentityElement())
	for bit := longest - 1; bit >= 0; bit-- {
		sum.r.Add(&sum.r, &sum.r)
		for i, s := range scalars {
			e := elements[i].get()
			switch {
			case magnitude(s)>>bit&1 == 0:
			case s < 0:
				sum.r.Subtract(&sum.r, e)
			default:
				sum.r.Add(&sum.r, e)
			}
		}
	}
	return sum, nil
}

// magnitude is |s|, of the least integer too.
func magnitude(s int64) uint64 {
	if s < 0 {
		return -uint64(s)
	}
	return uint64(s)
}
