package group

import (
	"crypto/subtle"
	"fmt"

	"github.com/gtank/ristretto255"
)

// An Element is a member of the ristretto255 group. The zero value is unusable
// (GA2); elements come from DecodeElement, Generator, HashToGroup or arithmetic.
type Element struct {
	r   ristretto255.Element
	set bool
}

// get is the one way to an operand: it keeps GA2.
func (e *Element) get() *ristretto255.Element {
	if e == nil || !e.set {
		panic("group: GA2: element was never set")
	}
	return &e.r
}

// DecodeElement reads the canonical encoding of an element (RFC 9496, section
// 4.3.1). Errors: ErrLength, ErrNotCanonical, ErrIdentity.
func DecodeElement(b []byte) (*Element, error) {
	if len(b) != ElementSize {
		return nil, fmt.Errorf("decode element of %d bytes: %w", len(b), ErrLength)
	}
	e := &Element{set: true}
	if _, err := e.r.SetCanonicalBytes(b); err != nil {
		return nil, fmt.Errorf("decode element: %w", ErrNotCanonical)
	}
	// The identity is the only element that encodes as zeros.
	if subtle.ConstantTimeCompare(b, make([]byte, ElementSize)) == 1 {
		return nil, fmt.Errorf("decode element: %w", ErrIdentity)
	}
	return e, nil
}

// Generator returns the group's canonical generator.
func Generator() *Element {
	e := &Element{set: true}
	e.r.Set(ristretto255.NewGeneratorElement())
	return e
}

// Bytes returns the canonical encoding, 32 bytes (RFC 9496, section 4.3.2).
func (e *Element) Bytes() []byte { return e.get().Bytes() }

// Equal reports whether two elements are the same, in constant time.
func (e *Element) Equal(f *Element) bool { return e.get().Equal(f.get()) == 1 }

// IsIdentity reports whether the element is the identity, in constant time.
func (e *Element) IsIdentity() bool {
	return e.get().Equal(ristretto255.NewIdentityElement()) == 1
}

// Add returns e + f.
func (e *Element) Add(f *Element) *Element {
	out := &Element{set: true}
	out.r.Add(e.get(), f.get())
	return out
}

// Sub returns e − f.
func (e *Element) Sub(f *Element) *Element {
	out := &Element{set: true}
	out.r.Subtract(e.get(), f.get())
	return out
}

// Neg returns −e.
func (e *Element) Neg() *Element {
	out := &Element{set: true}
	out.r.Negate(e.get())
	return out
}

// Mul returns s·e in constant time: for secret scalars.
func (e *Element) Mul(s *Scalar) *Element {
	out := &Element{set: true}
	out.r.ScalarMult(s.get(), e.get())
	return out
}

// MulBase returns s·G in constant time: for secret scalars.
func MulBase(s *Scalar) *Element {
	out := &Element{set: true}
	out.r.ScalarBaseMult(s.get())
	return out
}

// VarTimeMulBaseAdd returns a·G + b·e. Its time depends on all of its inputs:
// for public data only.
func (e *Element) VarTimeMulBaseAdd(a, b *Scalar) *Element {
	out := &Element{set: true}
	out.r.VarTimeDoubleScalarBaseMult(b.get(), e.get(), a.get())
	return out
}
