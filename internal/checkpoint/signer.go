package checkpoint

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"filippo.io/mldsa"
)

// A Signer signs checkpoints with one key. It is safe for concurrent use. It
// always signs a re-encoding of the value it is given, never a caller's bytes
// (W2).
type Signer interface {
	// VKey is the public half.
	VKey() VKey
	// Sign returns a signature line with its final newline. unixSeconds is
	// the time that a cosignature carries, at most MaxTime; plain note
	// signatures carry none and ignore it.
	Sign(c Checkpoint, unixSeconds uint64) (line string, err error)
}

// seedSize is the length of the private part of every kind of key: the seed of
// RFC 8032 and the seed of FIPS 204.
const seedSize = 32

// GenerateKey makes a key of one of the Type constants, with randomness from
// r, or the system's if r is nil. skey is secret.
func GenerateKey(typ byte, name string, r io.Reader) (skey, vkey string, err error) {
	if r == nil {
		r = rand.Reader
	}
	seed := make([]byte, seedSize)
	if _, err := io.ReadFull(r, seed); err != nil {
		return "", "", fmt.Errorf("generate key: %w", err)
	}
	s, err := newSigner(name, typ, seed)
	if err != nil {
		return "", "", fmt.Errorf("generate key: %w", err)
	}
	k := s.VKey()
	skey = "PRIVATE+KEY+" + name + "+" + k.hexID() + "+" + base64.StdEncoding.EncodeToString(append([]byte{typ}, seed...))
	return skey, k.String(), nil
}

// ParseSigner parses a private key as [GenerateKey] prints it:
// PRIVATE+KEY+name+hex(key ID)+base64(type ‖ 32-byte seed). For type 01 that
// is the encoding of golang.org/x/mod/sumdb/note, for 04 and 06 that of
// transparency-dev/formats. Its errors never hold key material.
func ParseSigner(skey string) (Signer, error) {
	if len(skey) > maxVKey {
		return nil, fmt.Errorf("private key: longer than %d bytes: %w", maxVKey, ErrKey)
	}
	rest, ok := strings.CutPrefix(skey, "PRIVATE+KEY+")
	f := strings.SplitN(rest, "+", 3)
	if !ok || len(f) != 3 {
		return nil, fmt.Errorf("private key: not PRIVATE+KEY+name+id+key: %w", ErrKey)
	}
	raw, err := decodeBase64(f[2])
	if err != nil || len(raw) != 1+seedSize {
		return nil, fmt.Errorf("private key: not a type and a seed in base64: %w", ErrKey)
	}
	s, err := newSigner(f[0], raw[0], raw[1:])
	if err != nil {
		return nil, fmt.Errorf("private key: %w", err)
	}
	if s.VKey().hexID() != f[1] {
		return nil, fmt.Errorf("private key: key ID is not that of the key: %w", ErrKey)
	}
	return s, nil
}

func newSigner(name string, typ byte, seed []byte) (Signer, error) {
	switch typ {
	case TypeEd25519, TypeEd25519Cosignature:
		key := ed25519.NewKeyFromSeed(seed)
		k, err := NewVKey(name, typ, key.Public().(ed25519.PublicKey))
		if err != nil {
			return nil, err
		}
		return &ed25519Signer{key: k, priv: key}, nil
	case TypeMLDSA44Cosignature:
		key, err := mldsa.NewPrivateKey(mldsa.MLDSA44(), seed)
		if err != nil {
			return nil, fmt.Errorf("ML-DSA-44 seed: %w", ErrKey)
		}
		k, err := NewVKey(name, typ, key.PublicKey().Bytes())
		if err != nil {
			return nil, err
		}
		return &mldsaSigner{key: k, priv: key}, nil
	}
	return nil, fmt.Errorf("signature type 0x%02x: %w", typ, ErrKey)
}

type ed25519Signer struct {
	key  VKey
	priv ed25519.PrivateKey
}

func (s *ed25519Signer) VKey() VKey { return s.key }

func (s *ed25519Signer) Sign(c Checkpoint, unixSeconds uint64) (string, error) {
	if err := c.check(); err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	if s.key.Type == TypeEd25519 {
		return s.key.line(ed25519.Sign(s.priv, []byte(c.String()))), nil
	}
	if unixSeconds > MaxTime {
		return "", fmt.Errorf("sign: time: %w", ErrMalformed)
	}
	sig := binary.BigEndian.AppendUint64(nil, unixSeconds)
	return s.key.line(append(sig, ed25519.Sign(s.priv, ed25519CosignedMessage(c, unixSeconds))...)), nil
}

type mldsaSigner struct {
	key  VKey
	priv *mldsa.PrivateKey
}

func (s *mldsaSigner) VKey() VKey { return s.key }

func (s *mldsaSigner) Sign(c Checkpoint, unixSeconds uint64) (string, error) {
	if err := c.check(); err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	if unixSeconds > MaxTime {
		return "", fmt.Errorf("sign: time: %w", ErrMalformed)
	}
	m, err := mldsaCosignedMessage(s.key.Name, unixSeconds, c.Origin, 0, c.Size, c.Root)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	raw, err := s.priv.Sign(nil, m, crypto.Hash(0))
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return s.key.line(append(binary.BigEndian.AppendUint64(nil, unixSeconds), raw...)), nil
}

func (k VKey) line(sig []byte) string { return NoteSig{Name: k.Name, ID: k.ID, Sig: sig}.Line() }
