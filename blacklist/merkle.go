package blacklist

import "crypto/sha256"

// Hash is a SHA-256 value.
type Hash = [32]byte

// tagged is SHA-256 over a tag, a zero byte and the parts.
func tagged(tag string, parts ...[]byte) Hash {
	// Nodes, leaves and labels fit the buffer: no allocation per node.
	var buf [160]byte
	b := append(append(buf[:0], tag...), 0)
	for _, p := range parts {
		b = append(b, p...)
	}
	return sha256.Sum256(b)
}

// levels builds the Merkle tree in the shape of RFC 9162, section 2.1.1: pairs
// from the left, an odd last node moving up unchanged. levels[0] are the
// leaves; the last level is the root alone. No leaves, no levels.
func levels(leaves []Hash) [][]Hash {
	if len(leaves) == 0 {
		return nil
	}
	all := [][]Hash{leaves}
	for len(leaves) > 1 {
		leaves = up(leaves)
		all = append(all, leaves)
	}
	return all
}

// up returns the next level of a tree.
func up(level []Hash) []Hash {
	out := make([]Hash, 0, (len(level)+1)/2)
	for i := 0; i+1 < len(level); i += 2 {
		out = append(out, tagged(tagNode, level[i][:], level[i+1][:]))
	}
	if len(level)%2 == 1 {
		out = append(out, level[len(level)-1])
	}
	return out
}

// rootOf returns the root of the tree, SHA-256 of nothing for an empty one.
func rootOf(all [][]Hash) Hash {
	if len(all) == 0 {
		return sha256.Sum256(nil)
	}
	return all[len(all)-1][0]
}

// pathOf returns the siblings of leaf i, from the leaf up.
func pathOf(all [][]Hash, i uint64) []Hash {
	path := []Hash{}
	for _, level := range all {
		if s := i ^ 1; s < uint64(len(level)) {
			path = append(path, level[s])
		}
		i /= 2
	}
	return path
}

// climb returns the root that leaf i of n and its path lead to; false unless
// the path has exactly the length that i and n demand.
func climb(leaf Hash, i, n uint64, path []Hash) (Hash, bool) {
	if i >= n {
		return Hash{}, false
	}
	for n > 1 {
		if s := i ^ 1; s < n {
			if len(path) == 0 {
				return Hash{}, false
			}
			if i%2 == 0 {
				leaf = tagged(tagNode, leaf[:], path[0][:])
			} else {
				leaf = tagged(tagNode, path[0][:], leaf[:])
			}
			path = path[1:]
		}
		i, n = i/2, n/2+n%2
	}
	return leaf, len(path) == 0
}
