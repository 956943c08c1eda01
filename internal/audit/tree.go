package audit

import "github.com/haltlog/haltlog/internal/checkpoint"

// compactTree is the Merkle tree of what was read (RFC 6962 section 2.1): the
// roots of its perfect subtrees, largest first.
type compactTree struct {
	size  uint64
	stack []checkpoint.Hash
}

func (t *compactTree) add(leaf checkpoint.Hash) {
	h := leaf
	for n := t.size; n&1 == 1; n >>= 1 {
		last := len(t.stack) - 1
		h = checkpoint.NodeHash(t.stack[last], h)
		t.stack = t.stack[:last]
	}
	t.stack = append(t.stack, h)
	t.size++
}

func (t *compactTree) root() checkpoint.Hash {
	if t.size == 0 {
		return checkpoint.EmptyRoot()
	}
	h := t.stack[len(t.stack)-1]
	for i := len(t.stack) - 2; i >= 0; i-- {
		h = checkpoint.NodeHash(t.stack[i], h)
	}
	return h
}
