package log

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
)

func numbered(i uint64) Hash {
	return Hash(checkpoint.LeafHash(binary.BigEndian.AppendUint64(nil, i)))
}

// rootByDefinition is RFC 6962 section 2.1.
func rootByDefinition(leaves []Hash) Hash {
	switch len(leaves) {
	case 0:
		return Hash(checkpoint.EmptyRoot())
	case 1:
		return leaves[0]
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	l, r := rootByDefinition(leaves[:k]), rootByDefinition(leaves[k:])
	return Hash(checkpoint.NodeHash(checkpoint.Hash(l), checkpoint.Hash(r)))
}

// Roots stay right over any number of leaves and rebases, and what lies
// further back than maxAnchorLag is not held.
func TestMerkleTreeSlides(t *testing.T) {
	var tree merkleTree
	naive := func(n uint64) Hash {
		leaves := make([]Hash, n)
		for i := range leaves {
			leaves[i] = numbered(uint64(i))
		}
		return rootByDefinition(leaves)
	}
	if got, ok := tree.root(0); !ok || got != Hash(checkpoint.EmptyRoot()) {
		t.Error("root of nothing")
	}
	for i := range uint64(300) {
		tree.add(numbered(i))
		if i%7 == 3 {
			tree.rebase(i - i%5)
		}
		for _, n := range []uint64{tree.start, tree.size()} {
			if got, ok := tree.root(n); !ok || got != naive(n) {
				t.Fatalf("root at %d of %d", n, tree.size())
			}
		}
	}
	for i := uint64(300); i < 2*maxAnchorLag+400; i++ {
		tree.add(numbered(i))
	}
	if uint64(len(tree.leaves)) >= 2*maxAnchorLag || tree.start == 0 {
		t.Errorf("%d leaf hashes held from %d", len(tree.leaves), tree.start)
	}
	if _, ok := tree.root(tree.size() - maxAnchorLag); !ok {
		t.Error("a size that an anchor may name is not held")
	}
	if _, ok := tree.root(tree.start - 1); ok {
		t.Error("a size before the range is held")
	}
	if got, _ := tree.root(tree.size()); got != naive(tree.size()) {
		t.Error("root after sliding")
	}
}

func TestVoidIdentitiesAreForgottenInOrder(t *testing.T) {
	s := newIdentities()
	for i := range uint64(maxVoidIdentities + 10) {
		s.add(numbered(i), i)
		s.add(numbered(i), 0) // the first index stands
	}
	if len(s.set) != maxVoidIdentities {
		t.Errorf("%d identities", len(s.set))
	}
	for i := range uint64(maxVoidIdentities + 10) {
		at, ok := s.has(numbered(i))
		if ok != (i >= 10) || ok && at != i {
			t.Fatalf("identity %d: %v at %d", i, ok, at)
		}
	}
}

// Anchors of the last day can be named; older ones are stale, unknown ones are
// not there.
func TestAnchorsAreRemembered(t *testing.T) {
	t.Attr("invariant", "S4")
	var a anchors
	at := func(i uint64) time.Time { return time.Unix(int64(i)*60, 0) }
	const n = 2000 // minutes: more than a day
	for i := range uint64(n) {
		a.add(AnchorInfo{Index: 3 * i, Root: numbered(i), Min: at(i), Max: at(i)})
	}
	day := uint64(anchorMemory / time.Minute)
	if uint64(len(a.kept)) != day+1 {
		t.Errorf("%d anchors kept", len(a.kept))
	}
	for i := range uint64(n) {
		_, older, ok := a.find(AnchorRef{Index: 3 * i, Root: numbered(i)})
		if known := i >= n-1-day; ok != known || older == known {
			t.Fatalf("anchor %d: %v, older %v", i, ok, older)
		}
	}
	for _, ref := range []AnchorRef{{Index: 3*n - 2, Root: numbered(n - 1)}, {Index: 3*n - 3, Root: numbered(7)}, {Index: 3 * n, Root: numbered(n)}} {
		if _, older, ok := a.find(ref); ok || older {
			t.Errorf("%+v: %v, older %v", ref.Index, ok, older)
		}
	}
}
