package policy

import (
	"slices"
	"time"
)

// A MemberStatus is what a member's beeper shows about one run.
type MemberStatus struct {
	Run, Member string
	Known       bool // the run is armed and the member in its group; otherwise the rest is zero

	Interval  time.Duration // for how long one check-in counts
	NextDue   time.Time     // the next check-in has to be folded by then; already past if none was
	Checkin   uint64        // index of the last check-in that counted
	CheckinAt time.Time     // as_of of the decision that counted it
	Counted   bool          // there is such a check-in
	Waiting   bool          // a check-in is folded and waits for its decision

	Mine      int           // misses of this member that stand in the window
	Group     int           // misses of the whole group that stand in the window
	Threshold int           // at which the run halts
	Window    time.Duration // in which misses are summed
	Warn      bool          // one more miss of anybody reaches the threshold
	HaltAt    time.Time     // when the threshold is reached if nobody checks in again; zero: the dead vote is off
}

// Status is how a member stands at a time, counting what has fallen due since
// the last decision. It changes nothing.
func Status(s State, runID, name string, now time.Time) MemberStatus {
	st := MemberStatus{Run: runID, Member: name}
	i, ok := findRun(s.runs, runID)
	if !ok {
		return st
	}
	x := *s.runs[i]
	r := s.rulesOf(&x)
	place := x.member(name)
	if r == nil || place < 0 {
		return st
	}
	c, ok := r.class(x.class)
	if !ok {
		return st
	}
	v := r.doc.DeadVote
	m := x.members[place]
	st.Known, st.NextDue = true, at(m.due)
	st.Interval = time.Duration(c.interval) * time.Millisecond
	st.Counted, st.Checkin = m.last.set, m.last.index
	if m.last.set {
		st.CheckinAt = at(m.last.at)
	}
	for w := s.waiting; w != nil; w = w.rest {
		if e, ok := w.event.(Checkin); ok && e.Run == runID && e.Member == name {
			st.Waiting = true
		}
	}
	st.Threshold = int(v.Threshold)
	st.Window = time.Duration(v.window(c.interval)) * time.Millisecond
	if v.Mode == Off {
		return st
	}
	st.HaltAt = at(deadVote{}.due(&view{run: &x, rules: r, state: &s, limit: never}))
	x.members = slices.Clone(x.members)
	t := max(now.UnixMilli(), s.asOf)
	count := func(misses []miss) {
		st.Group, st.Mine = len(misses), 0
		for _, k := range misses {
			if k.member == name {
				st.Mine++
			}
		}
	}
	if trip := x.overdue(c.interval, v, t); trip == never {
		count(x.misses)
	} else {
		// The next decision halts; show the misses that will do it.
		x = *s.runs[i]
		x.members = slices.Clone(x.members)
		high := v
		high.Threshold, high.WindowMS = int64(len(x.members))*v.Threshold+v.Threshold, v.window(c.interval)
		x.overdue(c.interval, high, trip+1)
		count(x.misses)
	}
	st.Warn = st.Group+1 >= st.Threshold
	return st
}
