package blacklist

import (
	"cmp"
	"slices"

	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

// Status is what a listed label is worth.
type Status string

// The statuses, strongest last: the first that applies is reported.
const (
	Struck    Status = "struck"    // the officers say it was wrongly listed
	Allow     Status = "allowed"   // on the allow-list: says nothing about a model
	Contested Status = "contested" // another run escrowed it earlier
	Active    Status = "active"
)

// rank orders statuses by what they count for.
func (s Status) rank() int {
	switch s {
	case Active:
		return 3
	case Contested:
		return 2
	case Allow:
		return 1
	}
	return 0
}

// Record is what the set says about one label for one halt.
type Record struct {
	Run        string
	Halt       uint64 // index of the halt
	Listing    uint64 // index of the listing
	KeyVersion uint64 // under which it was listed: not the label's own, if that was rotated
	Status     Status
	Reason     string // of the strike or the allow-list
	Contests   []uint64
}

// listingsOf returns the listings of a root, oldest first.
func (s *Set) listingsOf(r spot) []*Listing {
	list := append([]*Listing{s.orders[r.version].at(r.seq).list}, s.again[r]...)
	slices.SortFunc(list, func(a, b *Listing) int { return cmp.Compare(a.Index, b.Index) })
	return slices.Compact(list)
}

// Lookup returns what is listed under a label, by index of the listing; nil
// for a label that is not listed. A label that was rotated answers as the one
// that it was rotated from, and the other way round.
func (s *Set) Lookup(kind fingerprint.Kind, l Label) []Record {
	var out []Record
	for _, root := range s.spots(kind, l) {
		for _, r := range s.listingsOf(root) {
			e := Record{Run: r.Run, Halt: r.Halt, Listing: r.Index, KeyVersion: r.KeyVersion, Status: Active}
			for _, c := range s.contests[root] {
				if c.doubts(r) && !s.lapsed[c.Index] {
					e.Status = Contested
					e.Contests = append(e.Contests, c.Index)
				}
			}
			if a, ok := s.excused[root]; ok {
				e.Status, e.Reason = Allow, a.Reason
			}
			if st, ok := s.struck[root]; ok {
				e.Status, e.Reason = Struck, st.Reason
			}
			out = append(out, e)
		}
	}
	slices.SortStableFunc(out, func(a, b Record) int { return cmp.Compare(a.Listing, b.Listing) })
	return out
}

// Refuses reports whether a run that declares this manifest label must be
// refused at registration (E5): some halt lists it, and it is not struck,
// contested or allowed.
func (s *Set) Refuses(manifest Label) bool {
	return slices.ContainsFunc(s.Lookup(fingerprint.Manifest, manifest), func(r Record) bool { return r.Status == Active })
}
