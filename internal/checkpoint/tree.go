package checkpoint

import (
	"crypto/sha256"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a SHA-256 hash of the tree.
type Hash = [32]byte

// LeafHash is the hash of a leaf: SHA-256(0x00 ‖ data), RFC 6962 section 2.1.
func LeafHash(data []byte) Hash { return Hash(tlog.RecordHash(data)) }

// NodeHash is the hash of an inner node: SHA-256(0x01 ‖ left ‖ right),
// RFC 6962 section 2.1.
func NodeHash(left, right Hash) Hash { return Hash(tlog.NodeHash(tlog.Hash(left), tlog.Hash(right))) }

// EmptyRoot is the root of a tree without leaves: the SHA-256 of nothing.
func EmptyRoot() Hash { return sha256.Sum256(nil) }

// VerifyInclusion reports, by [ErrProof], whether leafHash stands at index in
// the tree of that size and root (RFC 6962 section 2.1.1). The proof runs from
// the leaf's sibling to the root's child.
func VerifyInclusion(index, size uint64, leafHash Hash, proof []Hash, root Hash) error {
	if size > MaxSize || index >= size {
		return fmt.Errorf("inclusion of %d in %d: index out of range: %w", index, size, ErrProof)
	}
	if len(proof) > MaxProofHashes {
		return fmt.Errorf("inclusion of %d in %d: %d hashes: %w", index, size, len(proof), ErrProof)
	}
	p := make(tlog.RecordProof, len(proof))
	for i, h := range proof {
		p[i] = tlog.Hash(h)
	}
	if tlog.CheckRecord(p, int64(size), tlog.Hash(root), int64(index), tlog.Hash(leafHash)) != nil {
		return fmt.Errorf("inclusion of %d in %d: %w", index, size, ErrProof)
	}
	return nil
}

// VerifyConsistency reports, by [ErrProof], whether the tree of size new
// extends the tree of size old (RFC 6962 section 2.1.2). Two special cases
// take no hashes: an empty old tree has [EmptyRoot] and is a prefix of
// everything, and equal sizes must have equal roots.
func VerifyConsistency(old, new uint64, oldRoot, newRoot Hash, proof []Hash) error {
	if new > MaxSize || old > new {
		return fmt.Errorf("consistency of %d with %d: sizes out of range: %w", old, new, ErrProof)
	}
	if len(proof) > MaxProofHashes {
		return fmt.Errorf("consistency of %d with %d: %d hashes: %w", old, new, len(proof), ErrProof)
	}
	for _, t := range []struct {
		size uint64
		root Hash
	}{{old, oldRoot}, {new, newRoot}} {
		if t.size == 0 && t.root != EmptyRoot() {
			return fmt.Errorf("consistency of %d with %d: size 0 with another root than the empty one: %w", old, new, ErrProof)
		}
	}
	if old == 0 || old == new {
		if len(proof) != 0 {
			return fmt.Errorf("consistency of %d with %d: proof is not empty: %w", old, new, ErrProof)
		}
		if old == new && oldRoot != newRoot {
			return fmt.Errorf("consistency of %d with %d: two roots: %w", old, new, ErrProof)
		}
		return nil
	}
	p := make(tlog.TreeProof, len(proof))
	for i, h := range proof {
		p[i] = tlog.Hash(h)
	}
	if tlog.CheckTree(p, int64(new), tlog.Hash(newRoot), int64(old), tlog.Hash(oldRoot)) != nil {
		return fmt.Errorf("consistency of %d with %d: %w", old, new, ErrProof)
	}
	return nil
}
