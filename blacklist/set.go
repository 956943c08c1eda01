package blacklist

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

// Errors of what changes nothing.
var (
	ErrListed     = errors.New("run is listed already")
	ErrNotListed  = errors.New("label is not listed")
	ErrNotEarlier = errors.New("label was not escrowed earlier by another run")
)

// Listing is a run's labels published after its halt.
type Listing struct {
	Index      uint64 // of this entry in the log
	Run        string
	Halt       uint64 // index of the halt
	KeyVersion uint64

	// The artefact as it was escrowed: the index of its entry, root and count.
	Artefact uint64
	Root     Hash
	Count    uint64

	Labels   []Published // by number; the set does not keep them here
	Excluded []Exclusion // by number; nor these
}

// AllowList names labels that are never listed.
type AllowList struct {
	Index  uint64
	Kind   fingerprint.Kind
	Labels []Label
	Reason string
}

// Strike marks a label as wrongly listed, for every halt that lists it.
type Strike struct {
	Index  uint64
	Kind   fingerprint.Kind
	Label  Label
	Reason string
}

// Contest says that a run escrowed a label before the run that it is listed
// for did. The caller has verified the Merkle path ([VerifyPath]).
type Contest struct {
	Index    uint64
	Run      string
	Artefact uint64 // index of the contesting run's artefact
	Kind     fingerprint.Kind
	Label    Label
}

// key is a label with its kind: equal labels of two kinds are two entries.
type key struct {
	kind  fingerprint.Kind
	label Label
}

// Set is the state of the blacklist: a fold of the log's events in log order.
// It is not safe for concurrent use, but for what only reads ([Set.Lookup] and
// what is made of it); [Lists] are. What it keeps for each label is stated at
// content; beyond that, it keeps what was published since the last epoch in a
// map, and a few words for each listing and epoch.
type Set struct {
	listings map[string]*Listing // by run
	allowed  map[key]*AllowList
	lapsed   map[uint64]bool // contests, by index, that the officers let pass

	orders  map[uint64]*order // by key version
	merged  map[spot]spot     // published directly under two versions before they were known to be one
	rotated map[versions]uint32
	steps   []step // of rotations, in log order
	// What is known of a label, by its root.
	again    map[spot][]*Listing // listings after the first
	contests map[spot][]Contest
	struck   map[spot]Strike
	excused  map[spot]*AllowList

	lists   Lists                      // what was published below through
	through uint64                     // a log size
	waiting []waiting                  // published since, in order
	late    map[shelf]map[Label]uint32 // the same, to be found
	growth  map[shelf][]growth
	ahead   ahead

	epochs  []mileage
	stated  State // what the epochs so far say
	objects map[uint64]objectRef
	passing []uint64 // objects that the next epoch forgets
}

// versions is a step of a rotation.
type versions struct{ from, to uint64 }

// step is how many labels of one key version an entry had mapped to another.
type step struct {
	versions
	index uint64
	total uint32
}

// waiting is a label that is not in the lists yet.
type waiting struct {
	shelf shelf
	place place
	index uint64
}

// growth is how many labels a shelf held after an entry.
type growth struct {
	index, count uint64
}

// ahead are the lists with the first n of what waits.
type ahead struct {
	n     int
	lists Lists
}

// NewSet returns the empty set.
func NewSet() *Set {
	return &Set{
		listings: make(map[string]*Listing),
		allowed:  make(map[key]*AllowList),
		lapsed:   make(map[uint64]bool),
		orders:   make(map[uint64]*order),
		merged:   make(map[spot]spot),
		rotated:  make(map[versions]uint32),
		again:    make(map[spot][]*Listing),
		contests: make(map[spot][]Contest),
		struck:   make(map[spot]Strike),
		excused:  make(map[spot]*AllowList),
		late:     make(map[shelf]map[Label]uint32),
		growth:   make(map[shelf][]growth),
		objects:  make(map[uint64]objectRef),
	}
}

// Clone returns an independent copy. The lists are shared: they never change.
func (s *Set) Clone() *Set {
	c := *s
	c.listings, c.allowed, c.lapsed = maps.Clone(s.listings), maps.Clone(s.allowed), maps.Clone(s.lapsed)
	c.merged, c.rotated = maps.Clone(s.merged), maps.Clone(s.rotated)
	c.struck, c.excused = maps.Clone(s.struck), maps.Clone(s.excused)
	c.objects = maps.Clone(s.objects)
	c.waiting, c.epochs, c.passing = slices.Clone(s.waiting), slices.Clone(s.epochs), slices.Clone(s.passing)
	c.steps = slices.Clone(s.steps)
	c.orders = make(map[uint64]*order, len(s.orders))
	for v, o := range s.orders {
		c.orders[v] = o.clone()
	}
	c.again, c.contests, c.growth = cloneLists(s.again), cloneLists(s.contests), cloneLists(s.growth)
	c.late = make(map[shelf]map[Label]uint32, len(s.late))
	for k, m := range s.late {
		c.late[k] = maps.Clone(m)
	}
	return &c
}

func cloneLists[K comparable, V any](m map[K][]V) map[K][]V {
	c := make(map[K][]V, len(m))
	for k, v := range m {
		c[k] = slices.Clone(v)
	}
	return c
}

