package ring

// A Voter signs as some member of one group: the signer of a live vote. Its key
// identifier names the group, and so does nothing else that leaves it.
type Voter struct {
	ring   *Ring
	secret *Secret
	keyID  string
}

// NewVoter returns the voter who holds secret, in the group that keyID names
// ("ring:" and the group's hash in hex) and whose keys make this ring. The error
// is ErrNotMember.
func NewVoter(r *Ring, secret *Secret, keyID string) (*Voter, error) {
	if _, found := r.position(secret); found == 0 {
		return nil, ErrNotMember
	}
	return &Voter{ring: r, secret: secret, keyID: keyID}, nil
}

// KeyID names the group.
func (v *Voter) KeyID() string { return v.keyID }

// Sign signs the whole message, not a hash of it. It does not fail.
func (v *Voter) Sign(message []byte) ([]byte, error) { return v.ring.Sign(v.secret, message) }
