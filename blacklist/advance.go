package blacklist

import (
	"slices"
	"sort"
)

// mileage is a valid epoch.
type mileage struct {
	number, size, from uint64 // from is the log size that its deltas begin at
	semantics          int
}

// at returns the lists as they are at a log size. It costs the parts that
// change between the size of the last call, or the last epoch, and this one,
// and 36 bytes to copy for each label of theirs.
func (s *Set) at(size uint64) Lists {
	if s.through > size {
		return s.lists.upTo(func(version uint64) uint32 { return s.orders[version].bound(size) })
	}
	n := sort.Search(len(s.waiting), func(i int) bool { return s.waiting[i].index >= size })
	if n == 0 {
		return s.lists
	}
	from, lists := 0, s.lists
	if s.ahead.n > 0 && s.ahead.n <= n {
		from, lists = s.ahead.n, s.ahead.lists
	}
	fresh := make(map[shelf][]place)
	for _, w := range s.waiting[from:n] {
		fresh[w.shelf] = append(fresh[w.shelf], w.place)
	}
	s.ahead = ahead{n, lists.with(fresh)}
	return s.ahead.lists
}

// settle takes what was published below a log size out of the map and into the
// lists.
func (s *Set) settle(size uint64) {
	n := sort.Search(len(s.waiting), func(i int) bool { return s.waiting[i].index >= size })
	if n == 0 {
		return
	}
	s.lists, s.through = s.at(size), s.waiting[n-1].index+1
	for _, w := range s.waiting[:n] {
		if delete(s.late[w.shelf], w.place.label); len(s.late[w.shelf]) == 0 {
			delete(s.late, w.shelf)
		}
	}
	s.waiting, s.ahead = slices.Clone(s.waiting[n:]), ahead{}
}

// Present returns the lists with everything that was published.
func (s *Set) Present() Lists { return s.at(^uint64(0)) }

// Committed returns the lists that the newest epoch commits to, and its number
// and size; false before the first.
func (s *Set) Committed() (l Lists, number, size uint64, ok bool) {
	if len(s.epochs) == 0 {
		return Lists{}, 0, 0, false
	}
	e := s.epochs[len(s.epochs)-1]
	s.settle(e.size)
	return s.lists, e.number, e.size, true
}

// Tree returns the tree of a part of the present lists. False if the part is
// none of theirs.
func (s *Set) Tree(p Part, keyVersion uint64) (*Tree, bool) { return s.Present().Tree(p, keyVersion) }

// From returns the log size at which the deltas of the next epoch of semantics
// 2 begin: the last epoch's, or 0 if there is none of semantics 2 just before,
// so that it names every part.
func (s *Set) From() uint64 {
	if n := len(s.epochs); n > 0 && s.epochs[n-1].semantics == 2 {
		return s.epochs[n-1].size
	}
	return 0
}

// Last returns from and size of the newest epoch: between them lie its deltas.
func (s *Set) Last() (from, size uint64, ok bool) {
	if len(s.epochs) == 0 {
		return 0, 0, false
	}
	e := s.epochs[len(s.epochs)-1]
	return e.from, e.size, true
}

