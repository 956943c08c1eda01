package ring

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"io"

	"github.com/haltlog/haltlog/internal/group"
)

// Sign signs message for the ring. The error is ErrNotMember.
//
// The chain is walked once, beginning behind the signer, so the position enters
// as a number in every step and never as a place: keys and responses are read by
// scanning all of them (group.LookupBytes), c[0] is kept by a conditional copy,
// and s[π] is written over its random predecessor the same way. Every position
// makes the same calls upon the same addresses in the same order. What remains
// visible to whoever measures this machine is that a member signed, the ring's
// size and the message's length. Nothing by index.
func (r *Ring) Sign(secret *Secret, message []byte) ([]byte, error) {
	return r.sign(rand.Reader, secret, message)
}

// sign is Sign with the source of α and s[0…n−1] as an argument, drawn in this
// order, for the making of vectors.
func (r *Ring) sign(random io.Reader, secret *Secret, message []byte) ([]byte, error) {
	position, found := r.position(secret)
	if found == 0 {
		return nil, ErrNotMember
	}
	n := len(r.encoded)
	digest := r.digest(message)

	alpha, err := group.ReadScalar(random)
	if err != nil {
		return nil, fmt.Errorf("ring signature: %w", err)
	}
	responses := make([][]byte, n)
	for i := range responses {
		s, err := group.ReadScalar(random)
		if err != nil {
			return nil, fmt.Errorf("ring signature: %w", err)
		}
		responses[i] = s.Bytes()
	}

	sig := make([]byte, r.SignatureSize())
	var c *group.Scalar
	commitment := group.MulBase(alpha)
	for step := range n {
		// The indices run π+1, π+2, …, π+n = π.
		index := (position + step + 1) & (n - 1)
		c = challenge(digest, index, commitment)
		subtle.ConstantTimeCopy(subtle.ConstantTimeEq(int32(index), 0), sig[:group.ScalarSize], c.Bytes())
		if step == n-1 {
			break // c is c[π]: the chain has come round.
		}
		commitment = r.commitment(responses, index, c)
	}
	closing := alpha.Sub(c.Mul(secret.x)).Bytes()
	for j, s := range responses {
		at := sig[group.ScalarSize*(j+1):][:group.ScalarSize]
		copy(at, s)
		subtle.ConstantTimeCopy(subtle.ConstantTimeEq(int32(j), int32(position)), at, closing)
	}
	return sig, nil
}

// position finds the secret's key; found is 1 if the ring holds it. Whether it
// does is no secret, where it does is.
func (r *Ring) position(secret *Secret) (position, found int) {
	for j, key := range r.encoded {
		bit := subtle.ConstantTimeCompare(key, secret.public[:])
		position = subtle.ConstantTimeSelect(bit, j, position)
		found |= bit
	}
	return position, found
}

// commitment is s[index]·G + c·P[index] for a secret index.
func (r *Ring) commitment(responses [][]byte, index int, c *group.Scalar) *group.Element {
	var key, response [group.ElementSize]byte
	group.LookupBytes(key[:], r.encoded, index)
	group.LookupBytes(response[:], responses, index)
	// Both were valid when they were put in, so neither call takes its branch.
	p, err := group.DecodeElement(key[:])
	if err != nil {
		panic("ring: RS5: " + err.Error())
	}
	s, err := group.DecodeScalar(response[:])
	if err != nil {
		panic("ring: RS4: " + err.Error())
	}
	return group.MulBase(s).Add(p.Mul(c))
}
