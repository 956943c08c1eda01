package blacklist

import (
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

// Errors of sealed artefacts.
var (
	// ErrUnopenable: no wrap is for this key under a suite known here. Not a
	// fault of the artefact; another escrow may open it.
	ErrUnopenable = errors.New("no wrap for this escrow key")
	// ErrSealed: a wrap or the sealed labels are damaged, of another artefact,
	// or not those of the root.
	ErrSealed = errors.New("sealed labels do not open")
	// ErrWraps: the list of wraps itself is malformed.
	ErrWraps = errors.New("malformed wraps")
)

// SuiteHPKE is HPKE (RFC 9180), base mode, with DHKEM(X25519, HKDF-SHA256),
// HKDF-SHA256 and AES-256-GCM. Info is the escrow tag, associated data that of
// the labels; the wrap's bytes are the encapsulated key and the ciphertext of
// the data key.
const SuiteHPKE = 1

// dataKeySize is AES-256's.
const dataKeySize = 32

// Wrap is the data key, encrypted to one escrow.
type Wrap struct {
	Suite int
	KeyID string
	Bytes []byte
}

// Context is what sealed labels are bound to.
type Context struct {
	Origin string
	Run    string
	Number uint64
	Root   Hash
}

// additional returns the associated data: the tag, a zero byte, origin and run
// each after its length as four bytes, the number as eight, the root. All
// integers big-endian.
func (c Context) additional() []byte {
	b := append([]byte(tagEscrow), 0)
	for _, s := range []string{c.Origin, c.Run} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	b = binary.BigEndian.AppendUint64(b, c.Number)
	return append(b, c.Root[:]...)
}

// EscrowKeyID returns the key's ID: lower-case hex SHA-256 of its
// SubjectPublicKeyInfo (RFC 8410, id-X25519).
func EscrowKeyID(pub *ecdh.PublicKey) string {
	spki := append([]byte{0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x03, 0x21, 0x00}, pub.Bytes()...)
	sum := sha256.Sum256(spki)
	return hex.EncodeToString(sum[:])
}

// EscrowKeys are who may open an artefact: each by itself.
type EscrowKeys struct {
	HPKE      []*ecdh.PublicKey // suite 1
	Threshold [][]byte          // suite 2: keys that evaluators share, 32 bytes each
}

// Seal encrypts the labels under a fresh data key and wraps that to the escrow.
// The context's root must be that of the labels.
func Seal(pub *ecdh.PublicKey, c Context, labels []Entry) ([]byte, []Wrap, error) {
	return SealTo(EscrowKeys{HPKE: []*ecdh.PublicKey{pub}}, c, labels)
}

// SealTo is Seal to several escrows, 1 to MaxWraps.
func SealTo(to EscrowKeys, c Context, labels []Entry) ([]byte, []Wrap, error) {
	if root := NewArtefact(labels).Root(); root != c.Root {
		return nil, nil, fmt.Errorf("%w: root is of other labels", ErrSealed)
	}
	plain, err := formatEntries(labels)
	if err != nil {
		return nil, nil, err
	}
	return seal(to, c, plain)
}

func seal(to EscrowKeys, c Context, plain []byte) ([]byte, []Wrap, error) {
	dataKey := newDataKey()
	aead, err := dataCipher(dataKey)
	if err != nil {
		return nil, nil, err
	}
	sealed := aead.Seal(nil, nil, plain, c.additional())
	var wraps []Wrap
	for _, pub := range to.HPKE {
		w, err := wrapHPKE(pub, c, dataKey)
		if err != nil {
			return nil, nil, err
		}
		wraps = append(wraps, w)
	}
	for _, public := range to.Threshold {
		w, err := wrapTo(public, c, dataKey)
		if err != nil {
			return nil, nil, err
		}
		wraps = append(wraps, w)
	}
	slices.SortFunc(wraps, func(a, b Wrap) int {
		return cmp.Or(cmp.Compare(a.Suite, b.Suite), cmp.Compare(a.KeyID, b.KeyID))
	})
	return sealed, wraps, ValidateWraps(wraps)
}

// wrapHPKE wraps a data key by suite 1.
func wrapHPKE(pub *ecdh.PublicKey, c Context, dataKey []byte) (Wrap, error) {
	to, err := hpke.NewDHKEMPublicKey(pub)
	if err != nil {
		return Wrap{}, fmt.Errorf("escrow key: %w", err)
	}
	enc, sender, err := hpke.NewSender(to, hpke.HKDFSHA256(), hpke.AES256GCM(), []byte(tagEscrow))
	if err != nil {
		return Wrap{}, fmt.Errorf("wrap data key: %w", err)
	}
	ct, err := sender.Seal(c.additional(), dataKey)
	if err != nil {
		return Wrap{}, fmt.Errorf("wrap data key: %w", err)
	}
	return Wrap{SuiteHPKE, EscrowKeyID(pub), append(enc, ct...)}, nil
}

// dataCipher is AES-256-GCM with its nonce in front of the ciphertext.
func dataCipher(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// ValidateWraps checks the form of a list of wraps: 1 to MaxWraps, suites
// positive, key IDs of 64 lower-case hex digits, strictly ascending by suite
// and key ID. Suites that are not known here are well formed.
func ValidateWraps(wraps []Wrap) error {
	if len(wraps) == 0 || len(wraps) > MaxWraps {
		return fmt.Errorf("%w: %d of them", ErrWraps, len(wraps))
	}
	for i, w := range wraps {
		id, err := hex.DecodeString(w.KeyID)
		if w.Suite < 1 || err != nil || len(id) != sha256.Size || hex.EncodeToString(id) != w.KeyID || len(w.Bytes) == 0 {
			return fmt.Errorf("%w: wrap %d", ErrWraps, i)
		}
		if i > 0 && (wraps[i-1].Suite > w.Suite || wraps[i-1].Suite == w.Suite && wraps[i-1].KeyID >= w.KeyID) {
			return fmt.Errorf("%w: wrap %d out of order", ErrWraps, i)
		}
	}
	return nil
}

// Open decrypts sealed labels and holds them against the context's root (B5).
// [ErrUnopenable] without a wrap for the key, [ErrSealed] for everything else
// that is not the artefact of that context.
func Open(key *ecdh.PrivateKey, c Context, sealed []byte, wraps []Wrap) ([]Entry, error) {
	if err := ValidateWraps(wraps); err != nil {
		return nil, err
	}
	id := EscrowKeyID(key.PublicKey())
	for _, w := range wraps {
		if w.Suite == SuiteHPKE && w.KeyID == id {
			return open(key, c, sealed, w)
		}
	}
	return nil, ErrUnopenable
}

func open(key *ecdh.PrivateKey, c Context, sealed []byte, w Wrap) ([]Entry, error) {
	priv, err := hpke.NewDHKEMPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("escrow key: %w", err)
	}
	n := len(key.PublicKey().Bytes())
	if len(w.Bytes) < n {
		return nil, fmt.Errorf("%w: wrap of %d bytes", ErrSealed, len(w.Bytes))
	}
	r, err := hpke.NewRecipient(w.Bytes[:n], priv, hpke.HKDFSHA256(), hpke.AES256GCM(), []byte(tagEscrow))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSealed, err)
	}
	dataKey, err := r.Open(c.additional(), w.Bytes[n:])
	if err != nil {
		return nil, fmt.Errorf("%w: data key: %w", ErrSealed, err)
	}
	return unseal(dataKey, c, sealed)
}

