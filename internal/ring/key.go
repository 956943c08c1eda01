package ring

import (
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"

	"github.com/haltlog/haltlog/internal/group"
)

// A Public is the canonical encoding of a member's ring key P = x·G.
type Public [group.ElementSize]byte

// ParsePublic reads a public key. Errors are those of group.DecodeElement.
func ParsePublic(b []byte) (Public, error) {
	if _, err := group.DecodeElement(b); err != nil {
		return Public{}, fmt.Errorf("ring key: %w", err)
	}
	return Public(b), nil
}

// A Secret is a member's ring key x. It prints as its public key, never as
// itself; the zero value is unusable.
type Secret struct {
	x      *group.Scalar
	public Public
}

// GenerateKey draws a key pair from random, which is crypto/rand.Reader
// everywhere but in the making of test vectors (nil stands for it). Errors are
// random's.
func GenerateKey(random io.Reader) (*Secret, Public, error) {
	if random == nil {
		random = rand.Reader
	}
	x, err := group.ReadScalar(random)
	if err != nil {
		return nil, Public{}, fmt.Errorf("generate ring key: %w", err)
	}
	s := newSecret(x)
	return s, s.public, nil
}

// ParseSecret reads what Secret.Bytes gave. Errors are those of
// group.DecodeSecretScalar.
func ParseSecret(b []byte) (*Secret, error) {
	x, err := group.DecodeSecretScalar(b)
	if err != nil {
		return nil, fmt.Errorf("ring secret: %w", err)
	}
	return newSecret(x), nil
}

func newSecret(x *group.Scalar) *Secret {
	return &Secret{x: x, public: Public(group.MulBase(x).Bytes())}
}

// Bytes returns the secret scalar, 32 bytes little-endian: for a key file.
func (s *Secret) Bytes() []byte { return s.x.Bytes() }

// Public returns the public key.
func (s *Secret) Public() Public { return s.public }

// Format prints the public key for every verb, so that no log holds a secret.
func (s *Secret) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "ring key %x", s.public[:]) }

// LogValue does for slog what Format does for fmt.
func (s *Secret) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(s)) }
