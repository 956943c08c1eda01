package blacklist

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/haltlog/haltlog/internal/group"
	"pgregory.net/rapid"
)

// label returns the i-th test label, a real element.
func label(i int) Label {
	return Label(group.HashToGroup("haltlog/test/label", binary.BigEndian.AppendUint64(nil, uint64(i))).Bytes())
}

func labels(from, to int) []Label {
	var list []Label
	for i := from; i < to; i++ {
		list = append(list, label(i))
	}
	return list
}

// TestTreeProofs: at every size, each label that is in has a membership proof
// and no absence proof, each that is not the other way round, and no proof
// serves another label, root, count or index.
func TestTreeProofs(t *testing.T) {
	t.Attr("invariant", "B2")
	pool := labels(0, 40)
	for n := range 34 {
		tree := NewTree(pool[:n]...)
		root, count := tree.Root(), tree.Count()
		other := NewTree(pool[1 : n+2]...).Root()
		for i, l := range pool {
			m, in := tree.Prove(l)
			a, out := tree.ProveAbsence(l)
			if in != (i < n) || out == in {
				t.Fatalf("%d labels: label %d: in %v out %v", n, i, in, out)
			}
			foreign := pool[(i+1)%len(pool)]
			if in {
				if err := m.Verify(root, count, l); err != nil {
					t.Fatal(err)
				}
				if m.Verify(other, count, l) == nil || m.Verify(root, count, foreign) == nil {
					t.Fatal("membership proof serves another root or label")
				}
				if m.Verify(root, ^uint64(0), l) == nil {
					t.Fatal("membership proof serves a count that wraps")
				}
				wrong := m
				wrong.Index++
				if wrong.Verify(root, count, l) == nil {
					t.Fatal("membership proof serves another index")
				}
				wrong = m
				wrong.Path = append(slices.Clone(m.Path), Hash{})
				if wrong.Verify(root, count, l) == nil {
					t.Fatal("longer path accepted")
				}
				wrong.Path = m.Path[:len(m.Path)-1]
				if wrong.Verify(root, count, l) == nil {
					t.Fatal("shorter path accepted")
				}
				continue
			}
			if err := a.Verify(root, count, l); err != nil {
				t.Fatal(err)
			}
			if a.Verify(other, count, l) == nil {
				t.Fatal("absence proof serves another root")
			}
			for j, listed := range pool[:n] {
				if a.Verify(root, count, listed) == nil {
					t.Fatalf("absence proof serves listed label %d", j)
				}
			}
			for _, wrong := range []Absence{
				{a.Index + 1, a.Below, a.Above, a.BelowPath, a.AbovePath},
				{a.Index, lowest, a.Above, a.BelowPath, a.AbovePath},
				{a.Index, a.Below, highest, a.BelowPath, a.AbovePath},
				{^uint64(0), a.Below, a.Above, a.BelowPath, a.AbovePath},
			} {
				if cmp.Equal(wrong, a) {
					continue
				}
				if wrong.Verify(root, count, l) == nil {
					t.Fatalf("wrong absence proof accepted: %+v", wrong)
				}
			}
		}
	}
}

// TestAbsenceNeedsNeighbours: two leaves that are in the tree but not beside
// each other prove nothing about what lies between them.
func TestAbsenceNeedsNeighbours(t *testing.T) {
	t.Attr("invariant", "B2")
	tree := NewTree(labels(0, 9)...)
	for _, l := range tree.Labels() {
		m, _ := tree.Prove(l)
		i := m.Index
		a := Absence{
			Index: i - 1, Below: tree.at(i - 1), Above: tree.at(i + 1),
			BelowPath: tree.path(i - 1), AbovePath: tree.path(i + 1),
		}
		if a.Verify(tree.Root(), tree.Count(), l) == nil {
			t.Fatal("absence of a listed label proven")
		}
	}
}

// TestTreeModel holds the tree against a plain set: order and history of
// insertion do not matter.
func TestTreeModel(t *testing.T) {
	t.Attr("invariant", "B1")
	pool := labels(0, 64)
	rapid.Check(t, func(t *rapid.T) {
		steps := rapid.SliceOfN(rapid.SliceOfN(rapid.IntRange(0, 63), 0, 9), 0, 6).Draw(t, "steps")
		model := make(map[Label]bool)
		tree := NewTree()
		for _, step := range steps {
			var add []Label
			for _, i := range step {
				add = append(add, pool[i])
				model[pool[i]] = true
			}
			before := tree.Root()
			next := tree.With(add...)
			if tree.Root() != before {
				t.Fatal("With changed its receiver")
			}
			tree = next
		}
		var all []Label
		for l := range model {
			all = append(all, l)
		}
		fresh := NewTree(all...)
		if fresh.Root() != tree.Root() || tree.Count() != uint64(len(model)) || !slices.Equal(fresh.Labels(), tree.Labels()) {
			t.Fatal("tree depends on history")
		}
	})
}

// TestRootKnownAnswer freezes the tree's definition: a second implementation
// must reach the same bytes.
func TestRootKnownAnswer(t *testing.T) {
	for n, want := range map[int]string{
		0: rootVector0,
		1: rootVector1,
		5: rootVector5,
	} {
		if got := hexOf(NewTree(labels(0, n)...).Root()); got != want {
			t.Errorf("%d labels: root %s, want %s", n, got, want)
		}
	}
}

func FuzzProofs(f *testing.F) {
	tree := NewTree(labels(0, 5)...)
	m, _ := tree.Prove(label(3))
	a, _ := tree.ProveAbsence(label(9))
	f.Add(m.Marshal())
	f.Add(a.Marshal())
	f.Add([]byte{})
	f.Add([]byte{wireMembership, 0, 0, 0, 0, 0, 0, 0, 1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := ParseMembership(b); err == nil {
			if !slices.Equal(m.Marshal(), b) {
				t.Fatal("membership is malleable")
			}
			_ = m.Verify(tree.Root(), tree.Count(), label(3))
		}
		if a, err := ParseAbsence(b); err == nil {
			if !slices.Equal(a.Marshal(), b) {
				t.Fatal("absence is malleable")
			}
			if a.Verify(tree.Root(), tree.Count(), label(3)) == nil {
				t.Fatal("absence of a listed label")
			}
		}
	})
}

func BenchmarkTreeWith(b *testing.B) {
	const n = 4096
	tree, more := NewTree(labels(0, n)...), labels(n, n+64)
	b.ReportAllocs()
	for b.Loop() {
		_ = tree.With(more...).Root()
	}
	b.ReportMetric(n, "labels")
}
