package dsse

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Errors of this package. A [*SyntaxError] wraps [ErrMalformed].
var (
	ErrMalformed = errors.New("malformed envelope")
	ErrTooLarge  = errors.New("envelope too large")
)

// SyntaxError says where an envelope departs from the template.
type SyntaxError struct {
	Offset int    // bytes from the start
	Reason string // what was expected there
}

func (e *SyntaxError) Error() string {
	return "byte " + strconv.Itoa(e.Offset) + ": " + e.Reason
}

// Unwrap makes every syntax error an [ErrMalformed].
func (e *SyntaxError) Unwrap() error { return ErrMalformed }

// Envelope is a payload, its type, and who signed it.
type Envelope struct {
	Payload     []byte
	PayloadType string      // printable ASCII without quote and backslash
	Signatures  []Signature // sorted by KeyID, none twice; may be empty
}

// Signature is one signature over [PAE].
type Signature struct {
	KeyID string // see [CheckKeyID]
	Sig   []byte // 1 to [MaxSignature] bytes
}

// The template, piece by piece. It is also canonical JSON (RFC 8785).
const (
	head      = `{"payload":"`
	afterLoad = `","payloadType":"`
	afterType = `","signatures":[`
	sigHead   = `{"keyid":"`
	afterID   = `","sig":"`
	sigTail   = `"}`
	tail      = `]}`
)

// PAE is DSSE's pre-authentication encoding: what signatures are made over.
func PAE(payloadType string, payload []byte) []byte {
	b := make([]byte, 0, len(payload)+len(payloadType)+32)
	b = append(b, "DSSEv1 "...)
	b = strconv.AppendInt(b, int64(len(payloadType)), 10)
	b = append(b, ' ')
	b = append(b, payloadType...)
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(len(payload)), 10)
	b = append(b, ' ')
	return append(b, payload...)
}

// PAE is the pre-authentication encoding of this envelope.
func (e Envelope) PAE() []byte { return PAE(e.PayloadType, e.Payload) }

// KeyIDs lists the signers' key IDs in order.
func (e Envelope) KeyIDs() []string {
	ids := make([]string, len(e.Signatures))
	for i, s := range e.Signatures {
		ids[i] = s.KeyID
	}
	return ids
}

// Format is the envelope in its only encoding. Signatures must be sorted;
// nothing is sorted here. limit is [MaxLeaf] or [MaxWhole], in bytes.
func (e Envelope) Format(limit int) ([]byte, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	n := len(head) + base64.StdEncoding.EncodedLen(len(e.Payload)) + len(afterLoad) + len(e.PayloadType) + len(afterType) + len(tail)
	for _, s := range e.Signatures {
		n += 1 + len(sigHead) + len(s.KeyID) + len(afterID) + base64.StdEncoding.EncodedLen(len(s.Sig)) + len(sigTail)
	}
	b := make([]byte, 0, n)
	b = append(b, head...)
	b = base64.StdEncoding.AppendEncode(b, e.Payload)
	b = append(b, afterLoad...)
	b = append(b, e.PayloadType...)
	b = append(b, afterType...)
	for i, s := range e.Signatures {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, sigHead...)
		b = append(b, s.KeyID...)
		b = append(b, afterID...)
		b = base64.StdEncoding.AppendEncode(b, s.Sig)
		b = append(b, sigTail...)
	}
	b = append(b, tail...)
	if len(b) > limit {
		return nil, fmt.Errorf("%d bytes, at most %d: %w", len(b), limit, ErrTooLarge)
	}
	return b, nil
}

func (e Envelope) check() error {
	if err := checkType(e.PayloadType); err != nil {
		return err
	}
	if len(e.Signatures) > MaxSignatures {
		return fmt.Errorf("%d signatures, at most %d: %w", len(e.Signatures), MaxSignatures, ErrMalformed)
	}
	for i, s := range e.Signatures {
		if err := CheckKeyID(s.KeyID); err != nil {
			return err
		}
		if len(s.Sig) == 0 || len(s.Sig) > MaxSignature {
			return fmt.Errorf("signature of %d bytes: %w", len(s.Sig), ErrMalformed)
		}
		if i > 0 && e.Signatures[i-1].KeyID >= s.KeyID {
			return fmt.Errorf("signatures are not sorted by keyid, or one stands twice: %w", ErrMalformed)
		}
	}
	return nil
}

func checkType(t string) error {
	if t == "" || len(t) > 127 {
		return fmt.Errorf("payloadType of %d bytes: %w", len(t), ErrMalformed)
	}
	for i := range len(t) {
		if c := t[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return fmt.Errorf("payloadType holds byte %#02x: %w", c, ErrMalformed)
		}
	}
	return nil
}

// RingPrefix starts the key ID of a ring signature; the group's hash in lower
// hex follows.
const RingPrefix = "ring:"

// CheckKeyID accepts 64 lower-case hexadecimal digits (SHA-256 of a key's
// SubjectPublicKeyInfo), or [RingPrefix] and 64 of them (a group's hash).
func CheckKeyID(id string) error {
	h := strings.TrimPrefix(id, RingPrefix)
	if len(h) != 64 {
		return fmt.Errorf("keyid of %d digits: %w", len(h), ErrMalformed)
	}
	for i := range len(h) {
		if c := h[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return fmt.Errorf("keyid is not lower-case hexadecimal: %w", ErrMalformed)
		}
	}
	return nil
}

// Sort brings signatures into the order that [Envelope.Format] wants.
func Sort(sigs []Signature) {
	slices.SortFunc(sigs, func(a, b Signature) int { return strings.Compare(a.KeyID, b.KeyID) })
}
