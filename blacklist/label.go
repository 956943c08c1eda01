package blacklist

import (
	"errors"
	"fmt"
	"slices"

	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/group"
)

// ErrLabel is returned for bytes that are no label.
var ErrLabel = errors.New("malformed label")

// Label is Y = k·H1(x) as package voprf makes it: the canonical encoding of a
// ristretto255 element other than the identity.
type Label = voprf.Label

// ParseLabel checks length, canonical encoding and that it is not the identity.
func ParseLabel(b []byte) (Label, error) {
	l, err := voprf.ParseLabel(b)
	if err != nil {
		return Label{}, fmt.Errorf("%w: %w", ErrLabel, err)
	}
	return l, nil
}

// scalar is u = HashToScalar(Y), big-endian, so that bytes sort as numbers do.
type scalar [32]byte

// The sentinels at the ends of a part: 0, and 2^256 − 1, which is no scalar.
// With them every absent u has a neighbour on each side.
var lowest, highest = scalar{}, scalar(slices.Repeat([]byte{0xff}, 32))

// ScalarOf returns u = HashToScalar(Y) of a label, 32 bytes little-endian: the
// root that stands for it in a part's polynomial.
func ScalarOf(l Label) [32]byte {
	return [32]byte(group.HashToScalar(group.TagBlacklistScalar, l[:]).Bytes())
}

// scalarOf returns u as the trees sort it. A label whose u is 0 cannot be told
// from the sentinel; finding one is as hard as inverting SHA-512.
func scalarOf(l Label) scalar {
	u := ScalarOf(l)
	slices.Reverse(u[:])
	return u
}

// littleEndian turns scalars into the encoding that arithmetic uses.
func littleEndian(us []scalar) [][32]byte {
	out := make([][32]byte, len(us))
	for i, u := range us {
		slices.Reverse(u[:])
		out[i] = u
	}
	return out
}