// List adds a run's labels. A run is listed once (E6: one set of labels); the
// labels must be those of the root (B3). An empty listing, of a run that
// escrowed nothing, is valid with a count of 0.
func (s *Set) List(l Listing) error {
	if _, ok := s.listings[l.Run]; ok {
		return fmt.Errorf("%w: %s", ErrListed, l.Run)
	}
	if l.Count > 0 || len(l.Labels) > 0 || len(l.Excluded) > 0 {
		if err := VerifyListing(l.Root, l.Count, l.Labels, l.Excluded); err != nil {
			return err
		}
	}
	kept := l
	kept.Labels, kept.Excluded = nil, nil
	s.listings[l.Run] = &kept
	for _, p := range l.Labels {
		k := shelf{p.Kind, l.KeyVersion}
		if seq, ok := s.find(k, p.Label); ok {
			s.relist(spot{l.KeyVersion, seq}, &kept)
			continue
		}
		s.shelve(k, p.Label, s.order(l.KeyVersion).take(&kept), l.Index)
	}
	return nil
}

// relist adds a listing to those of a label that was published before.
func (s *Set) relist(p spot, l *Listing) {
	r := s.root(p)
	// A label may stand in one listing under several numbers.
	if s.orders[r.version].at(r.seq).list != l && !slices.Contains(s.again[r], l) {
		s.again[r] = append(s.again[r], l)
	}
}

func (s *Set) order(version uint64) *order {
	o := s.orders[version]
	if o == nil {
		o = &order{}
		s.orders[version] = o
	}
	return o
}

// shelve takes in a label that is new under its key version.
func (s *Set) shelve(k shelf, l Label, seq uint32, index uint64) {
	if s.late[k] == nil {
		s.late[k] = make(map[Label]uint32)
	}
	s.late[k][l] = seq
	s.waiting = append(s.waiting, waiting{k, place{l, seq}, index})
	g := s.growth[k]
	if n := len(g); n > 0 && g[n-1].index == index {
		g[n-1].count++
	} else if n > 0 {
		s.growth[k] = append(g, growth{index, g[n-1].count + 1})
	} else {
		s.growth[k] = append(g, growth{index, 1})
	}
	if a, ok := s.allowed[key{k.kind, l}]; ok {
		s.excuse(spot{k.version, seq}, a)
	}
}

// find returns the sequence number of a published label.
func (s *Set) find(k shelf, l Label) (uint32, bool) {
	if seq, ok := s.late[k][l]; ok {
		return seq, true
	}
	return s.lists.find(k, l)
}

// spots returns the roots of a label, one for each key version under which it
// was published and that no rotation joined: one, unless somebody published the
// same bytes under two keys.
func (s *Set) spots(kind fingerprint.Kind, l Label) []spot {
	var out []spot
	for version := range s.orders {
		if seq, ok := s.find(shelf{kind, version}, l); ok {
			if r := s.root(spot{version, seq}); !slices.Contains(out, r) {
				out = append(out, r)
			}
		}
	}
	return out
}

// Allow adds labels to the allow-list.
func (s *Set) Allow(a AllowList) {
	for _, l := range a.Labels {
		k := key{a.Kind, l}
		if _, ok := s.allowed[k]; ok {
			continue
		}
		s.allowed[k] = &a
		for _, r := range s.spots(a.Kind, l) {
			s.excuse(r, &a)
		}
	}
}

// excuse lets an allow-list speak for a published label. The first one stands.
func (s *Set) excuse(p spot, a *AllowList) {
	r := s.root(p)
	if _, ok := s.excused[r]; !ok {
		s.excused[r] = a
	}
}

// Allowed reports whether the allow-list names a label. One that is published
// answers as allowed also if it is named under another key version.
func (s *Set) Allowed(kind fingerprint.Kind, l Label) bool {
	_, ok := s.allowed[key{kind, l}]
	return ok
}

// Strike marks a listed label. The first reason stands.
func (s *Set) Strike(st Strike) error {
	roots := s.spots(st.Kind, st.Label)
	if len(roots) == 0 {
		return fmt.Errorf("strike %v: %w", st.Label, ErrNotListed)
	}
	for _, r := range roots {
		if _, ok := s.struck[r]; !ok {
			s.struck[r] = st
		}
	}
	return nil
}

// Contest turns the listings of the label, by other runs that escrowed it
// later, into leads until the officers decide. It stands for later listings
// too, so that nobody wears a guard down by listing the same weights again; one
// that speaks against no listing yet is kept and changes nothing.
func (s *Set) Contest(c Contest) error {
	roots := s.spots(c.Kind, c.Label)
	if len(roots) == 0 {
		return fmt.Errorf("contest %v: %w", c.Label, ErrNotListed)
	}
	for _, r := range roots {
		s.contests[r] = append(s.contests[r], c)
	}
	return nil
}

// CheckContest returns [ErrNotListed] or [ErrNotEarlier] for a contest that
// changes nothing at present: what a guard is told before it sends one.
func (s *Set) CheckContest(c Contest) error {
	roots := s.spots(c.Kind, c.Label)
	if len(roots) == 0 {
		return fmt.Errorf("contest %v: %w", c.Label, ErrNotListed)
	}
	for _, r := range roots {
		if slices.ContainsFunc(s.listingsOf(r), c.doubts) {
			return nil
		}
	}
	return fmt.Errorf("contest %v: %w", c.Label, ErrNotEarlier)
}

// doubts reports whether the contest speaks against a listing of its label.
func (c Contest) doubts(l *Listing) bool { return l.Run != c.Run && c.Artefact < l.Artefact }

// Lapse ends the contest logged at that index without a strike: officers who
// say nothing within their time leave the label listed.
func (s *Set) Lapse(contest uint64) { s.lapsed[contest] = true }

// Listed returns the listing of a run, without its labels.
func (s *Set) Listed(run string) (Listing, bool) {
	l, ok := s.listings[run]
	if !ok {
		return Listing{}, false
	}
	return *l, true
}
