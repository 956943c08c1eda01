package clearance

import (
	"io"

	"github.com/haltlog/haltlog/internal/field"
	"github.com/haltlog/haltlog/internal/group"
)

// toField takes a scalar over to the field's own arithmetic.
func toField(s *group.Scalar) field.Element {
	e, err := field.Decode(s.Bytes())
	if err != nil {
		panic("clearance: scalar is not canonical") // it prints canonically
	}
	return e
}

// toScalar is the inverse of toField.
func toScalar(e field.Element) *group.Scalar {
	b := e.Bytes()
	s, err := group.DecodeScalar(b[:])
	if err != nil {
		panic("clearance: element is not canonical") // FD2
	}
	return s
}

func toScalars(list []field.Element) []*group.Scalar {
	out := make([]*group.Scalar, len(list))
	for i, e := range list {
		out[i] = toScalar(e)
	}
	return out
}

func toFields(list []*group.Scalar) []field.Element {
	out := make([]field.Element, len(list))
	for i, s := range list {
		out[i] = toField(s)
	}
	return out
}

// randoms draws n scalars.
func randoms(n int, random io.Reader) ([]*group.Scalar, error) {
	out := make([]*group.Scalar, n)
	for i := range out {
		var err error
		if out[i], err = group.ReadScalar(random); err != nil {
			return nil, err
		}
	}
	return out, nil
}
