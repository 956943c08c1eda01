package voprf

import (
	"encoding/hex"
	"fmt"

	"github.com/haltlog/haltlog/internal/group"
)

// A Label is Y = k·H1(x): the canonical encoding of an element other than the
// identity. Labels under different keys have nothing in common.
type Label [ElementSize]byte

// ParseLabel reads 32 bytes. Errors: ErrEncoding.
func ParseLabel(b []byte) (Label, error) {
	if _, err := group.DecodeElement(b); err != nil {
		return Label{}, fmt.Errorf("%w: label: %w", ErrEncoding, err)
	}
	return Label(b), nil
}

// String is the label in lower-case hex.
func (l Label) String() string { return hex.EncodeToString(l[:]) }

// Label computes the label of a fingerprint with the key itself, in constant
// time: for whoever holds both. Errors: ErrInput.
func (k *PrivateKey) Label(fingerprint []byte) (Label, error) {
	h, err := hashInput(ModeVOPRF, fingerprint)
	if err != nil {
		return Label{}, err
	}
	return Label(h.Mul(k.k).Bytes()), nil
}

// hashInput is H1, and refuses what the RFC refuses (section 3.3.1).
func hashInput(mode Mode, input []byte) (*group.Element, error) {
	if len(input) > MaxInput {
		return nil, fmt.Errorf("%w: %d bytes", ErrInput, len(input))
	}
	h := group.HashToGroup(mode.tags().HashToGroup, input)
	// if inputElement == G.Identity(): raise InvalidInputError
	if h.IsIdentity() {
		return nil, fmt.Errorf("%w: hashes to the identity", ErrInput)
	}
	return h, nil
}
