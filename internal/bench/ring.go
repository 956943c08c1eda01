package main

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"time"

	"github.com/haltlog/haltlog/internal/ring"
)

// ringRuns is how many signatures of each size are made and verified.
const ringRuns = 500

// benchRing times ring signatures, beside as many Ed25519 verifications as the
// ring has members: each step of a ring is one product of the same kind.
func benchRing(ctx context.Context, b *bench) error {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return err
	}
	message := []byte("as long as the pre-authentication encoding of a vote, which is a few hundred bytes, hashed once and short beside the curve")
	sig := ed25519.Sign(private, message)
	for _, n := range []int{8, 16, 64} {
		var keys [][]byte
		var secret *ring.Secret
		for i := range n {
			s, p, err := ring.GenerateKey(nil)
			if err != nil {
				return err
			}
			if i == n/2 {
				secret = s
			}
			keys = append(keys, p[:])
		}
		r, err := ring.NewRing(keys)
		if err != nil {
			return err
		}
		r.Precompute() // as the daemon does with a group that it knows
		var sign, verify, peer []time.Duration
		for range b.scale(ringRuns) {
			if err := ctx.Err(); err != nil {
				return err
			}
			began := time.Now()
			signature, err := r.Sign(secret, message)
			if err != nil {
				return err
			}
			signed := time.Now()
			if err := r.Verify(message, signature); err != nil {
				return err
			}
			verified := time.Now()
			for range n {
				if !ed25519.Verify(public, message, sig) {
					return fmt.Errorf("ed25519 does not verify")
				}
			}
			sign, verify, peer = append(sign, signed.Sub(began)), append(verify, verified.Sub(signed)), append(peer, time.Since(verified))
		}
		name := fmt.Sprintf("%d Ed25519 verifications", n)
		b.add(fmt.Sprintf("ring of %d: sign", n), durations(millis, sign), nil, durations(millis, peer).peer(name), "constant time")
		b.add(fmt.Sprintf("ring of %d: verify", n), durations(millis, verify), nil, durations(millis, peer).peer(name), "one core, with the group's tables")
	}
	return nil
}
