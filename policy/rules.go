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

	// earlier are, for each tripwire in their order or for none, rules whose due times still
	// stand: a tightening moves none of them to a later time (E8). Of many only
	// the oldest are kept, so that memory is flat in the number of tightenings.
	earlier []*rules
	// expires is when each window of the present rules has been gone through: by
	// then whoever was not heard since has tripped, and for whoever was, the
	// present rules are the stricter ones.
	expires int64
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
	if comparable {
		r.stand(old, t)
	}
	return r
}

// longest is the longest window of all tripwires that wait for something.
func (d *Document) longest() int64 {
	return max(d.Lease.DurationMS+d.Lease.GraceMS, d.Artefact.PeriodMS, d.Life.MaxMS, d.Witness.MaxAgeMS, d.Monitors.DwellMS, d.Engine.DwellMS) + 1
}

// stand keeps what was due under old rules.
func (r *rules) stand(old *rules, t int64) {
	// A copy: rules hold no chain of their predecessors.
	bare := new(*old)
	bare.earlier = nil
	r.earlier = make([]*rules, len(order))
	r.expires = t + r.doc.longest()
	for i, w := range order {
		s, ok := w.(windowed)
		if !ok {
			continue
		}
		keeps := func(e *rules) bool {
			return w.mode(e.doc) == w.mode(r.doc) && s.keeps(e.doc, r.doc)
		}
		switch e := old.stands(i, t); {
		case e != nil && keeps(e):
			r.earlier[i] = e
		case keeps(bare):
			r.earlier[i] = bare
		}
	}
}

// stands are the earlier rules by which the tripwire at a place of their order
// has to be judged at t besides, nil for none.
func (r *rules) stands(place int, t int64) *rules {
	if r.earlier == nil || t > r.expires {
		return nil
	}
	return r.earlier[place]
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
