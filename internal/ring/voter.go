package ring

import "encoding/hex"

// A Voter signs as some member of one group: the signer of a live vote. Its key
// identifier names the group, and so does nothing else that leaves it.
type Voter struct {
	ring   *Ring
	secret *Secret
	keyID  string
}

// NewVoter returns the voter who holds secret, in the group whose statement has
// this hash and whose keys make this ring. The error is ErrNotMember.
func NewVoter(r *Ring, secret *Secret, group [HashSize]byte) (*Voter, error) {
	if _, found := r.position(secret); found == 0 {
		return nil, ErrNotMember
	}
	return &Voter{ring: r, secret: secret, keyID: "ring:" + hex.EncodeToString(group[:])}, nil
}

// KeyID is `ring:` and the group's hash in lower-case hex.
func (v *Voter) KeyID() string { return v.keyID }

// Sign signs the whole message, not a hash of it. It does not fail.
func (v *Voter) Sign(message []byte) ([]byte, error) { return v.ring.Sign(v.secret, message) }
