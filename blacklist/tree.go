package blacklist

import (
	"bytes"
	"slices"
)

// Tree is the Merkle tree over one part's sorted scalars, with a sentinel at
// each end: n labels make n + 2 leaves. It is immutable.
type Tree struct {
	nodes  []node // by scalar
	levels [][]Hash
}

type node struct {
	u     scalar
	label Label
}

func (n node) compare(m node) int {
	if c := bytes.Compare(n.u[:], m.u[:]); c != 0 {
		return c
	}
	return bytes.Compare(n.label[:], m.label[:])
}

// NewTree returns the tree of the labels; order and repetition do not matter.
func NewTree(labels ...Label) *Tree { return (&Tree{}).With(labels...) }

// With returns the tree that holds the labels too. Only theirs are hashed to
// scalars, which is the dear part; the inner nodes are built anew.
func (t *Tree) With(labels ...Label) *Tree {
	nodes := slices.Clone(t.nodes)
	for _, l := range labels {
		nodes = append(nodes, node{scalarOf(l), l})
	}
	slices.SortFunc(nodes, node.compare)
	nodes = slices.Compact(nodes)
	leaves := make([]Hash, 0, len(nodes)+2)
	leaves = append(leaves, lowest.leaf())
	for _, n := range nodes {
		leaves = append(leaves, n.u.leaf())
	}
	leaves = append(leaves, highest.leaf())
	return &Tree{nodes, levels(leaves)}
}

func (u scalar) leaf() Hash { return tagged(tagScalarLeaf, u[:]) }

// Count returns the number of labels.
func (t *Tree) Count() uint64 { return uint64(len(t.nodes)) }

// Root returns the root over the scalars and sentinels.
func (t *Tree) Root() Hash { return rootOf(t.levels) }

// Labels returns the labels, sorted by their bytes.
func (t *Tree) Labels() []Label {
	list := make([]Label, 0, len(t.nodes))
	for _, n := range t.nodes {
		list = append(list, n.label)
	}
	slices.SortFunc(list, func(a, b Label) int { return bytes.Compare(a[:], b[:]) })
	return list
}

// find returns the leaf of the first scalar not below u's, and whether it is u.
func (t *Tree) find(u scalar) (uint64, bool) {
	i, ok := slices.BinarySearchFunc(t.nodes, u, func(n node, u scalar) int { return bytes.Compare(n.u[:], u[:]) })
	return uint64(i) + 1, ok
}

// Prove returns the proof that the label is in the tree; false if it is not.
func (t *Tree) Prove(l Label) (Membership, bool) {
	i, ok := t.find(scalarOf(l))
	if !ok {
		return Membership{}, false
	}
	return Membership{i, pathOf(t.levels, i)}, true
}

// ProveAbsence returns the proof that the label is not in the tree; false if
// it is.
func (t *Tree) ProveAbsence(l Label) (Absence, bool) {
	i, ok := t.find(scalarOf(l))
	if ok {
		return Absence{}, false
	}
	at := func(i uint64) scalar {
		switch {
		case i == 0:
			return lowest
		case i > uint64(len(t.nodes)):
			return highest
		}
		return t.nodes[i-1].u
	}
	return Absence{
		Index: i - 1,
		Below: at(i - 1), Above: at(i),
		BelowPath: pathOf(t.levels, i-1), AbovePath: pathOf(t.levels, i),
	}, true
}
