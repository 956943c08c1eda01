package keys

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"
)

// ID is the key ID: lower-case hex SHA-256 of the SPKI.
func ID(spki []byte) string {
	h := sha256.Sum256(spki)
	return hex.EncodeToString(h[:])
}

// SPKI is the DER SubjectPublicKeyInfo of an Ed25519, ECDSA P-256 or X25519
// public key.
func SPKI(pub crypto.PublicKey) ([]byte, error) {
	if err := check(pub); err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return der, nil
}

// ParseSPKI reads a public key. It accepts exactly what [SPKI] prints, and
// refuses keys that are weak.
func ParseSPKI(der []byte) (crypto.PublicKey, error) {
	if len(der) > maxSPKI {
		return nil, fmt.Errorf("public key of %d bytes: %w", len(der), ErrKey)
	}
	pub, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	again, err := SPKI(pub)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, der) {
		return nil, fmt.Errorf("not the one encoding: %w", ErrKey)
	}
	return pub, nil
}

func check(pub crypto.PublicKey) error {
	switch k := pub.(type) {
	case ed25519.PublicKey:
		return checkEd25519(k)
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() {
			return fmt.Errorf("curve is not P-256: %w", ErrKey)
		}
		return nil
	case *ecdh.PublicKey:
		if k.Curve() != ecdh.X25519() {
			return fmt.Errorf("curve is not X25519: %w", ErrKey)
		}
		return nil
	}
	return fmt.Errorf("key of type %T: %w", pub, ErrKey)
}

// The field's prime 2²⁵⁵−19, and the y coordinates of the eight points whose
// order divides 8, little-endian.
var (
	prime = [32]byte{
		0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
	}
	smallOrder = [][32]byte{
		{0x01}, // order 1
		{ // order 2
			0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
			0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
		},
		{}, // order 4
		{ // order 8
			0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
			0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
		},
		{ // order 8
			0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
			0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
		},
	}
)

// checkEd25519 refuses what crypto/ed25519 would take: a y that is not below
// the prime ("If the resulting value is >= p, decoding fails", RFC 8032
// section 5.1.3), and points of small order, under which one signature is
// valid for many messages.
func checkEd25519(k ed25519.PublicKey) error {
	if len(k) != ed25519.PublicKeySize {
		return fmt.Errorf("Ed25519 key of %d bytes: %w", len(k), ErrKey)
	}
	y := [32]byte(k)
	y[31] &= 0x7f // the sign of x
	for i := 31; i >= 0; i-- {
		if y[i] < prime[i] {
			break
		}
		if y[i] > prime[i] || i == 0 {
			return fmt.Errorf("Ed25519 key with y not below the prime: %w", ErrKey)
		}
	}
	if slices.Contains(smallOrder, y) {
		return fmt.Errorf("Ed25519 key of small order: %w", ErrKey)
	}
	return nil
}
