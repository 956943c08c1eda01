package blacklist

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"sort"
)

// scalarBits is the length of scalars: ℓ is a little above 2^252, so that the
// top four of 256 bits are zero but for one scalar in 2^127.
const scalarBits = 252

// wireBucket is the first byte of a bucket's encoding.
const wireBucket = 3

// Bucket is every scalar of a part's tree that begins with a prefix, with its
// neighbour on each side and one proof for all: whoever fetches a whole bucket
// looks his own labels up in it and does not say which they are.
type Bucket struct {
	Bits   int        // of the prefix, 0 to MaxBucketBits
	Prefix uint32     // bits 251, 250, … of the scalars; what exceeds 252 bits falls to the last
	Index  uint64     // of the first leaf
	Leaves [][32]byte // scalars big-endian, ascending: neighbour, those of the bucket, neighbour
	Path   []Hash     // siblings of the range, from the leaves up, the left one first
}

// BucketOf returns the prefix of the bucket that a label lies in.
func BucketOf(l Label, n int) uint32 { return scalarOf(l).bucket(n) }

func (u scalar) bucket(n int) uint32 {
	v := binary.BigEndian.Uint64(u[:8]) >> (64 - (256 - scalarBits) - n)
	return uint32(min(v, 1<<n-1))
}

// BucketBits returns the longest prefix that buckets of a part with that many
// labels may have.
func BucketBits(count uint64) int {
	return min(MaxBucketBits, max(0, bits.Len64(count/MinBucketLabels)-1))
}

// Bucket returns a bucket of the tree; false if the prefix is longer than
// [BucketBits] or none of that length.
func (t *Tree) Bucket(n int, prefix uint32) (Bucket, bool) {
	if n < 0 || n > BucketBits(t.Count()) || uint64(prefix) >= 1<<n {
		return Bucket{}, false
	}
	// Leaf number from is the last below the bucket, the sentinel if there is none.
	from := uint64(sort.Search(len(t.scalars), func(i int) bool { return t.scalars[i].bucket(n) >= prefix }))
	b := Bucket{Bits: n, Prefix: prefix, Index: from, Leaves: [][32]byte{t.at(from)}}
	to := from + 1
	for ; to <= t.Count() && t.at(to).bucket(n) == prefix; to++ {
		b.Leaves = append(b.Leaves, t.at(to))
	}
	b.Leaves = append(b.Leaves, t.at(to))
	b.Path = t.rangePath(from, to)
	return b, true
}

// rangePath returns the siblings of leaves i to j, from the leaves up, the left
// one first.
func (t *Tree) rangePath(i, j uint64) []Hash {
	path := []Hash{}
	width := t.leaves()
	for level := 0; width > 1; level++ {
		if i%2 == 1 {
			path = append(path, t.node(level, i-1))
		}
		if j%2 == 0 && j+1 < width {
			path = append(path, t.node(level, j+1))
		}
		i, j, width = i/2, j/2, width/2+width%2
	}
	return path
}

// Verify checks the bucket against root and count of a witnessed epoch: the
// leaves are the tree's, next to one another, and none of the bucket is missing.
func (b Bucket) Verify(root Hash, count uint64) error {
	bad := func(what string) error {
		return fmt.Errorf("%w: bucket %d of %d bits: %s", ErrProof, b.Prefix, b.Bits, what)
	}
	n := uint64(len(b.Leaves))
	// Neither count + 2 nor index + n may wrap.
	if count > MaxPartLabels || n < 2 || n > count+2 || b.Index > count+2-n {
		return bad("range")
	}
	if b.Bits < 0 || b.Bits > BucketBits(count) || uint64(b.Prefix) >= 1<<b.Bits {
		return bad("prefix")
	}
	last := b.Index + n - 1
	hashes := make([]Hash, n)
	for i, l := range b.Leaves {
		u, at := scalar(l), b.Index+uint64(i)
		switch {
		case i > 0 && bytes.Compare(b.Leaves[i-1][:], l[:]) >= 0:
			return bad("order")
		case at == 0, at == count+1: // the sentinels have no bucket
		case i == 0 && u.bucket(b.Bits) >= b.Prefix, at == last && u.bucket(b.Bits) <= b.Prefix:
			return bad("a neighbour is of the bucket or beyond it")
		case i > 0 && at < last && u.bucket(b.Bits) != b.Prefix:
			return bad("a scalar of another bucket")
		}
		hashes[i] = u.leaf()
	}
	if got, ok := climbRange(hashes, b.Index, count+2, b.Path); !ok || got != root {
		return bad("root")
	}
	return nil
}

