package policy

// A tripwire is one reason to halt. Each has a file of its own; a new one is a
// section of the document, its rows in the table of fields, and an entry in
// Tripwires' list.
type tripwire interface {
	// name is that of its section in the document.
	name() string
	// mode and lists are its switches in the document.
	mode(d *Document) Mode
	lists(d *Document) bool
	// judge says whether it is true at x.t, with evidence, value and bound.
	judge(x *view) (Cause, bool)
	// due is the earliest as_of at which it is true if nothing more is folded.
	due(x *view) int64
}

// windowed is a tripwire that waits for something within a bound.
type windowed interface {
	// keeps says whether next asks for all that old asked for, as soon or sooner:
	// then what was due under old stays due (E8).
	keeps(old, next *Document) bool
}

// judge is a tripwire's judgement, by its place, under the rules in force, and
// under earlier ones whose due times stand.
func (x *view) judge(place int) (Cause, bool) {
	w := order[place]
	c, ok := w.judge(x)
	if e := x.rules.stands(place, x.t); !ok && e != nil {
		return w.judge(&view{t: x.t, run: x.run, rules: e, state: x.state})
	}
	return c, ok
}

// due is when it is true at the earliest, under both as well.
func (x *view) due(place int) int64 {
	w := order[place]
	t := w.due(x)
	if e := x.rules.stands(place, x.t); e != nil {
		t = min(t, w.due(&view{t: x.t, run: x.run, rules: e, state: x.state, limit: x.limit}))
	}
	return t
}

// view is what a tripwire sees of the state: one run, its rules, one moment.
type view struct {
	t     int64
	run   *run
	rules *rules
	state *State
	limit int64 // due need not look beyond it
}

// order is the canonical order of causes (E6).
var order = [...]tripwire{
	liveVote{}, deadVote{}, lease{}, monitors{}, artefact{}, life{}, witness{}, engine{}, expiry{}, semantics{},
}

// Tripwires are the names of all tripwires in the canonical order of causes.
func Tripwires() []string {
	names := make([]string, len(order))
	for i, w := range order {
		names[i] = w.name()
	}
	return names
}

// silence is a tripwire's judgement on something that has to come again and
// again: it is true when the last one, or the start of the window if that is
// later, is longer ago than the bound.
func (x *view) silence(last mark, start, bound int64) (Cause, bool) {
	from := max(last.at, start)
	if x.t <= from+bound {
		return Cause{}, false
	}
	return Cause{Evidence: last.seen(), Value: x.t - from, Bound: bound}, true
}

// silent is when silence becomes true.
func silent(last mark, start, bound int64) int64 { return max(last.at, start) + bound + 1 }
