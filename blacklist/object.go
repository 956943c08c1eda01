package blacklist

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/haltlog/haltlog/blacklist/polynomial"
)

// what an object is.
type what uint8

const (
	objectState what = iota
	objectFull
	objectLookup
	objectPolynomial
	objectDelta
	objectDeltaLookup
	objectDeltaPolynomial
)

// objectRef says of which part and epoch an object is made. There may be
// millions, of every delta of every epoch, so it is small, and found by the
// first eight bytes of the hash: the whole is compared when the bytes are made.
type objectRef struct {
	version uint64
	epoch   uint32 // place in epochs
	prefix  uint16
	bits    uint8
	kind    uint8
	what    what
}

func brief(h Hash) uint64 { return binary.BigEndian.Uint64(h[:]) }

// objectsOf pairs the names of commitments with what they are hashes of. Roots
// are of trees, which have no encoding.
func objectsOf(name string) (what, bool) {
	switch name {
	case CommitFull:
		return objectFull, true
	case CommitLookup:
		return objectLookup, true
	case CommitPolynomial:
		return objectPolynomial, true
	case CommitDeltaFull:
		return objectDelta, true
	case CommitDeltaLookup:
		return objectDeltaLookup, true
	case CommitDeltaPolynomial:
		return objectDeltaPolynomial, true
	}
	return 0, false
}

// register notes where the objects of an epoch are to be found, by the hashes
// that it states: wrong ones lead nowhere, since what is made is hashed. Objects
// of the last epoch that this one replaces are forgotten, but its deltas stay.
func (s *Set) register(number, size uint64, e Epoch) {
	old := s.stated
	next, err := old.With(number, size, e)
	if err != nil {
		// Semantics 1, or an epoch that says nothing that can be made.
		next = State{}
	}
	s.stated = next
	gone := make(map[uint64]bool)
	for _, h := range s.passing {
		gone[h] = true
	}
	for _, p := range old.Parts {
		if now, ok := next.part(p.Part, p.KeyVersion); !ok || !now.Equal(p) {
			for _, c := range p.Commitments {
				gone[brief(c.Hash)] = true
			}
		}
	}
	for h := range gone {
		delete(s.objects, h)
	}
	s.passing = nil
	if err != nil {
		return
	}
	epoch := uint32(len(s.epochs))
	s.objects[brief(e.State)] = objectRef{epoch: epoch, what: objectState}
	s.passing = append(s.passing, brief(e.State))
	for _, p := range e.Parts {
		// In order of names, so that what lasts takes the place of a delta that
		// is the same.
		for _, c := range p.Commitments {
			s.point(p, c, epoch)
		}
	}
	// What is gone from one part may stand in another still.
	for _, p := range next.Parts {
		for _, c := range p.Commitments {
			if gone[brief(c.Hash)] {
				s.point(p, c, epoch)
			}
		}
	}
}

// point notes where an object is to be found.
func (s *Set) point(p PartEpoch, c Commitment, epoch uint32) {
	w, ok := objectsOf(c.Name)
	if !ok {
		return
	}
	s.objects[brief(c.Hash)] = objectRef{
		version: p.KeyVersion, prefix: uint16(p.Part.number()), bits: uint8(len(p.Part.Prefix)), kind: kindNumber(p.Part.Kind),
		epoch: epoch, what: w,
	}
	if w == objectDeltaLookup || w == objectDeltaPolynomial {
		s.passing = append(s.passing, brief(c.Hash))
	}
}

// Object is something that an epoch commits to, to be made.
type Object struct {
	hash Hash
	make func() []byte
}

// Bytes makes the object, outside the lock under which it was found; false if
// what the epoch committed to is not what the log gives.
func (o Object) Bytes() ([]byte, bool) {
	b := o.make()
	return b, sha256.Sum256(b) == o.hash
}

// Find returns an object by its hash: of the newest epoch all (full and lookup
// lists, polynomials, deltas in all three forms, the state document), of every
// earlier one the deltas.
func (s *Set) Find(h Hash) (Object, bool) {
	ref, ok := s.objects[brief(h)]
	if !ok {
		return Object{}, false
	}
	if ref.what == objectState {
		state := s.stated
		return Object{h, state.Marshal}, true
	}
	lists, _, _, _ := s.Committed()
	part := Part{kindOf(ref.kind), prefixString(uint32(ref.prefix), int(ref.bits))}
	switch ref.what {
	case objectFull, objectLookup, objectPolynomial:
		c, ok := lists.content(part, ref.version)
		return Object{h, func() []byte { return c.object(ref.what) }}, ok
	}
	e := s.epochs[ref.epoch]
	o := s.orders[ref.version]
	sh := lists.shelves[shelf{part.Kind, ref.version}]
	if o == nil || sh == nil || sh.bits < len(part.Prefix) {
		return Object{}, false
	}
	low, high := o.bound(e.from), o.bound(e.size)
	return Object{h, func() []byte {
		return deltaObject(ref.what, Delta{part, ref.version, e.from, e.size, sh.between(part, low, high)})
	}}, true
}

// Object returns the bytes of an object by its hash, see [Set.Find].
func (s *Set) Object(h Hash) ([]byte, bool) {
	o, ok := s.Find(h)
	if !ok {
		return nil, false
	}
	return o.Bytes()
}

// object returns the encoding of a list of the part.
func (c *content) object(w what) []byte {
	switch w {
	case objectFull:
		return FullList{c.part, c.version, c.labels}.Marshal()
	case objectLookup:
		return NewLookupList(c.part, c.version, c.labels).Marshal()
	}
	return c.commit().poly.Encoding()
}

func deltaObject(w what, d Delta) []byte {
	switch w {
	case objectDelta:
		return d.Marshal()
	case objectDeltaLookup:
		return NewLookupList(d.Part, d.KeyVersion, d.Labels).Marshal()
	}
	return polynomialOf(newTree(d.Labels, nil)).Encoding()
}

// polynomialOf returns the polynomial whose roots are the tree's scalars.
func polynomialOf(t *Tree) *polynomial.Polynomial { return polynomial.New(t.Scalars()) }

// between returns the labels of a part of this split or a coarser one with
// from ≤ sequence number < to, ascending.
func (s *split) between(p Part, from, to uint32) []Label {
	more := s.bits - len(p.Prefix)
	out := []Label{}
	for i := range 1 << more {
		out = append(out, s.parts[int(p.number())<<more|i].between(from, to)...)
	}
	return sortedLabels(out)
}
