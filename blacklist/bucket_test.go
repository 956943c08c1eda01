package blacklist

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestBuckets: the buckets of every length hold each scalar once, say of every
// label whether it is listed, have one size, and prove nothing else.
func TestBuckets(t *testing.T) {
	t.Attr("invariant", "B2")
	const n = 5 * MinBucketLabels
	all := labels(0, n+40)
	tree := NewTree(all[:n]...)
	root, count := tree.Root(), tree.Count()
	if got := BucketBits(count); got != 2 {
		t.Fatalf("%d labels may be asked for by %d bits", count, got)
	}
	for bits := range 3 {
		var seen int
		for prefix := range uint32(1) << bits {
			b, ok := tree.Bucket(bits, prefix)
			if !ok {
				t.Fatal("no bucket")
			}
			raw := b.Marshal(count)
			if len(raw) != BucketSize(count, bits) {
				t.Errorf("%d bytes, want %d", len(raw), BucketSize(count, bits))
			}
			got, err := ParseBucket(raw, count)
			if err != nil {
				t.Fatal(err)
			}
			if err := got.Verify(root, count); err != nil {
				t.Fatal(err)
			}
			seen += len(got.Leaves) - 2
			for i, l := range all {
				in, err := got.Contains(l)
				if (err == nil) != (BucketOf(l, bits) == prefix) || in != (err == nil && i < n) {
					t.Fatalf("label %d in bucket %d of %d bits: %v %v", i, prefix, bits, in, err)
				}
			}
			refuse(t, root, count, got)
		}
		if seen != n {
			t.Errorf("%d bits: %d scalars in the buckets", bits, seen)
		}
	}
	if _, ok := tree.Bucket(3, 0); ok {
		t.Error("a bucket of too few labels")
	}
	if _, ok := tree.Bucket(2, 4); ok {
		t.Error("a bucket beyond the last")
	}
}

// refuse changes every field of a good bucket.
func refuse(t *testing.T, root Hash, count uint64, good Bucket) {
	t.Helper()
	last := len(good.Leaves) - 1
	for name, change := range map[string]func(*Bucket){
		"index":              func(b *Bucket) { b.Index++ },
		"index that wraps":   func(b *Bucket) { b.Index = ^uint64(0) },
		"prefix beyond":      func(b *Bucket) { b.Prefix = 1 << b.Bits },
		"bits":               func(b *Bucket) { b.Bits += 3 },
		"a scalar left out":  func(b *Bucket) { b.Leaves = slices.Delete(b.Leaves, 1, 2) },
		"a scalar more":      func(b *Bucket) { b.Leaves = slices.Insert(b.Leaves, 1, b.Leaves[0]) },
		"no neighbour below": func(b *Bucket) { b.Leaves, b.Index = b.Leaves[1:], b.Index+1 },
		"no neighbour above": func(b *Bucket) { b.Leaves = b.Leaves[:last] },
		"another scalar":     func(b *Bucket) { b.Leaves[1][31] ^= 1 },
		"nothing":            func(b *Bucket) { b.Leaves = nil },
		"longer path":        func(b *Bucket) { b.Path = append(b.Path, Hash{}) },
		"another hash": func(b *Bucket) {
			if len(b.Path) == 0 {
				b.Index++
				return
			}
			b.Path[0][0] ^= 1
		},
		"shorter path": func(b *Bucket) {
			if len(b.Path) == 0 {
				b.Index++
				return
			}
			b.Path = b.Path[1:]
		},
	} {
		bad := good
		bad.Leaves, bad.Path = slices.Clone(good.Leaves), slices.Clone(good.Path)
		change(&bad)
		if err := bad.Verify(root, count); !errors.Is(err, ErrProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if good.Verify(root, ^uint64(0)) == nil || good.Verify(Hash{}, count) == nil {
		t.Error("another count or root")
	}
	if good.Bits > 0 {
		other := good
		other.Prefix ^= 1
		if other.Verify(root, count) == nil {
			t.Error("one bucket serves as another")
		}
	}
}

// TestBucketTail: what exceeds 252 bits falls to the last bucket.
func TestBucketTail(t *testing.T) {
	u := scalar{0x10}
	if got := u.bucket(4); got != 15 {
		t.Errorf("bucket %d", got)
	}
	if got := highest.bucket(0); got != 0 {
		t.Errorf("bucket %d of one", got)
	}
}

// TestRangeProof holds the proof of a range against the tree built whole.
func TestRangeProof(t *testing.T) {
	t.Attr("invariant", "B2")
	pool := labels(0, 70)
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, len(pool)).Draw(t, "labels")
		tree := NewTree(pool[:n]...)
		i := rapid.Uint64Range(0, uint64(n)+1).Draw(t, "from")
		j := rapid.Uint64Range(i, uint64(n)+1).Draw(t, "to")
		var leaves, whole []Hash
		for k := range tree.leaves() {
			whole = append(whole, tree.at(k).leaf())
		}
		leaves = slices.Clone(whole[i : j+1])
		path := tree.rangePath(i, j)
		if got, ok := climbRange(leaves, i, tree.leaves(), path); !ok || got != rootOf(levels(whole)) {
			t.Fatal("range does not lead to the root")
		}
		if i == j && !slices.Equal(path, tree.path(i)) {
			t.Fatal("range of one leaf has another path")
		}
	})
}

func FuzzBucket(f *testing.F) {
	small, big := NewTree(labels(0, 3)...), NewTree(labels(0, 2*MinBucketLabels)...)
	for _, tree := range []*Tree{small, big} {
		b, _ := tree.Bucket(BucketBits(tree.Count()), 0)
		f.Add(b.Marshal(tree.Count()), tree.Count())
	}
	f.Add([]byte{}, uint64(0))
	f.Fuzz(func(t *testing.T, raw []byte, count uint64) {
		b, err := ParseBucket(raw, count)
		if err != nil {
			return
		}
		if !bytes.Equal(b.Marshal(count), raw) {
			t.Fatal("bucket is malleable")
		}
		if b.Verify(small.Root(), small.Count()) == nil {
			in, err := b.Contains(label(1))
			if err == nil && !in {
				t.Fatal("absence of a listed label")
			}
		}
	})
}
