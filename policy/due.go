package policy

import "time"

// NextDue is the earliest as_of of a next decision that halts a run if nothing
// more is folded before it, for an engine's timer; ok is false while no run is
// armed. It does not see the events of the open range, see Trips.
func NextDue(s State) (asOf time.Time, ok bool) {
	t := never
	for _, x := range s.runs {
		r := s.rulesOf(x)
		if r == nil || r.doc.Supported() != nil {
			continue
		}
		t = min(t, s.asOf+r.leaseBound()+1) // E3
		v := &view{t: s.asOf, run: x, rules: r, state: &s}
		for place, w := range order {
			if w.mode(r.doc) == Enforce {
				v.limit = t
				t = min(t, v.due(place))
			}
		}
	}
	return at(t), t != never
}
