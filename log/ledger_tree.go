package log

import (
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
)

// A merkleTree is the Merkle tree of everything applied: a compact range up to some
// size, and every leaf hash since, so that the root at any size between is at
// hand when an anchor claims one. Memory is bounded by maxAnchorLag, however
// long the log is and however seldom it is anchored.
type merkleTree struct {
	base   []Hash // compact range of [0, start)
	start  uint64
	leaves []Hash // of [start, start+len)
}

var treeRange = compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}

func (t *merkleTree) size() uint64 { return t.start + uint64(len(t.leaves)) }

// add appends a leaf hash.
func (t *merkleTree) add(h Hash) {
	t.leaves = append(t.leaves, h)
	// Moved in large steps, so that the cost for each leaf stays constant.
	if len(t.leaves) >= 2*maxAnchorLag {
		t.rebase(t.size() - maxAnchorLag)
	}
}

// at is the compact range of [0, size), for start <= size <= t.size().
func (t *merkleTree) at(size uint64) *compact.Range {
	hashes := make([][]byte, len(t.base))
	for i := range t.base {
		hashes[i] = t.base[i][:]
	}
	r, err := treeRange.NewRange(0, t.start, hashes)
	if err != nil {
		// The hashes come from a range of exactly this size.
		panic("log: compact range of another size: " + err.Error())
	}
	for i := range t.leaves[:size-t.start] {
		if err := r.Append(t.leaves[i][:], nil); err != nil {
			panic("log: append to compact range: " + err.Error())
		}
	}
	return r
}

// root is the root at a size; false if the size is not held any more or not
// reached yet.
func (t *merkleTree) root(size uint64) (Hash, bool) {
	if size < t.start || size > t.size() {
		return Hash{}, false
	}
	b, err := t.at(size).GetRootHash(nil)
	if err != nil {
		panic("log: root of compact range: " + err.Error())
	}
	if size == 0 {
		return Hash(rfc6962.DefaultHasher.EmptyRoot()), true
	}
	return Hash(b), true
}

// rebase forgets what is only needed for roots at smaller sizes.
func (t *merkleTree) rebase(size uint64) {
	if size <= t.start || size > t.size() {
		return
	}
	r := t.at(size)
	base := make([]Hash, len(r.Hashes()))
	for i, h := range r.Hashes() {
		base[i] = Hash(h)
	}
	// Copied, so that the old array is released.
	t.leaves = append([]Hash(nil), t.leaves[size-t.start:]...)
	t.base, t.start = base, size
}
