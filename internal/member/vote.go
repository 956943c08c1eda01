package member

import (
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/ring"
	"github.com/haltlog/haltlog/log"
)

// ErrGroup is a group that a vote cannot be cast in.
var ErrGroup = errors.New("not the member's group")

// Expiry is until when a vote cast now is valid: between one and two hours ahead,
// on the full hour, so that it tells nothing of the voter's clock (MB4).
func Expiry(now time.Time) log.Time {
	return log.TimeOf(now.UTC().Truncate(voteRound).Add(2 * voteRound))
}

// Vote makes a live vote on a run, by the holder of secret as some member of a
// group. The group must be one that the member was appointed to: a vote in a group
// of strangers' making would name its voter. Errors: ErrGroup, ring.ErrNotMember.
func Vote(g *log.Group, secret *ring.Secret, run string, now time.Time) ([]byte, error) {
	payload, err := log.Encode(g)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrGroup, err)
	}
	hash := log.GroupHash(payload)
	s, err := keys.NewRingSigner(log.RingKeyID(hash), g.Rings(), secret)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrGroup, err)
	}
	v := &log.LiveVote{Origin: g.Origin, Run: run, Group: hash, Expires: Expiry(now), Nonce: make(log.Bytes, 32)}
	rand.Read(v.Nonce) // does not fail (Go 1.24)
	leaf, err := log.Seal(v, s)
	if err != nil {
		return nil, fmt.Errorf("vote: %w", err)
	}
	return leaf, nil
}
