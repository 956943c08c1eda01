package blacklist

import (
	"slices"
	"sort"
)

// spot is a label's place in a key version's order of first publication. The
// order only grows, so a place names its label for ever.
type spot struct {
	version uint64
	seq     uint32
}

// order is what the log published first under one key version, entry by entry.
type order struct {
	marks []mark
	count uint32
}

// mark is a run of labels that came in together: of one listing, or of one
// rotation of neighbours in the order of an older version.
type mark struct {
	first uint32
	index uint64   // of the entry in the log
	list  *Listing // nil for a rotation
	from  spot     // for a rotation: what the first label was rotated from
}

// at returns the mark that a sequence number lies in.
func (o *order) at(seq uint32) mark {
	return o.marks[sort.Search(len(o.marks), func(i int) bool { return o.marks[i].first > seq })-1]
}

// bound returns how many labels were published by entries below a log size.
func (o *order) bound(size uint64) uint32 {
	i := sort.Search(len(o.marks), func(i int) bool { return o.marks[i].index >= size })
	if i == len(o.marks) {
		return o.count
	}
	return o.marks[i].first
}

// take appends one label of a listing.
func (o *order) take(l *Listing) uint32 {
	if n := len(o.marks); n == 0 || o.marks[n-1].list != l {
		o.marks = append(o.marks, mark{first: o.count, index: l.Index, list: l})
	}
	o.count++
	return o.count - 1
}

// rotate appends one label that was rotated from another.
func (o *order) rotate(index uint64, from spot) uint32 {
	n := len(o.marks) - 1
	follows := n >= 0 && o.marks[n].list == nil && o.marks[n].index == index && o.marks[n].from.version == from.version &&
		from.seq-o.marks[n].from.seq == o.count-o.marks[n].first
	if !follows {
		o.marks = append(o.marks, mark{first: o.count, index: index, from: from})
	}
	o.count++
	return o.count - 1
}

func (o *order) clone() *order { return &order{slices.Clone(o.marks), o.count} }

// root returns the oldest label that stands for the same fingerprint: rotations
// are followed back, so that what was said about a label under one key version
// is found under every other.
func (s *Set) root(p spot) spot {
	for {
		if m := s.orders[p.version].at(p.seq); m.list == nil {
			p = spot{m.from.version, m.from.seq + p.seq - m.first}
		} else if q, ok := s.merged[p]; ok {
			p = q
		} else {
			return p
		}
	}
}

// join makes two labels one fingerprint: what was said about either holds for both.
func (s *Set) join(a, b spot) {
	a, b = s.root(a), s.root(b)
	if a == b {
		return
	}
	s.merged[b] = a
	// The first listing of b stands in its mark, which nothing leads to now.
	s.again[a] = append(append(s.again[a], s.orders[b.version].at(b.seq).list), s.again[b]...)
	s.contests[a] = append(s.contests[a], s.contests[b]...)
	if x, ok := s.struck[b]; ok {
		if _, had := s.struck[a]; !had {
			s.struck[a] = x
		}
	}
	if x, ok := s.excused[b]; ok {
		if _, had := s.excused[a]; !had {
			s.excused[a] = x
		}
	}
	delete(s.again, b)
	delete(s.contests, b)
	delete(s.struck, b)
	delete(s.excused, b)
}