// unseal decrypts the labels and holds them against the root.
func unseal(dataKey []byte, c Context, sealed []byte) ([]Entry, error) {
	if len(dataKey) != dataKeySize {
		return nil, fmt.Errorf("%w: data key of %d bytes", ErrSealed, len(dataKey))
	}
	aead, err := dataCipher(dataKey)
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, nil, sealed, c.additional())
	if err != nil {
		return nil, fmt.Errorf("%w: labels: %w", ErrSealed, err)
	}
	labels, err := parseEntries(plain)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSealed, err)
	}
	if NewArtefact(labels).Root() != c.Root {
		return nil, fmt.Errorf("%w: root is of other labels", ErrSealed)
	}
	return labels, nil
}

// formatEntries is the plaintext: for each longest run of one kind, the kind
// after its length byte, the number of labels as four bytes, the labels.
func formatEntries(labels []Entry) ([]byte, error) {
	if len(labels) > MaxArtefactLabels {
		return nil, fmt.Errorf("%w: %d labels", ErrSealed, len(labels))
	}
	var b []byte
	for i := 0; i < len(labels); {
		kind := labels[i].Kind
		if len(kind) == 0 || len(kind) > MaxName {
			return nil, fmt.Errorf("%w: kind %q", ErrSealed, kind)
		}
		j := i
		for j < len(labels) && labels[j].Kind == kind {
			j++
		}
		b = append(append(b, byte(len(kind))), kind...)
		b = binary.BigEndian.AppendUint32(b, uint32(j-i))
		for ; i < j; i++ {
			b = append(b, labels[i].Label[:]...)
		}
	}
	return b, nil
}

// parseEntries is the inverse of formatEntries. A kind that is not known here
// is kept: it belongs to the root all the same.
func parseEntries(b []byte) ([]Entry, error) {
	c := cursor{b: b}
	var labels []Entry
	last := fingerprint.Kind("")
	for len(c.b) > 0 && !c.bad {
		n := int(c.take(1)[0])
		kind := fingerprint.Kind(c.take(n))
		count := c.uint32()
		if n == 0 || n > MaxName || kind == last || count == 0 || uint64(count)*32 > uint64(len(c.b)) {
			return nil, fmt.Errorf("%w: run of labels", ErrLabel)
		}
		last = kind
		for range count {
			l, err := ParseLabel(c.take(32))
			if err != nil {
				return nil, err
			}
			labels = append(labels, Entry{kind, l})
		}
	}
	if c.bad || len(labels) > MaxArtefactLabels {
		return nil, fmt.Errorf("%w: labels", ErrLabel)
	}
	return labels, nil
}
