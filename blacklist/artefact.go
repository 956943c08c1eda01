package blacklist

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

// ErrListing is returned for published labels that are not the escrowed ones:
// a label outside the root, a number missing, given twice or excluded without
// a reason (B3).
var ErrListing = errors.New("labels are not those of the artefact")

// Entry is one label of a model, with its kind. Its number is its place.
type Entry struct {
	Kind  fingerprint.Kind
	Label Label
}

// ArtefactLeaf is the leaf of label number n of an artefact: SHA-256 over the
// tag, the number as eight bytes big-endian, the kind, a zero byte, the label.
func ArtefactLeaf(n uint64, kind fingerprint.Kind, l Label) Hash {
	return tagged(tagArtefactLeaf, binary.BigEndian.AppendUint64(nil, n), []byte(kind), []byte{0}, l[:])
}

// Artefact is the Merkle tree over a model's labels in order. The same tree
// commits to a declared base.
type Artefact struct {
	count  uint64
	levels [][]Hash
}

// NewArtefact returns the tree of the labels.
func NewArtefact(labels []Entry) Artefact {
	leaves := make([]Hash, 0, len(labels))
	for i, l := range labels {
		leaves = append(leaves, ArtefactLeaf(uint64(i), l.Kind, l.Label))
	}
	return Artefact{uint64(len(labels)), levels(leaves)}
}

// Count returns the number of labels.
func (a Artefact) Count() uint64 { return a.count }

// Root returns the root, SHA-256 of nothing for no labels.
func (a Artefact) Root() Hash { return rootOf(a.levels) }

// Path returns the Merkle path of label number n, nil beyond the count.
func (a Artefact) Path(n uint64) []Hash {
	if n >= a.count {
		return nil
	}
	return pathOf(a.levels, n)
}

// VerifyPath checks that label number n of the artefact with that root and
// count is l: the evidence of a contest.
func VerifyPath(root Hash, count, n uint64, kind fingerprint.Kind, l Label, path []Hash) error {
	if got, ok := climb(ArtefactLeaf(n, kind, l), n, count, path); !ok || got != root {
		return fmt.Errorf("%w: label %d of an artefact", ErrProof, n)
	}
	return nil
}

// Published is one label of a listing.
type Published struct {
	Number uint64
	Kind   fingerprint.Kind
	Label  Label
}

// Exclusion is one label that is not published: its number, why, and its leaf,
// with which the root can be computed without it.
type Exclusion struct {
	Number uint64
	Reason string
	Leaf   Hash
}

// VerifyListing checks that labels and exclusions are, together and in order
// of their numbers, exactly those of the artefact with that root and count.
func VerifyListing(root Hash, count uint64, labels []Published, excluded []Exclusion) error {
	if count > MaxArtefactLabels || uint64(len(labels))+uint64(len(excluded)) != count {
		return fmt.Errorf("%w: %d published and %d excluded of %d", ErrListing, len(labels), len(excluded), count)
	}
	leaves := make([]Hash, count)
	taken := make([]bool, count)
	put := func(n uint64, leaf Hash) error {
		if n >= count || taken[n] {
			return fmt.Errorf("%w: number %d of %d", ErrListing, n, count)
		}
		leaves[n], taken[n] = leaf, true
		return nil
	}
	for i, p := range labels {
		if i > 0 && labels[i-1].Number >= p.Number {
			return fmt.Errorf("%w: number %d out of order", ErrListing, p.Number)
		}
		if err := put(p.Number, ArtefactLeaf(p.Number, p.Kind, p.Label)); err != nil {
			return err
		}
	}
	for i, x := range excluded {
		if i > 0 && excluded[i-1].Number >= x.Number {
			return fmt.Errorf("%w: number %d out of order", ErrListing, x.Number)
		}
		if x.Reason == "" || len(x.Reason) > MaxReason {
			return fmt.Errorf("%w: number %d excluded without a reason", ErrListing, x.Number)
		}
		if err := put(x.Number, x.Leaf); err != nil {
			return err
		}
	}
	if rootOf(levels(leaves)) != root {
		return fmt.Errorf("%w: root", ErrListing)
	}
	return nil
}

// ReasonAllowList is the reason of a label that the log's allow-list names: the
// one reason that a stranger can check, by [Set.Excuses]. Labels that one
// tensor's own values or the declared base keep off the list are never
// escrowed.
const ReasonAllowList = "allow-list"

// Publish splits an opened artefact into what is published and what is
// excluded, at the set's present state.
func (s *Set) Publish(labels []Entry) ([]Published, []Exclusion) {
	published, excluded := []Published{}, []Exclusion{}
	for i, l := range labels {
		n := uint64(i)
		if s.Allowed(l.Kind, l.Label) {
			excluded = append(excluded, Exclusion{n, ReasonAllowList, ArtefactLeaf(n, l.Kind, l.Label)})
			continue
		}
		published = append(published, Published{n, l.Kind, l.Label})
	}
	return published, excluded
}

// Excuses reports whether an exclusion's reason is true: some label that the
// allow-list names gives the excluded leaf. It costs a hash per allowed label.
func (s *Set) Excuses(x Exclusion) bool {
	if x.Reason != ReasonAllowList {
		return false
	}
	for k := range s.allowed {
		if ArtefactLeaf(x.Number, k.kind, k.label) == x.Leaf {
			return true
		}
	}
	return false
}
