package voprf

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/haltlog/haltlog/internal/group"
)

// A Mode is one of the three protocols of RFC 9497, section 3. haltlog speaks
// ModeVOPRF; the others are there for interoperability.
type Mode byte

// The modes' numbers are the RFC's.
const (
	ModeOPRF  Mode = 0x00
	ModeVOPRF Mode = 0x01
	ModePOPRF Mode = 0x02
)

func (m Mode) tags() group.OPRFTags { return group.OPRF(byte(m)) }

// A PublicKey is an evaluator's pk = k·G.
type PublicKey struct {
	element *group.Element
	encoded [ElementSize]byte
}

// ParsePublicKey reads 32 bytes. Errors: ErrEncoding, with group's reason.
func ParsePublicKey(b []byte) (*PublicKey, error) {
	e, err := group.DecodeElement(b)
	if err != nil {
		return nil, fmt.Errorf("%w: public key: %w", ErrEncoding, err)
	}
	return &PublicKey{element: e, encoded: [ElementSize]byte(b)}, nil
}

func newPublicKey(e *group.Element) *PublicKey {
	return &PublicKey{element: e, encoded: [ElementSize]byte(e.Bytes())}
}

// Bytes returns the canonical encoding, 32 bytes.
func (p *PublicKey) Bytes() []byte { return append([]byte(nil), p.encoded[:]...) }

// A PrivateKey is an evaluator's k. It prints as its public key, never as itself.
type PrivateKey struct {
	k      *group.Scalar
	public *PublicKey
}

// GenerateKey draws a key from the system's randomness.
func GenerateKey() *PrivateKey { return newPrivateKey(group.RandomScalar()) }

// DeriveKey derives a key from a secret seed and public info: DeriveKeyPair of
// RFC 9497, section 3.2.1. The RFC's seeds have 32 bytes. Errors: ErrInput for an
// info of more than 65,535 bytes or an empty seed, ErrDerive.
func DeriveKey(mode Mode, seed, info []byte) (*PrivateKey, error) {
	if mode > ModePOPRF {
		return nil, fmt.Errorf("%w: %d", ErrMode, mode)
	}
	if len(seed) == 0 || len(info) > MaxInput {
		return nil, fmt.Errorf("%w: seed of %d bytes, info of %d", ErrInput, len(seed), len(info))
	}
	// deriveInput = seed || I2OSP(len(info), 2) || info
	length := binary.BigEndian.AppendUint16(nil, uint16(len(info)))
	for counter := range 256 {
		k := group.HashToScalar(mode.tags().DeriveKeyPair, seed, length, info, []byte{byte(counter)})
		if !k.IsZero() {
			return newPrivateKey(k), nil
		}
	}
	return nil, ErrDerive
}

// ParsePrivateKey reads what PrivateKey.Bytes gave. Errors: ErrEncoding.
func ParsePrivateKey(b []byte) (*PrivateKey, error) {
	k, err := group.DecodeSecretScalar(b)
	if err != nil {
		return nil, fmt.Errorf("%w: private key: %w", ErrEncoding, err)
	}
	return newPrivateKey(k), nil
}

func newPrivateKey(k *group.Scalar) *PrivateKey {
	return &PrivateKey{k: k, public: newPublicKey(group.MulBase(k))}
}

// Bytes returns the secret scalar, 32 bytes little-endian: for a key file.
func (k *PrivateKey) Bytes() []byte { return k.k.Bytes() }

// Public returns the public key.
func (k *PrivateKey) Public() *PublicKey { return k.public }

// Format prints the public key for every verb, so that no log holds a secret.
func (k *PrivateKey) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "evaluator key %x", k.public.encoded[:])
}

// system is where secrets come from, everywhere but in tests.
func system() io.Reader { return rand.Reader }
