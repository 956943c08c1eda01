package keys

import (
	"crypto"
	"crypto/ecdh"
	"crypto/hpke"
	"fmt"
)

// SuiteHPKE is the number of the one suite that wraps data keys: RFC 9180,
// base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305.
const SuiteHPKE = 1

// Wrap seals a data key to an escrow key in SPKI form (X25519). The result is
// the encapsulated key, 32 bytes, and the ciphertext; info binds it to its
// place and must be given again to open it.
func Wrap(spki, info, dataKey []byte) ([]byte, error) {
	pub, err := ParseSPKI(spki)
	if err != nil {
		return nil, err
	}
	x, ok := pub.(*ecdh.PublicKey)
	if !ok {
		return nil, fmt.Errorf("escrow key of type %T: %w", pub, ErrKey)
	}
	pk, err := hpke.NewDHKEMPublicKey(x)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	b, err := hpke.Seal(pk, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), info, dataKey)
	if err != nil {
		return nil, fmt.Errorf("wrap data key: %w", err)
	}
	return b, nil
}

// Escrow opens what was wrapped to its key.
type Escrow struct {
	key  hpke.PrivateKey
	spki []byte
}

// NewEscrow takes an X25519 *ecdh.PrivateKey.
func NewEscrow(key crypto.PrivateKey) (*Escrow, error) {
	x, ok := key.(*ecdh.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("escrow key of type %T: %w", key, ErrKey)
	}
	spki, err := SPKI(x.PublicKey())
	if err != nil {
		return nil, err
	}
	k, err := hpke.NewDHKEMPrivateKey(x)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return &Escrow{key: k, spki: spki}, nil
}

// LoadEscrow reads an escrow key from a PEM file.
func LoadEscrow(path string) (*Escrow, error) {
	key, err := LoadPrivate(path)
	if err != nil {
		return nil, err
	}
	e, err := NewEscrow(key)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return e, nil
}

// SPKI is the public key.
func (e *Escrow) SPKI() []byte { return e.spki }

// KeyID is the lower-case hex SHA-256 of the key's SPKI.
func (e *Escrow) KeyID() string { return ID(e.spki) }

// Unwrap opens what [Wrap] sealed with the same info.
func (e *Escrow) Unwrap(info, wrapped []byte) ([]byte, error) {
	b, err := hpke.Open(e.key, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), info, wrapped)
	if err != nil {
		return nil, fmt.Errorf("unwrap data key: %w", err)
	}
	return b, nil
}
