package tesseralog

import (
	"math/bits"
	"slices"

	"github.com/haltlog/haltlog/internal/checkpoint"
)

// Hash is a SHA-256 hash of the tree.
type Hash = checkpoint.Hash

// An edge is the right edge of a tree: the roots of its perfect subtrees, from
// the largest to the smallest, one for each bit of the size. It is a value;
// append does not change what others hold.
type edge struct {
	size   uint64
	hashes []Hash
}

func (e edge) append(leaf Hash) edge {
	n := edge{size: e.size + 1, hashes: append(slices.Clone(e.hashes), leaf)}
	for range bits.TrailingZeros64(n.size) {
		k := len(n.hashes)
		n.hashes[k-2] = checkpoint.NodeHash(n.hashes[k-2], n.hashes[k-1])
		n.hashes = n.hashes[:k-1]
	}
	return n
}

func (e edge) root() Hash {
	if e.size == 0 {
		return checkpoint.EmptyRoot()
	}
	h := e.hashes[len(e.hashes)-1]
	for _, l := range slices.Backward(e.hashes[:len(e.hashes)-1]) {
		h = checkpoint.NodeHash(l, h)
	}
	return h
}

// fold is the root of a perfect subtree over its nodes, a power of two of
// them. It overwrites them.
func fold(nodes []Hash) Hash {
	for len(nodes) > 1 {
		for i := range len(nodes) / 2 {
			nodes[i] = checkpoint.NodeHash(nodes[2*i], nodes[2*i+1])
		}
		nodes = nodes[:len(nodes)/2]
	}
	return nodes[0]
}
