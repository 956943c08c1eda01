package policy

import (
	"slices"
	"sort"
)

// rules is the policy that a chain's runs follow, with the as_of at which the
// present value of each field came into force in this engine's chain (E8).
// It is immutable.
type rules struct {
	doc     *Document
	since   [fieldCount]int64
	classes []classRule // sorted by name
}

type classRule struct {
	name     string
	interval int64
	since    int64
}

// follow gives the rules after doc took force at t. old is nil for the first.
func follow(old *rules, doc *Document, t int64) *rules {
	r := &rules{doc: doc}
	// Nothing of a document with unknown semantics can be compared: whatever
	// replaces it starts anew.
	comparable := old != nil && old.doc.Supported() == nil && doc.Supported() == nil
	for id := range r.since {
		r.since[id] = t
		f := &fieldTable[id]
		switch {
		case !comparable:
		case fieldID(id) == fMonitorKeys:
			if slices.Equal(old.doc.Monitors.Keys, doc.Monitors.Keys) {
				r.since[id] = old.since[id]
			}
		case f.get != nil && f.get(old.doc) == f.get(doc):
			r.since[id] = old.since[id]
		}
	}
	for _, c := range doc.Classes {
		k := classRule{name: c.Name, interval: c.CheckinIntervalMS, since: t}
		if comparable {
			if was, ok := old.class(c.Name); ok && was.interval == k.interval {
				k.since = was.since
			}
		}
		r.classes = append(r.classes, k)
	}
	return r
}

func (r *rules) class(name string) (classRule, bool) {
	i, ok := sort.Find(len(r.classes), func(i int) int { return compareNames(name, r.classes[i].name) })
	if !ok {
		return classRule{}, false
	}
	return r.classes[i], true
}

func compareNames(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// start is where a run's windows begin at the earliest: the latest of its
// arming and of the as_of at which each of the fields took its value (E8).
func (r *rules) start(x *run, fields ...fieldID) int64 {
	t := x.armed
	for _, id := range fields {
		t = max(t, r.since[id])
	}
	return t
}

// leaseBound is lease + grace, beyond which no run outlives silence (E3).
func (r *rules) leaseBound() int64 { return r.doc.Lease.DurationMS + r.doc.Lease.GraceMS }
