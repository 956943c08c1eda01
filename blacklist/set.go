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

	Labels   []Published // by number
	Excluded []Exclusion // by number
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
// It is not safe for concurrent use; Clone is cheap against the log.
type Set struct {
	listings map[string]*Listing // by run
	records  map[key][]*Listing
	contests map[key][]Contest
	allowed  map[key]AllowList
	struck   map[key]Strike
	lapsed   map[uint64]bool // contests, by index, that the officers let pass
	shelves  map[shelf]*splits
}

// NewSet returns the empty set.
func NewSet() *Set {
	return &Set{
		listings: make(map[string]*Listing),
		records:  make(map[key][]*Listing),
		contests: make(map[key][]Contest),
		allowed:  make(map[key]AllowList),
		struck:   make(map[key]Strike),
		lapsed:   make(map[uint64]bool),
		shelves:  make(map[shelf]*splits),
	}
}

// Clone returns an independent copy.
func (s *Set) Clone() *Set {
	c := &Set{
		listings: maps.Clone(s.listings),
		records:  make(map[key][]*Listing, len(s.records)),
		contests: make(map[key][]Contest, len(s.contests)),
		allowed:  maps.Clone(s.allowed),
		struck:   maps.Clone(s.struck),
		lapsed:   maps.Clone(s.lapsed),
		shelves:  make(map[shelf]*splits, len(s.shelves)),
	}
	for k, list := range s.records {
		c.records[k] = slices.Clone(list)
	}
	for k, list := range s.contests {
		c.contests[k] = slices.Clone(list)
	}
	for k, v := range s.shelves {
		c.shelves[k] = v.clone()
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
	s.listings[l.Run] = &l
	seen := make(map[key]bool)
	for _, p := range l.Labels {
		k := key{p.Kind, p.Label}
		// Tied tensors give one label twice: one record of this listing.
		if seen[k] {
			continue
		}
		seen[k] = true
		s.records[k] = append(s.records[k], &l)
		s.shelve(p.Kind, l.KeyVersion, p.Label)
	}
	return nil
}

// Allow adds labels to the allow-list.
func (s *Set) Allow(a AllowList) {
	for _, l := range a.Labels {
		k := key{a.Kind, l}
		if _, ok := s.allowed[k]; !ok {
			s.allowed[k] = a
		}
	}
}

// Allowed reports whether a label is never to be listed.
func (s *Set) Allowed(kind fingerprint.Kind, l Label) bool {
	_, ok := s.allowed[key{kind, l}]
	return ok
}

// Strike marks a listed label. The first reason stands.
func (s *Set) Strike(st Strike) error {
	k := key{st.Kind, st.Label}
	if len(s.records[k]) == 0 {
		return fmt.Errorf("strike %v: %w", st.Label, ErrNotListed)
	}
	if _, ok := s.struck[k]; !ok {
		s.struck[k] = st
	}
	return nil
}

// Contest turns the listings of the label, by other runs that escrowed it
// later, into leads until the officers decide. It stands for later listings
// too, so that nobody wears a guard down by listing the same weights again; one
// that speaks against no listing yet is kept and changes nothing.
func (s *Set) Contest(c Contest) error {
	k := key{c.Kind, c.Label}
	if len(s.records[k]) == 0 {
		return fmt.Errorf("contest %v: %w", c.Label, ErrNotListed)
	}
	s.contests[k] = append(s.contests[k], c)
	return nil
}

// CheckContest returns [ErrNotListed] or [ErrNotEarlier] for a contest that
// changes nothing at present: what a guard is told before it sends one.
func (s *Set) CheckContest(c Contest) error {
	list := s.records[key{c.Kind, c.Label}]
	if len(list) == 0 {
		return fmt.Errorf("contest %v: %w", c.Label, ErrNotListed)
	}
	if !slices.ContainsFunc(list, c.doubts) {
		return fmt.Errorf("contest %v: %w", c.Label, ErrNotEarlier)
	}
	return nil
}

// doubts reports whether the contest speaks against a listing of its label.
func (c Contest) doubts(l *Listing) bool { return l.Run != c.Run && c.Artefact < l.Artefact }

// Lapse ends the contest logged at that index without a strike: officers who
// say nothing within their time leave the label listed.
func (s *Set) Lapse(contest uint64) { s.lapsed[contest] = true }

// Listed returns the listing of a run.
func (s *Set) Listed(run string) (Listing, bool) {
	l, ok := s.listings[run]
	if !ok {
		return Listing{}, false
	}
	return *l, true
}

// Status is what a listed label is worth.
type Status string

// The statuses, strongest last: the first that applies is reported.
const (
	Struck    Status = "struck"    // the officers say it was wrongly listed
	Allow     Status = "allowed"   // on the allow-list: says nothing about a model
	Contested Status = "contested" // another run escrowed it earlier
	Active    Status = "active"
)

// Record is what the set says about one label for one halt.
type Record struct {
	Run        string
	Halt       uint64 // index of the halt
	Listing    uint64 // index of the listing
	KeyVersion uint64
	Status     Status
	Reason     string // of the strike or the allow-list
	Contests   []uint64
}

// Lookup returns what is listed under a label, by index of the listing; nil
// for a label that is not listed.
func (s *Set) Lookup(kind fingerprint.Kind, l Label) []Record {
	k := key{kind, l}
	var out []Record
	for _, r := range s.records[k] {
		e := Record{Run: r.Run, Halt: r.Halt, Listing: r.Index, KeyVersion: r.KeyVersion, Status: Active}
		for _, c := range s.contests[k] {
			if c.doubts(r) && !s.lapsed[c.Index] {
				e.Status = Contested
				e.Contests = append(e.Contests, c.Index)
			}
		}
		if a, ok := s.allowed[k]; ok {
			e.Status, e.Reason = Allow, a.Reason
		}
		if st, ok := s.struck[k]; ok {
			e.Status, e.Reason = Struck, st.Reason
		}
		out = append(out, e)
	}
	return out
}

// Refuses reports whether a run that declares this manifest label must be
// refused at registration (E5): some halt lists it, and it is not struck,
// contested or allowed.
func (s *Set) Refuses(manifest Label) bool {
	return slices.ContainsFunc(s.Lookup(fingerprint.Manifest, manifest), func(r Record) bool { return r.Status == Active })
}
