package keys

import (
	"github.com/haltlog/haltlog/internal/ring"
)

// RingSigner signs for a group without showing which member did.
type RingSigner struct {
	id     string
	ring   *ring.Ring
	secret *ring.Secret
}

// NewRingSigner takes the key ID of the group's ring ("ring:" and the group's
// hash in hex), all members' ring keys in the group's order, and the secret of
// one of them.
func NewRingSigner(keyID string, keys [][]byte, secret *ring.Secret) (*RingSigner, error) {
	r, err := ring.NewRing(keys)
	if err != nil {
		return nil, err
	}
	return &RingSigner{id: keyID, ring: r, secret: secret}, nil
}

// KeyID is the key ID of the group's ring.
func (s *RingSigner) KeyID() string { return s.id }

// Sign makes a ring signature over message.
func (s *RingSigner) Sign(message []byte) ([]byte, error) { return s.ring.Sign(s.secret, message) }
