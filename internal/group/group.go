// Package group is the arithmetic of ristretto255 (RFC 9496): a group of prime
// order with canonical 32-byte encodings, hashing into it (RFC 9380), and the
// domain tags of every protocol built upon it. It is the only importer of
// github.com/gtank/ristretto255, so that a mistake in using that library can be
// made, and is prevented, in one place.
//
// Invariants:
//
//   - GA1: nothing decodes but a canonical encoding of exactly 32 bytes, and
//     never the identity. An identity key in a ring lets anyone forge, an
//     identity in a query shows the label of nothing.
//   - GA2: the zero value of Element and of Scalar is unusable: every operation
//     on it panics. Forgetting to decode is never read as zero or the identity.
//   - GA3: zero is never inverted; asking for it is an error.
//   - GA4: operations take time that depends on no value, except those whose
//     name begins with VarTime, which are for verification of public data.
//   - GA5: a product is a function of its inputs alone: no state of a receiver
//     enters it (CVE-2026-26958).
//   - GA6: every hash has a domain tag of its own; all of them are in tags.go,
//     and no tag is the prefix of another.
//
// Elements and scalars are immutable: each operation returns a new one, and no
// two of them share memory. A result may be the identity (a−a is); it is only
// never accepted from outside.
package group

import "errors"

// ElementSize and ScalarSize are the lengths of the canonical encodings in
// bytes; UniformSize is the length of the uniform string that is mapped to an
// element or reduced to a scalar (RFC 9496, sections 4.3.4 and 4.4).
const (
	ElementSize = 32
	ScalarSize  = 32
	UniformSize = 64
)

var (
	// ErrLength is returned for an encoding that is not of the one legal length.
	ErrLength = errors.New("wrong length")
	// ErrNotCanonical is returned for 32 bytes that encode no element or no
	// scalar, or are not the encoding that Bytes would print.
	ErrNotCanonical = errors.New("not a canonical encoding")
	// ErrIdentity is returned where the identity element is refused.
	ErrIdentity = errors.New("identity element")
	// ErrZero is returned where the scalar zero has no meaning.
	ErrZero = errors.New("zero scalar")
	// ErrMismatch is returned for lists that must be of one length and are not.
	ErrMismatch = errors.New("lists of different length")
)
