package policy

// expiry is true when no valid policy stands over the run: it expired, it has
// no interval for the run's class, or there is none.
type expiry struct{}

func (expiry) name() string           { return "expiry" }
func (expiry) mode(*Document) Mode    { return Enforce }
func (expiry) lists(d *Document) bool { return d.Expiry.Lists }

// judge gives as_of and the policy's end in Unix milliseconds; 0 and 0 where
// the policy does not know the run's class.
func (expiry) judge(x *view) (Cause, bool) {
	if _, ok := x.rules.class(x.run.class); !ok {
		return Cause{Evidence: []uint64{x.run.index}}, true
	}
	end := x.rules.doc.Expires.UnixMilli()
	if x.t < end {
		return Cause{}, false
	}
	return Cause{Evidence: []uint64{}, Value: x.t, Bound: end}, true
}

func (expiry) due(x *view) int64 {
	if _, ok := x.rules.class(x.run.class); !ok {
		return x.t
	}
	return x.rules.doc.Expires.UnixMilli()
}

// semantics is true when the policy in force names rules that are unknown here
// (E7); no other tripwire can be judged then. It never lists: nobody here knows
// what that policy says of it, and a label cannot be taken back.
type semantics struct{}

func (semantics) name() string         { return "semantics" }
func (semantics) mode(*Document) Mode  { return Enforce }
func (semantics) lists(*Document) bool { return false }

func (semantics) judge(x *view) (Cause, bool) {
	if x.rules.doc.Supported() == nil {
		return Cause{}, false
	}
	return Cause{Evidence: []uint64{}, Value: int64(min(x.rules.doc.Semantics, MaxNumber)), Bound: Semantics}, true
}

func (semantics) due(x *view) int64 {
	if x.rules.doc.Supported() == nil {
		return never
	}
	return x.t
}
