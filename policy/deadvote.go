package policy

import "slices"

// deadVote is true when missed check-ins, summed over the group, reach the
// threshold within the window. A member's check-in is due one interval after
// the last one that was folded, or after the start (E8); when as_of passes the
// due time, one check-in is missed and the next is due an interval later.
type deadVote struct{}

// tripped is the dead vote as it was at the due time that reached the threshold.
type tripped struct {
	evidence     []uint64
	value, bound int64
}

func (deadVote) name() string           { return "dead_vote" }
func (deadVote) mode(d *Document) Mode  { return d.DeadVote.Mode }
func (deadVote) lists(d *Document) bool { return d.DeadVote.Lists }

// judge takes what tripped at a due time; otherwise it sums what stands in the
// window that ends now, which a lower threshold may have made enough.
func (deadVote) judge(x *view) (Cause, bool) {
	d := x.run.dead
	if d == nil {
		c, ok := x.rules.class(x.run.class)
		if !ok {
			return Cause{}, false
		}
		threshold := x.rules.doc.DeadVote.Threshold
		stand := standing(x.run.misses, x.t-x.rules.doc.DeadVote.window(c.interval))
		if int64(len(stand)) < threshold {
			return Cause{}, false
		}
		d = trip(stand, threshold)
	}
	return Cause{Evidence: d.evidence, Value: d.value, Bound: d.bound}, true
}

func (deadVote) due(x *view) int64 {
	c, ok := x.rules.class(x.run.class)
	if !ok || x.run.next >= x.limit-1 {
		return never
	}
	// Ahead of time, on a copy: as if nobody ever checked in again.
	y := *x.run
	y.members = slices.Clone(y.members)
	if at := y.overdue(c.interval, x.rules.doc.DeadVote, x.limit); at != never {
		return at + 1
	}
	return never
}

// standing are the misses later than a time.
func standing(misses []miss, after int64) []miss {
	i := 0
	for i < len(misses) && misses[i].at <= after {
		i++
	}
	return misses[i:]
}

// trip cites, for every miss, the last check-in of the member that missed it.
func trip(misses []miss, threshold int64) *tripped {
	d := &tripped{evidence: make([]uint64, 0, len(misses)), value: int64(len(misses)), bound: threshold}
	for _, m := range misses {
		d.evidence = append(d.evidence, m.evidence)
	}
	slices.Sort(d.evidence)
	d.evidence = slices.Compact(d.evidence)
	d.evidence = d.evidence[:min(len(d.evidence), MaxEvidence)]
	return d
}

// overdue counts every check-in that fell due before t as missed, in the order
// of time, and stops where the threshold is reached: it returns that due time,
// or never. The run has to be a copy with members of its own.
func (x *run) overdue(interval int64, v DeadVote, t int64) int64 {
	window := v.window(interval)
	misses := slices.Clone(x.misses)
	defer func() { x.misses = misses }()
	for {
		at := x.earliest()
		if at >= t {
			misses = slices.Clone(standing(misses, t-window))
			return never
		}
		misses = standing(misses, at-window)
		for i := range x.members {
			m := &x.members[i]
			if m.due != at {
				continue
			}
			e := x.index
			if m.last.set {
				e = m.last.index
			}
			misses = append(misses, miss{at: at, member: m.name, evidence: e})
			m.due += interval
		}
		if int64(len(misses)) < v.Threshold {
			continue
		}
		x.dead = trip(misses, v.Threshold)
		// Only a run under mode observe lives on: it starts anew after the trip,
		// so that a long observation holds no more than one threshold of misses.
		misses = nil
		if t != never {
			for i := range x.members {
				if m := &x.members[i]; m.due < t {
					m.due += (t - m.due + interval - 1) / interval * interval
				}
			}
			x.earliest()
		}
		return at
	}
}

// earliest is the first due time of all members, kept in next.
func (x *run) earliest() int64 {
	x.next = never
	for i := range x.members {
		x.next = min(x.next, x.members[i].due)
	}
	return x.next
}

// restart makes every member's check-in due one interval after t.
func (x *run) restart(t, interval int64) {
	for i := range x.members {
		x.members[i].due = t + interval
	}
	x.earliest()
}

// hasten makes a check-in due one interval after t, or when it was due before
// if that is sooner: a shorter interval moves no due time to a later one.
func (x *run) hasten(t, interval int64) {
	for i := range x.members {
		x.members[i].due = min(x.members[i].due, t+interval)
	}
	x.earliest()
}

// regroup replaces the members. Who stays keeps his due time, who joins has one
// full interval; misses that were counted stay.
func (x *run) regroup(names []string, t, interval int64) {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	members := make([]member, len(names))
	for i, name := range names {
		members[i] = member{name: name, due: t + interval}
		if j := x.member(name); j >= 0 {
			members[i] = x.members[j]
		}
	}
	x.members = members
	x.earliest()
}

// member is a member's place, -1 for nobody.
func (x *run) member(name string) int {
	i, ok := slices.BinarySearchFunc(x.members, name, func(m member, s string) int { return compareNames(m.name, s) })
	if !ok {
		return -1
	}
	return i
}
