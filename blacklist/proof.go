package blacklist

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// Errors of proofs.
var (
	ErrProofFormat = errors.New("malformed proof")
	ErrProof       = errors.New("proof does not verify")
)

// The first byte of a proof's encoding.
const (
	wireMembership = 1
	wireAbsence    = 2
)

// Membership proves that a label is in a part.
type Membership struct {
	Index uint64 // of the leaf; 0 is the lower sentinel
	Path  []Hash
}

// Verify checks the proof against root and count of a witnessed epoch.
func (m Membership) Verify(root Hash, count uint64, l Label) error {
	// The sentinels are leaves, and no labels; count + 2 must not wrap.
	if m.Index == 0 || m.Index > count || count > MaxPartLabels {
		return fmt.Errorf("%w: leaf %d of %d labels", ErrProof, m.Index, count)
	}
	if got, ok := climb(scalarOf(l).leaf(), m.Index, count+2, m.Path); !ok || got != root {
		return fmt.Errorf("%w: membership of %v", ErrProof, l)
	}
	return nil
}

// Absence proves that a label is not in a part: two neighbouring leaves, one
// below and one above its scalar.
type Absence struct {
	Index                uint64 // of the leaf below
	Below, Above         [32]byte
	BelowPath, AbovePath []Hash
}

// Verify checks the proof against root and count of a witnessed epoch.
func (a Absence) Verify(root Hash, count uint64, l Label) error {
	u := scalarOf(l)
	if bytes.Compare(a.Below[:], u[:]) >= 0 || bytes.Compare(u[:], a.Above[:]) >= 0 {
		return fmt.Errorf("%w: %v is not between the neighbours", ErrProof, l)
	}
	// Neither index + 1 nor count + 2 may wrap.
	if a.Index > count || count > MaxPartLabels {
		return fmt.Errorf("%w: leaf %d of %d labels", ErrProof, a.Index, count)
	}
	below, ok := climb(scalar(a.Below).leaf(), a.Index, count+2, a.BelowPath)
	above, ok2 := climb(scalar(a.Above).leaf(), a.Index+1, count+2, a.AbovePath)
	if !ok || !ok2 || below != root || above != root {
		return fmt.Errorf("%w: absence of %v", ErrProof, l)
	}
	return nil
}

// Marshal returns the one encoding: a type byte, the index as eight bytes
// big-endian, a length byte and the path.
func (m Membership) Marshal() []byte {
	b := binary.BigEndian.AppendUint64([]byte{wireMembership}, m.Index)
	return appendPath(b, m.Path)
}

// ParseMembership is the inverse of Marshal.
func ParseMembership(b []byte) (Membership, error) {
	c := cursor{b: b}
	c.expect(wireMembership)
	m := Membership{Index: c.uint64(), Path: c.path()}
	return m, c.end()
}

// Marshal returns the one encoding: a type byte, the index as eight bytes
// big-endian, both scalars big-endian, and each path after a length byte.
func (a Absence) Marshal() []byte {
	b := binary.BigEndian.AppendUint64([]byte{wireAbsence}, a.Index)
	b = append(append(b, a.Below[:]...), a.Above[:]...)
	return appendPath(appendPath(b, a.BelowPath), a.AbovePath)
}

// ParseAbsence is the inverse of Marshal.
func ParseAbsence(b []byte) (Absence, error) {
	c := cursor{b: b}
	c.expect(wireAbsence)
	a := Absence{Index: c.uint64(), Below: c.hash(), Above: c.hash(), BelowPath: c.path(), AbovePath: c.path()}
	return a, c.end()
}

func appendPath(b []byte, path []Hash) []byte {
	if len(path) > MaxPath {
		panic("blacklist: path of more than 64 hashes")
	}
	b = append(b, byte(len(path)))
	for _, h := range path {
		b = append(b, h[:]...)
	}
	return b
}

// cursor reads fixed fields; after the first failure it reads zeros.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) take(n int) []byte {
	if c.bad || n > len(c.b) {
		c.bad = true
		return make([]byte, n)
	}
	out := c.b[:n]
	c.b = c.b[n:]
	return out
}

func (c *cursor) expect(v byte) {
	if c.take(1)[0] != v {
		c.bad = true
	}
}

func (c *cursor) uint64() uint64 { return binary.BigEndian.Uint64(c.take(8)) }
func (c *cursor) uint32() uint32 { return binary.BigEndian.Uint32(c.take(4)) }
func (c *cursor) hash() Hash     { return Hash(c.take(32)) }

func (c *cursor) path() []Hash {
	n := int(c.take(1)[0])
	if n > MaxPath {
		c.bad = true
		return nil
	}
	path := make([]Hash, 0, n)
	for range n {
		path = append(path, c.hash())
	}
	return path
}

func (c *cursor) end() error {
	if c.bad || len(c.b) != 0 {
		return ErrProofFormat
	}
	return nil
}
