package group

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/gtank/ristretto255"
)

// A Scalar is an integer modulo the group's order
// 2^252 + 27742317777372353535851937790883648493. The zero value is unusable
// (GA2); the number zero is ScalarFromUint64(0).
type Scalar struct {
	r   ristretto255.Scalar
	set bool
}

// get is the one way to an operand: it keeps GA2.
func (s *Scalar) get() *ristretto255.Scalar {
	if s == nil || !s.set {
		panic("group: GA2: scalar was never set")
	}
	return &s.r
}

// DecodeScalar reads 32 bytes, little-endian, below the order. Zero is a legal
// scalar; DecodeSecretScalar refuses it. Errors: ErrLength, ErrNotCanonical.
func DecodeScalar(b []byte) (*Scalar, error) {
	if len(b) != ScalarSize {
		return nil, fmt.Errorf("decode scalar of %d bytes: %w", len(b), ErrLength)
	}
	s := &Scalar{set: true}
	if _, err := s.r.SetCanonicalBytes(b); err != nil {
		return nil, fmt.Errorf("decode scalar: %w", ErrNotCanonical)
	}
	return s, nil
}

// DecodeSecretScalar is DecodeScalar for keys: it refuses zero besides, with
// ErrZero, because zero's public key is the identity.
func DecodeSecretScalar(b []byte) (*Scalar, error) {
	s, err := DecodeScalar(b)
	if err != nil {
		return nil, err
	}
	if s.IsZero() {
		return nil, fmt.Errorf("decode secret scalar: %w", ErrZero)
	}
	return s, nil
}

// ScalarFromUint64 returns v as a scalar, in constant time.
func ScalarFromUint64(v uint64) *Scalar {
	var b [ScalarSize]byte
	binary.LittleEndian.PutUint64(b[:], v)
	s := &Scalar{set: true}
	if _, err := s.r.SetCanonicalBytes(b[:]); err != nil {
		panic("group: a number below 2^64 is below the order")
	}
	return s
}

// ScalarFromUniform reduces 64 uniform bytes, little-endian, modulo the order.
// The error is ErrLength.
func ScalarFromUniform(b []byte) (*Scalar, error) {
	s := &Scalar{set: true}
	if _, err := s.r.SetUniformBytes(b); err != nil {
		return nil, fmt.Errorf("reduce scalar of %d bytes: %w", len(b), ErrLength)
	}
	return s, nil
}

// RandomScalar draws a uniform scalar other than zero straight from the
// system's randomness, which on this platform cannot fail.
func RandomScalar() *Scalar {
	s, err := ReadScalar(rand.Reader)
	if err != nil {
		panic("group: the system's randomness failed: " + err.Error())
	}
	return s
}

// ReadScalar draws a scalar other than zero from r, 64 bytes at a time. It is
// RandomScalar for whoever must publish reproducible vectors. Errors are r's.
func ReadScalar(r io.Reader) (*Scalar, error) {
	var b [UniformSize]byte
	for {
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return nil, fmt.Errorf("read scalar: %w", err)
		}
		s, err := ScalarFromUniform(b[:])
		if err != nil {
			return nil, err
		}
		if !s.IsZero() {
			return s, nil
		}
	}
}

// Bytes returns the canonical encoding, 32 bytes little-endian.
func (s *Scalar) Bytes() []byte { return s.get().Bytes() }

// Equal reports whether two scalars are the same, in constant time.
func (s *Scalar) Equal(t *Scalar) bool { return s.get().Equal(t.get()) == 1 }

// IsZero reports whether the scalar is zero, in constant time.
func (s *Scalar) IsZero() bool { return s.get().Equal(ristretto255.NewScalar()) == 1 }

// Add returns s + t.
func (s *Scalar) Add(t *Scalar) *Scalar {
	out := &Scalar{set: true}
	out.r.Add(s.get(), t.get())
	return out
}

// Sub returns s − t.
func (s *Scalar) Sub(t *Scalar) *Scalar {
	out := &Scalar{set: true}
	out.r.Subtract(s.get(), t.get())
	return out
}

// Neg returns −s.
func (s *Scalar) Neg() *Scalar {
	out := &Scalar{set: true}
	out.r.Negate(s.get())
	return out
}

// Mul returns s·t.
func (s *Scalar) Mul(t *Scalar) *Scalar {
	out := &Scalar{set: true}
	out.r.Multiply(s.get(), t.get())
	return out
}

// Invert returns 1/s in constant time. The error is ErrZero.
func (s *Scalar) Invert() (*Scalar, error) {
	if s.IsZero() {
		return nil, fmt.Errorf("invert: %w", ErrZero)
	}
	out := &Scalar{set: true}
	out.r.Invert(s.get())
	return out, nil
}

// InvertAll returns 1/s for each s at the cost of one inversion and 3(n−1)
// products (Montgomery's trick). If any is zero, none is inverted and the error
// is ErrZero with the place of the first; the inputs stay as they are.
func InvertAll(list []*Scalar) ([]*Scalar, error) {
	if len(list) == 0 {
		return nil, nil
	}
	// before[i] is the product of everything in front of i.
	before := make([]*Scalar, len(list))
	product := ScalarFromUint64(1)
	for i, s := range list {
		if s.IsZero() {
			return nil, fmt.Errorf("invert scalar %d: %w", i, ErrZero)
		}
		before[i] = product
		product = product.Mul(s)
	}
	inverse, err := product.Invert()
	if err != nil {
		return nil, err
	}
	for i := len(list) - 1; i >= 0; i-- {
		before[i] = before[i].Mul(inverse)
		inverse = inverse.Mul(list[i])
	}
	return before, nil
}
