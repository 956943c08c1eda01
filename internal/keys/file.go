package keys

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/haltlog/haltlog/internal/ring"
)

// Types of PEM blocks.
const (
	pemPrivate = "PRIVATE KEY" // PKCS #8
	pemPublic  = "PUBLIC KEY"  // SPKI
	pemRing    = "HALTLOG RING SECRET"
)

// Algorithm names what a new key is for.
type Algorithm string

// Algorithms that [Generate] knows.
const (
	Ed25519 Algorithm = "ed25519"
	P256    Algorithm = "ecdsa-p256"
	X25519  Algorithm = "x25519" // escrow: seals, signs nothing
)

// Generate makes a private key.
func Generate(a Algorithm) (crypto.PrivateKey, error) {
	switch a {
	case Ed25519:
		_, k, err := ed25519.GenerateKey(rand.Reader)
		return k, err
	case P256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case X25519:
		return ecdh.X25519().GenerateKey(rand.Reader)
	}
	return nil, fmt.Errorf("algorithm %q: %w", string(a), ErrKey)
}

// MarshalPrivate prints a private key as PKCS #8 in PEM.
func MarshalPrivate(key crypto.PrivateKey) ([]byte, error) {
	p, ok := key.(interface{ Public() crypto.PublicKey })
	if !ok {
		return nil, fmt.Errorf("key of type %T: %w", key, ErrKey)
	}
	if err := check(p.Public()); err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemPrivate, Bytes: der}), nil
}

// ParsePrivate reads PKCS #8 in PEM: Ed25519, ECDSA P-256 or X25519. Text
// around the block, headers in it and a second block are refused.
func ParsePrivate(text []byte) (crypto.PrivateKey, error) {
	der, err := block(text, pemPrivate)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		// The cause may quote key bytes.
		return nil, fmt.Errorf("not a PKCS #8 private key: %w", ErrKey)
	}
	p, ok := key.(interface{ Public() crypto.PublicKey })
	if !ok {
		return nil, fmt.Errorf("key of type %T: %w", key, ErrKey)
	}
	if err := check(p.Public()); err != nil {
		return nil, err
	}
	return key, nil
}

// MarshalPublic prints an SPKI in PEM.
func MarshalPublic(spki []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: pemPublic, Bytes: spki})
}

// ParsePublic reads an SPKI in PEM, and checks the key.
func ParsePublic(text []byte) (spki []byte, err error) {
	der, err := block(text, pemPublic)
	if err != nil {
		return nil, err
	}
	if _, err := ParseSPKI(der); err != nil {
		return nil, err
	}
	return der, nil
}

func block(text []byte, want string) ([]byte, error) {
	b, rest := pem.Decode(text)
	switch {
	case b == nil:
		return nil, fmt.Errorf("no PEM block: %w", ErrKey)
	case b.Type != want:
		return nil, fmt.Errorf("PEM block is %q, want %q: %w", b.Type, want, ErrKey)
	case len(b.Headers) != 0 || len(bytes.TrimSpace(rest)) != 0 || !bytes.HasPrefix(text, []byte("-----BEGIN ")):
		return nil, fmt.Errorf("more than one PEM block: %w", ErrKey)
	}
	return b.Bytes, nil
}

// Load makes a signer from a PEM file.
func Load(path string) (*Signer, error) {
	key, err := LoadPrivate(path)
	if err != nil {
		return nil, err
	}
	s, err := NewSigner(key)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return s, nil
}

// LoadPrivate reads a private key from a PEM file.
func LoadPrivate(path string) (crypto.PrivateKey, error) {
	text, err := read(path)
	if err != nil {
		return nil, err
	}
	key, err := ParsePrivate(text)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return key, nil
}

// LoadPublic reads an SPKI from a PEM file of a public key.
func LoadPublic(path string) (spki []byte, err error) {
	text, err := read(path)
	if err != nil {
		return nil, err
	}
	if spki, err = ParsePublic(text); err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return spki, nil
}

// MarshalRing prints a ring secret in PEM.
func MarshalRing(s *ring.Secret) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: pemRing, Bytes: s.Bytes()})
}

// LoadRing reads a ring secret from a PEM file.
func LoadRing(path string) (*ring.Secret, error) {
	text, err := read(path)
	if err != nil {
		return nil, err
	}
	b, err := block(text, pemRing)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	s, err := ring.ParseSecret(b)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w: %w", path, ErrKey, err)
	}
	return s, nil
}

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	if len(b) > maxFile {
		return nil, fmt.Errorf("key file %s: longer than %d bytes: %w", path, maxFile, ErrKey)
	}
	return b, nil
}

// Create writes a new key file, mode 0600, durable when it returns. The
// content is written under another name, synced, and linked to its own, which
// fails with [ErrExists] if that is taken: a crash leaves no half a key, and
// no key is ever replaced.
func Create(path string, content []byte) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".key-*") // O_EXCL, 0600
	if err != nil {
		return fmt.Errorf("create key file: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if err == nil {
		err = f.Chmod(0o600)
	}
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("create key file: %w", err)
	}
	if err := os.Link(f.Name(), path); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s: %w", path, ErrExists)
		}
		return fmt.Errorf("create key file: %w", err)
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("create key file: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("create key file: %w", err)
	}
	return nil
}
