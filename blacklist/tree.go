package blacklist

import (
	"bytes"
	"slices"
)

// Tree is the Merkle tree over one part's sorted scalars, with a sentinel at
// each end: n labels make n + 2 leaves. It is immutable. Of its nodes only
// those from level blockBits up are kept, 4 bytes per label; what is below is
// hashed again when a proof asks for it, some microseconds.
type Tree struct {
	labels  []Label  // ascending
	scalars []scalar // ascending
	top     [][]Hash // levels from blockBits up; the last is the root alone
}

// NewTree returns the tree of the labels; order and repetition do not matter.
func NewTree(labels ...Label) *Tree {
	return newTree(sortedLabels(labels), nil)
}

// sortedLabels returns the labels ascending, each once, in a slice of its own.
func sortedLabels(labels []Label) []Label {
	list := slices.Clone(labels)
	slices.SortFunc(list, compareLabels)
	return slices.Compact(list)
}

func compareLabels(a, b Label) int { return bytes.Compare(a[:], b[:]) }

// newTree returns the tree of ascending labels, which it keeps; scalars are
// theirs, ascending, or nil.
func newTree(labels []Label, scalars []scalar) *Tree {
	if scalars == nil {
		scalars = scalarsOf(labels)
	}
	t := &Tree{labels: labels, scalars: scalars}
	blocks := make([]Hash, 0, t.leaves()>>blockBits+1)
	for b := uint64(0); b<<blockBits < t.leaves(); b++ {
		blocks = append(blocks, rootOf(t.block(b)))
	}
	t.top = levels(blocks)
	return t
}

// With returns the tree that holds the labels too. Only theirs are hashed to
// scalars, which is the dear part.
func (t *Tree) With(labels ...Label) *Tree {
	more := slices.DeleteFunc(sortedLabels(labels), func(l Label) bool {
		_, ok := slices.BinarySearchFunc(t.labels, l, compareLabels)
		return ok
	})
	return newTree(merge(t.labels, more, compareLabels), merge(t.scalars, scalarsOf(more), scalar.compare))
}

// merge returns one ascending slice of two.
func merge[T any](a, b []T, compare func(T, T) int) []T {
	out := make([]T, 0, len(a)+len(b))
	for _, x := range b {
		n, _ := slices.BinarySearchFunc(a, x, compare)
		out = append(append(out, a[:n]...), x)
		a = a[n:]
	}
	return append(out, a...)
}

// scalarsOf returns the labels' scalars, ascending.
func scalarsOf(labels []Label) []scalar {
	out := make([]scalar, len(labels))
	for i, l := range labels {
		out[i] = scalarOf(l)
	}
	slices.SortFunc(out, scalar.compare)
	return out
}

func (u scalar) leaf() Hash { return tagged(tagScalarLeaf, u[:]) }

func (u scalar) compare(v scalar) int { return bytes.Compare(u[:], v[:]) }

// leaves is how many leaves the tree has.
func (t *Tree) leaves() uint64 { return uint64(len(t.scalars)) + 2 }

// at returns the value of leaf i.
func (t *Tree) at(i uint64) scalar {
	switch {
	case i == 0:
		return lowest
	case i > uint64(len(t.scalars)):
		return highest
	}
	return t.scalars[i-1]
}

// block returns the levels of the subtree over block b's leaves. The last block
// may be short; its nodes move up as those of the whole tree do.
func (t *Tree) block(b uint64) [][]Hash {
	from := b << blockBits
	to := min(from+1<<blockBits, t.leaves())
	leaves := make([]Hash, 0, to-from)
	for i := from; i < to; i++ {
		leaves = append(leaves, t.at(i).leaf())
	}
	return levels(leaves)
}

// path returns the siblings of leaf i, from the leaf up.
func (t *Tree) path(i uint64) []Hash {
	low := pathOf(t.block(i>>blockBits), i&(1<<blockBits-1))
	return append(low, pathOf(t.top, i>>blockBits)...)
}

// node returns node i of a level, the leaves being level 0.
func (t *Tree) node(level int, i uint64) Hash {
	if level >= blockBits {
		return t.top[level-blockBits][i]
	}
	shift := blockBits - level
	b := t.block(i >> shift)
	return b[level][i&(1<<shift-1)]
}

// Count returns the number of labels.
func (t *Tree) Count() uint64 { return uint64(len(t.labels)) }

// Root returns the root over the scalars and sentinels.
func (t *Tree) Root() Hash { return rootOf(t.top) }

// Labels returns the labels, sorted by their bytes.
func (t *Tree) Labels() []Label { return slices.Clone(t.labels) }

// Scalars returns u of every label, 32 bytes little-endian each, sorted as
// numbers: the roots of the part's polynomial.
func (t *Tree) Scalars() [][32]byte { return littleEndian(t.scalars) }

// find returns the leaf of the first scalar not below u's, and whether it is u.
func (t *Tree) find(u scalar) (uint64, bool) {
	i, ok := slices.BinarySearchFunc(t.scalars, u, scalar.compare)
	return uint64(i) + 1, ok
}

// Prove returns the proof that the label is in the tree; false if it is not.
func (t *Tree) Prove(l Label) (Membership, bool) {
	i, ok := t.find(scalarOf(l))
	if !ok {
		return Membership{}, false
	}
	return Membership{i, t.path(i)}, true
}

// ProveAbsence returns the proof that the label is not in the tree; false if
// it is.
func (t *Tree) ProveAbsence(l Label) (Absence, bool) {
	i, ok := t.find(scalarOf(l))
	if ok {
		return Absence{}, false
	}
	return Absence{
		Index: i - 1,
		Below: t.at(i - 1), Above: t.at(i),
		BelowPath: t.path(i - 1), AbovePath: t.path(i),
	}, true
}
