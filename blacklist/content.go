package blacklist

import (
	"cmp"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/haltlog/haltlog/blacklist/polynomial"
)

// content is what a part holds, and what follows from it. The labels never
// change: a part that grows is a new content, which takes over what its
// predecessor has computed. So a content may be read by many at once, outside
// any lock, and a clone of a set shares it.
//
// Per label it keeps 32 bytes of label and 4 of sequence number; with the tree
// 36 more; with the sums 8 of lookup value and 32 to 64 of polynomial.
type content struct {
	part    Part
	version uint64
	labels  []Label  // ascending
	seqs    []uint32 // of each label: its place in the key version's order
	newest  uint32   // 1 + the largest of seqs; 0 without labels

	mu   sync.Mutex
	made made // what was asked for already
	// base is what a predecessor had computed, until it is not needed any more;
	// the labels that it lacks, ascending, stand beside it.
	base                 made
	treeLacks, sumsLacks []Label
}

// made is what was computed of a part; nil what was not.
type made struct {
	tree *Tree
	sums *sums
}

// sums are what an epoch commits to.
type sums struct {
	shorts []uint64 // lookup values, ascending
	poly   *polynomial.Polynomial

	full, lookup, polynomial, root Hash
}

func newContent(p Part, version uint64, fresh []place) *content {
	slices.SortFunc(fresh, func(a, b place) int { return compareLabels(a.label, b.label) })
	c := &content{part: p, version: version, labels: make([]Label, len(fresh)), seqs: make([]uint32, len(fresh))}
	for i, f := range fresh {
		c.labels[i], c.seqs[i] = f.label, f.seq
		c.newest = max(c.newest, f.seq+1)
	}
	return c
}

// place is a label with its sequence number.
type place struct {
	label Label
	seq   uint32
}

// with returns the content with more labels, none of which it holds.
func (c *content) with(fresh []place) *content {
	slices.SortFunc(fresh, func(a, b place) int { return compareLabels(a.label, b.label) })
	n := &content{
		part: c.part, version: c.version, newest: c.newest,
		labels: make([]Label, 0, len(c.labels)+len(fresh)), seqs: make([]uint32, 0, len(c.labels)+len(fresh)),
	}
	from := 0
	added := make([]Label, 0, len(fresh))
	for _, f := range fresh {
		to, _ := slices.BinarySearchFunc(c.labels[from:], f.label, compareLabels)
		to += from
		n.labels = append(append(n.labels, c.labels[from:to]...), f.label)
		n.seqs = append(append(n.seqs, c.seqs[from:to]...), f.seq)
		n.newest = max(n.newest, f.seq+1)
		added = append(added, f.label)
		from = to
	}
	n.labels, n.seqs = append(n.labels, c.labels[from:]...), append(n.seqs, c.seqs[from:]...)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.made.tree != nil:
		n.base.tree, n.treeLacks = c.made.tree, added
	case c.base.tree != nil:
		n.base.tree, n.treeLacks = c.base.tree, merge(c.treeLacks, added, compareLabels)
	}
	switch {
	case c.made.sums != nil:
		n.base.sums, n.sumsLacks = c.made.sums, added
	case c.base.sums != nil:
		n.base.sums, n.sumsLacks = c.base.sums, merge(c.sumsLacks, added, compareLabels)
	}
	return n
}

// tree returns the part's tree.
func (c *content) tree() *Tree {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.treeLocked()
}

func (c *content) treeLocked() *Tree {
	if c.made.tree == nil {
		var known []scalar
		if old := c.base.tree; old != nil {
			known = merge(old.scalars, scalarsOf(c.treeLacks), scalar.compare)
		}
		c.made.tree = newTree(c.labels, known)
		c.base.tree, c.treeLacks = nil, nil
	}
	return c.made.tree
}

// commit returns what an epoch commits to.
func (c *content) commit() *sums {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.made.sums != nil {
		return c.made.sums
	}
	s := &sums{}
	if old := c.base.sums; old != nil && len(c.sumsLacks) <= maxAdded {
		s.shorts = merge(old.shorts, shorts(c.sumsLacks), cmp.Compare)
		s.poly = old.poly.Clone()
		for _, u := range littleEndian(scalarsOf(c.sumsLacks)) {
			s.poly.Add(u)
		}
	} else {
		s.shorts = shorts(c.labels)
		s.poly = polynomial.New(c.treeLocked().Scalars())
	}
	s.full = FullList{c.part, c.version, c.labels}.Hash()
	s.lookup = LookupList{c.part, c.version, slices.Compact(slices.Clone(s.shorts))}.Hash()
	s.polynomial = s.poly.Hash()
	s.root = c.treeLocked().Root()
	c.made.sums, c.base.sums, c.sumsLacks = s, nil, nil
	return s
}

// commitAll computes what is not known yet of some parts, on half of the
// processors: after a start it takes minutes for a large list, and halts are
// decided beside it.
func commitAll(parts []*content) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(len(parts), (runtime.GOMAXPROCS(0)+1)/2) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(parts)); i = next.Add(1) - 1 {
				parts[i].commit()
			}
		})
	}
	wg.Wait()
}

// between returns the labels with from ≤ sequence number < to, ascending.
func (c *content) between(from, to uint32) []Label {
	out := []Label{}
	for i, q := range c.seqs {
		if from <= q && q < to {
			out = append(out, c.labels[i])
		}
	}
	return out
}

// find returns the sequence number of a label.
func (c *content) find(l Label) (uint32, bool) {
	i, ok := slices.BinarySearchFunc(c.labels, l, compareLabels)
	if !ok {
		return 0, false
	}
	return c.seqs[i], true
}
