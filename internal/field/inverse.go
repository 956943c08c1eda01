package field

import "errors"

// ErrZero is returned where zero would be inverted.
var ErrZero = errors.New("zero has no inverse")

// Inverse returns 1/x = x^(ℓ−2) (Fermat). The error is ErrZero.
func (x Element) Inverse() (Element, error) {
	if x.IsZero() {
		return Element{}, ErrZero
	}
	exponent := [4]uint64{order0 - 2, order1, 0, order3}
	z := One()
	for i := 252; i >= 0; i-- {
		z = z.Mul(&z)
		if exponent[i/64]>>(i%64)&1 == 1 { // of a public constant
			z = z.Mul(&x)
		}
	}
	return z, nil
}
