package checkpoint

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// A Tree is an RFC 6962 tree in memory that only grows. It keeps two hashes
// per leaf, and answers roots and proofs for every size that it has had. It is
// not safe for concurrent use.
type Tree struct {
	size   uint64
	hashes storedHashes
}

// storedHashes is the tree as x/mod's prover reads it.
type storedHashes []tlog.Hash

func (s storedHashes) ReadHashes(ix []int64) ([]tlog.Hash, error) {
	hs := make([]tlog.Hash, len(ix))
	for i, x := range ix {
		if x >= int64(len(s)) {
			return nil, fmt.Errorf("hash %d of %d", x, len(s))
		}
		hs[i] = s[x]
	}
	return hs, nil
}

// Size is the number of leaves.
func (t *Tree) Size() uint64 { return t.size }

// Append adds a leaf (its data, not its hash).
func (t *Tree) Append(leaf []byte) error { return t.AppendHash(LeafHash(leaf)) }

// AppendHash adds a leaf by its [LeafHash].
func (t *Tree) AppendHash(leafHash Hash) error {
	hs, err := tlog.StoredHashesForRecordHash(int64(t.size), tlog.Hash(leafHash), t.hashes)
	if err != nil {
		return fmt.Errorf("append leaf %d: %w", t.size, err)
	}
	t.hashes = append(t.hashes, hs...)
	t.size++
	return nil
}

// Root is the tree head at a size up to Size.
func (t *Tree) Root(size uint64) (Hash, error) {
	if size == 0 {
		return EmptyRoot(), nil
	}
	if size > t.size {
		return Hash{}, fmt.Errorf("root at %d: the tree has %d leaves", size, t.size)
	}
	h, err := tlog.TreeHash(int64(size), t.hashes)
	if err != nil {
		return Hash{}, fmt.Errorf("root at %d: %w", size, err)
	}
	return Hash(h), nil
}

// Inclusion is the proof that [VerifyInclusion] takes.
func (t *Tree) Inclusion(index, size uint64) ([]Hash, error) {
	if size > t.size || index >= size {
		return nil, fmt.Errorf("inclusion of %d in %d: the tree has %d leaves", index, size, t.size)
	}
	p, err := tlog.ProveRecord(int64(size), int64(index), t.hashes)
	if err != nil {
		return nil, fmt.Errorf("inclusion of %d in %d: %w", index, size, err)
	}
	return toHashes(p), nil
}

// Consistency is the proof that [VerifyConsistency] takes: empty for old 0 and
// for equal sizes.
func (t *Tree) Consistency(old, size uint64) ([]Hash, error) {
	if size > t.size || old > size {
		return nil, fmt.Errorf("consistency of %d with %d: the tree has %d leaves", old, size, t.size)
	}
	if old == 0 || old == size {
		return nil, nil
	}
	p, err := tlog.ProveTree(int64(size), int64(old), t.hashes)
	if err != nil {
		return nil, fmt.Errorf("consistency of %d with %d: %w", old, size, err)
	}
	return toHashes(p), nil
}

func toHashes(p []tlog.Hash) []Hash {
	hs := make([]Hash, len(p))
	for i, h := range p {
		hs[i] = Hash(h)
	}
	return hs
}
