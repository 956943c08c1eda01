package keys

import "github.com/haltlog/haltlog/internal/ring"

// NewRingSigner takes the key ID of the group's ring ("ring:" and the group's
// hash in hex), all members' ring keys in the group's order, and the secret of
// one of them. The signer does not show which. Errors are those of ring.NewRing,
// and ring.ErrNotMember.
func NewRingSigner(keyID string, keys [][]byte, secret *ring.Secret) (*ring.Voter, error) {
	r, err := ring.NewRing(keys)
	if err != nil {
		return nil, err
	}
	return ring.NewVoter(r, secret, keyID)
}