// Events returns the indices of the entries from one log size on, below another,
// that published labels, ascending.
func (s *Set) Events(from, to uint64) []uint64 {
	var out []uint64
	for _, o := range s.orders {
		i := sort.Search(len(o.marks), func(i int) bool { return o.marks[i].index >= from })
		for ; i < len(o.marks) && o.marks[i].index < to; i++ {
			out = append(out, o.marks[i].index)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Commit tells the set of a valid epoch. It costs what the epoch names; the
// lists follow when somebody asks, or when much waits.
func (s *Set) Commit(number, size uint64, e Epoch) {
	s.register(number, size, e)
	s.epochs = append(s.epochs, mileage{number, size, s.From(), e.Semantics})
	n := sort.Search(len(s.waiting), func(i int) bool { return s.waiting[i].index >= size })
	if s.ahead.n == n || uint64(n) > max(minSettle, s.lists.Count()/8) {
		s.settle(size)
	}
}

// Draft is an epoch to be computed: what takes the time (trees, polynomials,
// hashes) is done by its methods, outside the lock under which it was taken.
type Draft struct {
	number, from, size uint64
	lists              Lists
	low, high          map[uint64]uint32 // by key version: labels published below from and size
	before             map[shelf]uint64  // labels below from
	asked              []uint64          // key versions
}

// DraftAt returns the draft of the epoch with that number at a log size, its
// deltas counted from another.
func (s *Set) DraftAt(number, from, size uint64) Draft {
	d := Draft{
		number: number, from: from, size: size, lists: s.at(size),
		low: make(map[uint64]uint32), high: make(map[uint64]uint32), before: make(map[shelf]uint64),
	}
	for v, o := range s.orders {
		d.low[v], d.high[v] = o.bound(from), o.bound(size)
	}
	d.asked = s.askedAt(size, d.high)
	for k, g := range s.growth {
		if i := sort.Search(len(g), func(i int) bool { return g[i].index >= from }); i > 0 {
			d.before[k] = g[i-1].count
		}
	}
	return d
}

// EpochAt returns the epoch of semantics 2 with that number at a log size, its
// deltas counted from another. It costs the parts that changed in between.
func (s *Set) EpochAt(number, from, size uint64) Epoch { return s.DraftAt(number, from, size).Epoch() }

// changed reports whether a part has to stand in the epoch: it has new labels,
// or its kind was split anew.
func (d Draft) changed(c *content) bool {
	before, ok := d.before[shelf{c.part.Kind, c.version}]
	return c.newest > d.low[c.version] || !ok || PrefixBits(c.part.Kind, before) != len(c.part.Prefix)
}

// Changed is how many parts the epoch names; it computes nothing.
func (d Draft) Changed() (n int) {
	for _, s := range d.lists.shelves {
		for _, c := range s.parts {
			if d.changed(c) {
				n++
			}
		}
	}
	return n
}

// Epoch computes the epoch of semantics 2.
func (d Draft) Epoch() Epoch {
	e := Epoch{Semantics: 2, Parts: []PartEpoch{}}
	all := d.lists.all()
	commitAll(all)
	for _, c := range all {
		if d.changed(c) {
			e.Parts = append(e.Parts, d.part(c))
		}
	}
	e.State, e.Asked = d.State().Hash(), d.asked
	return e
}

// State computes the state document of the epoch of semantics 2.
func (d Draft) State() State {
	s := State{Number: d.number, Size: d.size, Parts: []PartEpoch{}}
	for _, c := range d.lists.all() {
		m := c.commit()
		s.Parts = append(s.Parts, PartEpoch{c.part, c.version, uint64(len(c.labels)), []Commitment{
			{CommitFull, m.full}, {CommitLookup, m.lookup}, {CommitPolynomial, m.polynomial}, {CommitRoot, m.root},
		}})
	}
	return s
}

// part computes what an epoch of semantics 2 says of one part.
func (d Draft) part(c *content) PartEpoch {
	m := c.commit()
	delta := Delta{c.part, c.version, d.from, d.size, c.between(d.low[c.version], d.high[c.version])}
	of := m
	if len(delta.Labels) < len(c.labels) {
		of = &sums{
			lookup: NewLookupList(c.part, c.version, delta.Labels).Hash(),
		}
		t := newTree(delta.Labels, nil)
		of.root, of.polynomial = t.Root(), polynomialOf(t).Hash()
	}
	return PartEpoch{c.part, c.version, uint64(len(c.labels)), []Commitment{
		{CommitDeltaFull, delta.Hash()},
		{CommitDeltaLookup, of.lookup},
		{CommitDeltaPolynomial, of.polynomial},
		{CommitDeltaRoot, of.root},
		{CommitFull, m.full},
		{CommitLookup, m.lookup},
		{CommitPolynomial, m.polynomial},
		{CommitRoot, m.root},
	}}
}

// First computes the epoch of semantics 1: every part of its two kinds, with
// full list and root.
func (d Draft) First() Epoch {
	e := Epoch{Semantics: 1, Parts: []PartEpoch{}}
	for _, c := range d.lists.all() {
		if ofFirst(c.part.Kind) {
			full := FullList{c.part, c.version, c.labels}
			e.Parts = append(e.Parts, PartEpoch{c.part, c.version, uint64(len(c.labels)), []Commitment{{CommitFull, full.Hash()}, {CommitRoot, c.tree().Root()}}})
		}
	}
	return e
}
