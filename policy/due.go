package policy

import "time"

// NextDue is the earliest as_of at which an enforced tripwire can be true if
// nothing more is folded, for an engine's timer; ok is false if there is none.
// With events waiting it looks past the open range: decide first.
func NextDue(s State) (asOf time.Time, ok bool) {
	t := never
	for _, x := range s.runs {
		r := s.rulesOf(x)
		if r == nil || r.doc.Supported() != nil {
			continue
		}
		v := &view{t: s.asOf, run: x, rules: r, state: &s}
		for _, w := range order {
			if w.mode(r.doc) == Enforce {
				t = min(t, w.due(v))
			}
		}
	}
	return at(t), t != never
}
