package keys

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"fmt"

	"github.com/haltlog/haltlog/internal/ring"
	"github.com/sigstore/sigstore/pkg/signature"
)

// Verifier checks signatures by public keys and by rings. It is safe for
// concurrent use.
type Verifier struct{ rings ring.Cache }

// NewVerifier makes a verifier. It remembers the rings that it saw last,
// prepared.
func NewVerifier() *Verifier { return new(Verifier) }

// Verify checks a signature by a key in SPKI form over message. Errors wrap
// [ErrKey] or [ErrSignature].
func (v *Verifier) Verify(spki, message, sig []byte) error { return Verify(spki, message, sig) }

// VerifyRing checks a ring signature by one of keys.
func (v *Verifier) VerifyRing(keys [][]byte, message, sig []byte) error {
	return v.rings.VerifyRing(keys, message, sig)
}

// PrepareRing readies a ring whose votes are awaited. Errors are ring.NewRing's.
func (v *Verifier) PrepareRing(keys [][]byte) error { return v.rings.Prepare(keys) }

// VerifyRingKeyProof checks a ring key's possession proof.
func (v *Verifier) VerifyRingKeyProof(key, context, proof []byte) error {
	return v.rings.VerifyRingKeyProof(key, context, proof)
}

// Verify checks an Ed25519 or an ECDSA P-256 signature by a key in SPKI form
// over message. Errors wrap [ErrKey] or [ErrSignature].
func Verify(spki, message, sig []byte) error {
	pub, err := ParseSPKI(spki)
	if err != nil {
		return err
	}
	if len(sig) == 0 || len(sig) > maxSignature {
		return fmt.Errorf("%d bytes: %w", len(sig), ErrSignature)
	}
	var v signature.Verifier
	switch k := pub.(type) {
	case ed25519.PublicKey:
		v, err = signature.LoadED25519Verifier(k)
	case *ecdsa.PublicKey:
		// sigstore's verifier would also take r ‖ s without DER.
		if _, err := parseDER(sig); err != nil {
			return err
		}
		v, err = signature.LoadECDSAVerifier(k, crypto.SHA256)
	default:
		return fmt.Errorf("key of type %T signs nothing: %w", pub, ErrKey)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKey, err)
	}
	if err := v.VerifySignature(bytes.NewReader(sig), bytes.NewReader(message)); err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return nil
}