// Contains reports whether the label is in the bucket; an error if it lies in
// another one. It says something of the part only after Verify.
func (b Bucket) Contains(l Label) (bool, error) {
	u := scalarOf(l)
	if u.bucket(b.Bits) != b.Prefix || len(b.Leaves) < 2 {
		return false, fmt.Errorf("%w: label of bucket %d, not %d", ErrProof, u.bucket(b.Bits), b.Prefix)
	}
	for _, v := range b.Leaves[1 : len(b.Leaves)-1] {
		if v == u {
			return true, nil
		}
	}
	return false, nil
}

// climbRange returns the root that neighbouring leaves from number i on, of n,
// lead to; false unless the path has exactly the length that they demand.
func climbRange(leaves []Hash, i, n uint64, path []Hash) (Hash, bool) {
	for n > 1 {
		j := i + uint64(len(leaves)) - 1
		left, right := i%2 == 1, j%2 == 0 && j+1 < n
		if left {
			if len(path) == 0 {
				return Hash{}, false
			}
			leaves, path = append([]Hash{path[0]}, leaves...), path[1:]
		}
		if right {
			if len(path) == 0 {
				return Hash{}, false
			}
			leaves, path = append(leaves[:len(leaves):len(leaves)], path[0]), path[1:]
		}
		leaves = up(leaves)
		i, n = i/2, n/2+n%2
	}
	return leaves[0], len(path) == 0
}

// BucketSize returns the length in bytes of every encoded bucket of a part with
// that many labels: room for eight standard deviations more than the mean, so
// that the length says nothing about the prefix. A bucket that is larger still
// (one in 10^14) takes twice the size, or four times.
func BucketSize(count uint64, n int) int {
	mean := count>>n + 1
	room := int(mean) + 8*int(math.Ceil(math.Sqrt(float64(mean)))) + 16
	return 1 + 1 + 4 + 8 + 4 + 32*(room+2) + 1 + 64*bits.Len64(count+1)
}

// padded returns the length that holds an encoding of n bytes.
func (b Bucket) padded(count uint64, n int) int {
	size := BucketSize(count, b.Bits)
	for size < n {
		size *= 2
	}
	return size
}

// Marshal returns the one encoding for a part with that many labels: a type
// byte, the bits in a byte, the prefix in four bytes, the first leaf's index in
// eight, the number of leaves in four, all big-endian, the leaves, the number of
// hashes in a byte, the hashes, and zeros up to [BucketSize].
func (b Bucket) Marshal(count uint64) []byte {
	out := binary.BigEndian.AppendUint32([]byte{wireBucket, byte(b.Bits)}, b.Prefix)
	out = binary.BigEndian.AppendUint64(out, b.Index)
	out = binary.BigEndian.AppendUint32(out, uint32(len(b.Leaves)))
	for _, l := range b.Leaves {
		out = append(out, l[:]...)
	}
	out = append(out, byte(len(b.Path)))
	for _, h := range b.Path {
		out = append(out, h[:]...)
	}
	return append(out, make([]byte, b.padded(count, len(out))-len(out))...)
}

// ParseBucket is the inverse of Marshal.
func ParseBucket(raw []byte, count uint64) (Bucket, error) {
	if count > MaxPartLabels {
		return Bucket{}, ErrProofFormat
	}
	c := cursor{b: raw}
	c.expect(wireBucket)
	b := Bucket{Bits: int(c.take(1)[0]), Prefix: c.uint32(), Index: c.uint64()}
	if n := uint64(c.uint32()); !c.bad && n <= count+2 && 32*n <= uint64(len(c.b)) {
		for range n {
			b.Leaves = append(b.Leaves, c.hash())
		}
	} else {
		c.bad = true
	}
	if n := int(c.take(1)[0]); n <= 2*MaxPath {
		for range n {
			b.Path = append(b.Path, c.hash())
		}
	} else {
		c.bad = true
	}
	if c.bad || b.Bits > MaxBucketBits || len(raw) != b.padded(count, len(raw)-len(c.b)) || len(bytes.Trim(c.b, "\x00")) > 0 {
		return Bucket{}, ErrProofFormat
	}
	return b, nil
}
