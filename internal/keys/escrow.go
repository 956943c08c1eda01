package keys

import (
	"crypto/ecdh"
	"fmt"
)

// LoadEscrow reads an X25519 key from a PEM file: what labels are sealed to.
// Its public half has an SPKI and a key ID like any other ([SPKI], [ID]); how
// it seals is the blacklist's.
func LoadEscrow(path string) (*ecdh.PrivateKey, error) {
	key, err := LoadPrivate(path)
	if err != nil {
		return nil, err
	}
	x, ok := key.(*ecdh.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("key file %s: no X25519 key: %w", path, ErrKey)
	}
	return x, nil
}
