package clearance

import (
	"fmt"
	"io"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/internal/group"
)

// Commitment is C_0 = u·G + r_0·H: it hides u perfectly, and binds to it.
type Commitment [group.ElementSize]byte

// Secret is what a commitment is made of. It opens it at an audit, and is
// otherwise shown to nobody.
type Secret struct {
	u, r *group.Scalar
}

// Commit commits to a label with a fresh r_0, so that no two clearances of one
// label can be told to be of one.
func Commit(l blacklist.Label) (Commitment, *Secret) {
	s := &Secret{scalarOf(l), group.RandomScalar()}
	return s.Commitment(), s
}

func commit(l blacklist.Label, random io.Reader) (*Secret, error) {
	r, err := group.ReadScalar(random)
	if err != nil {
		return nil, err
	}
	return &Secret{scalarOf(l), r}, nil
}

func scalarOf(l blacklist.Label) *group.Scalar {
	b := blacklist.ScalarOf(l)
	u, err := group.DecodeScalar(b[:])
	if err != nil {
		panic("clearance: a label's scalar is not canonical") // HashToScalar reduces
	}
	return u
}

// Commitment returns C_0.
func (s *Secret) Commitment() Commitment {
	return Commitment(pair(s.u, s.r, second()).Bytes())
}

// Blind returns r_0, 32 bytes little-endian: what opens the commitment to whoever
// knows the label.
func (s *Secret) Blind() []byte { return s.r.Bytes() }

// Open returns the secret of a label and its r_0. Errors: ErrFormat.
func Open(l blacklist.Label, blind []byte) (*Secret, error) {
	r, err := group.DecodeScalar(blind)
	if err != nil {
		return nil, fmt.Errorf("%w: r_0: %w", ErrFormat, err)
	}
	return &Secret{scalarOf(l), r}, nil
}

// Format prints nothing of it, for every verb, so that no log holds a secret.
func (s *Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, "secret of a clearance") }

// pair returns a·G + b·H in constant time.
func pair(a, b *group.Scalar, h *group.Element) *group.Element {
	return group.MulBase(a).Add(h.Mul(b))
}
