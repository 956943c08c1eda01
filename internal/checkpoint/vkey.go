package checkpoint

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"filippo.io/mldsa"
)

// The signature types of signed-note that this module speaks.
const (
	// TypeEd25519 is a log's plain note signature.
	TypeEd25519 byte = 0x01
	// TypeEd25519Cosignature is a timestamped Ed25519 cosignature.
	TypeEd25519Cosignature byte = 0x04
	// TypeMLDSA44Cosignature is a timestamped ML-DSA-44 cosignature.
	TypeMLDSA44Cosignature byte = 0x06
)

// A VKey is a public key with its name: name+hex(key ID)+base64(type ‖ key).
type VKey struct {
	Name string // key name; for a log, its origin
	ID   uint32 // first 4 bytes of SHA-256(name ‖ 0x0A ‖ type ‖ key), big-endian
	Type byte   // one of the Type constants
	Key  []byte // public key: 32 bytes of Ed25519, 1,312 of ML-DSA-44
}

// NewVKey makes a VKey of a public key and computes its ID. It returns
// [ErrKey] for a type this module does not speak and for keys of another
// length, and [ErrMalformed] for a bad name.
func NewVKey(name string, typ byte, key []byte) (VKey, error) {
	if err := checkName(name); err != nil {
		return VKey{}, err
	}
	switch typ {
	case TypeEd25519, TypeEd25519Cosignature:
		if err := checkEd25519(key); err != nil {
			return VKey{}, err
		}
	case TypeMLDSA44Cosignature:
		if _, err := mldsa.NewPublicKey(mldsa.MLDSA44(), key); err != nil {
			return VKey{}, fmt.Errorf("ML-DSA-44 public key of %d bytes: %w", len(key), ErrKey)
		}
	default:
		return VKey{}, fmt.Errorf("signature type 0x%02x: %w", typ, ErrKey)
	}
	h := sha256.New()
	h.Write([]byte(name))
	h.Write([]byte{'\n', typ})
	h.Write(key)
	return VKey{Name: name, ID: binary.BigEndian.Uint32(h.Sum(nil)), Type: typ, Key: slices.Clone(key)}, nil
}

// ParseVKey parses a verifier key. It accepts exactly what [VKey.String]
// prints; the key ID must be the right one.
func ParseVKey(s string) (VKey, error) {
	if len(s) > maxVKey {
		return VKey{}, fmt.Errorf("vkey: longer than %d bytes: %w", maxVKey, ErrMalformed)
	}
	name, rest, ok1 := strings.Cut(s, "+")
	id, b64, ok2 := strings.Cut(rest, "+")
	if !ok1 || !ok2 {
		return VKey{}, fmt.Errorf("vkey: not name+id+key: %w", ErrMalformed)
	}
	raw, err := decodeBase64(b64)
	if err != nil {
		return VKey{}, fmt.Errorf("vkey: %w", err)
	}
	if len(raw) == 0 {
		return VKey{}, fmt.Errorf("vkey: empty key: %w", ErrMalformed)
	}
	k, err := NewVKey(name, raw[0], raw[1:])
	if err != nil {
		return VKey{}, fmt.Errorf("vkey: %w", err)
	}
	if id != k.hexID() {
		return VKey{}, fmt.Errorf("vkey: key ID is not that of the key: %w", ErrMalformed)
	}
	return k, nil
}

// String is the key as [ParseVKey] reads it.
func (k VKey) String() string {
	return k.Name + "+" + k.hexID() + "+" + base64.StdEncoding.EncodeToString(append([]byte{k.Type}, k.Key...))
}

// Equal reports whether both are the same key under the same name and type.
func (k VKey) Equal(l VKey) bool {
	return k.Name == l.Name && k.ID == l.ID && k.Type == l.Type && slices.Equal(k.Key, l.Key)
}

func (k VKey) hexID() string {
	return hex.EncodeToString(binary.BigEndian.AppendUint32(nil, k.ID))
}

// matches reports whether a line claims to be of this key.
func (k VKey) matches(s NoteSig) bool { return k.Name == s.Name && k.ID == s.ID }

// smallOrderY are the y coordinates of Edwards25519's points of small order,
// little-endian, sign bit clear. Under such a key one signature verifies for
// many messages.
var smallOrderY = [...]string{
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
}

// checkEd25519 refuses keys of another length, keys with more than one
// encoding (y not below the field's prime, which would get past the check for
// duplicates), and points of small order.
func checkEd25519(key []byte) error {
	if len(key) != ed25519.PublicKeySize {
		return fmt.Errorf("Ed25519 public key of %d bytes: %w", len(key), ErrKey)
	}
	y := slices.Clone(key)
	y[31] &= 0x7f
	// The prime is 2^255 - 19: bytes ED, thirty FF, 7F, little-endian.
	if y[0] >= 0xed && y[31] == 0x7f && !slices.ContainsFunc(y[1:31], func(b byte) bool { return b != 0xff }) {
		return fmt.Errorf("Ed25519 public key not canonical: %w", ErrKey)
	}
	if slices.Contains(smallOrderY[:], hex.EncodeToString(y)) {
		return fmt.Errorf("Ed25519 public key of small order: %w", ErrKey)
	}
	return nil
}
