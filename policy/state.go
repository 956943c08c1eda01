package policy

import (
	"slices"
	"sort"
	"time"
)

// never is a due time that does not come.
const never = int64(1<<63 - 1)

// A State is all that one engine's chain remembers. It is a value: Fold and
// Decide return another one and leave the old as it was. Its size follows the
// runs armed now and the events of the open range, not the log's length.
type State struct {
	cfg      Config
	decided  uint64 // decisions so far; also marks what the present one has copied
	asOf     int64  // of the last decision, Unix milliseconds
	runs     []*run // armed, sorted by id
	chains   []*rules
	monitors []source // of every monitor that a policy in force names, sorted
	anchor   mark     // smallest time and index of the newest valid anchor
	waiting  *waiting
}

// waiting is the open range, newest event first.
type waiting struct {
	event Event
	rest  *waiting
}

// A mark is something folded: when, and by which entry.
type mark struct {
	at    int64
	index uint64
	set   bool
}

// seen is the cited entry, none if nothing was folded.
func (m mark) seen() []uint64 {
	if !m.set {
		return []uint64{}
	}
	return []uint64{m.index}
}

type source struct {
	name string
	mark
}

// run is an armed run. It is immutable outside the decision that copied it.
type run struct {
	copied uint64 // the decision that made this copy
	id     string
	chain  string
	class  string
	index  uint64 // of its registration
	armed  int64  // as_of of the decision that folded it
	fresh  bool   // folded by the present decision
	limit  int64  // its own maximum life in milliseconds; 0: none

	members []member // sorted by name
	next    int64    // no member's check-in is due before it
	misses  []miss   // that stand, oldest first
	dead    *tripped // the dead vote, as it tripped at a due time

	beat     mark
	artefact mark
	peers    []source // other engines' go-on verdicts, newest first
	votes    []uint64 // of the present range
	closing  bool     // its guard closed it in the present range

	policy uint64 // of the last verdict
	leaf   Hash   // of a go verdict under that policy
	judged bool   // a verdict was given before
}

type member struct {
	name string
	due  int64
	last mark
}

type miss struct {
	at       int64
	member   string
	evidence uint64 // the member's last check-in, or the run's registration
}

// New is the state before entry 0.
func New(c Config) State { return State{cfg: c} }

// Fold adds an event to the open range, in O(1). It has no effect before
// Decide gives it its time: events wait.
func Fold(s State, e Event) State {
	s.waiting = &waiting{event: e, rest: s.waiting}
	return s
}

// Waiting is the number of events in the open range.
func (s State) Waiting() int {
	n := 0
	for w := s.waiting; w != nil; w = w.rest {
		n++
	}
	return n
}

// events is the open range in log order.
func (s *State) events() []Event {
	var list []Event
	for w := s.waiting; w != nil; w = w.rest {
		list = append(list, w.event)
	}
	slices.Reverse(list)
	return list
}

// AsOf is the time of the last decision, and whether there is one.
func (s State) AsOf() (time.Time, bool) { return at(s.asOf), s.decided > 0 }

// Armed are the ids of the armed runs, sorted.
func (s State) Armed() []string {
	ids := make([]string, len(s.runs))
	for i, x := range s.runs {
		ids[i] = x.id
	}
	return ids
}

// Err is a *SemanticsError where the newest policy in force of a chain has
// unknown rules, so that nobody here can judge its runs (E7). The open range
// counts.
func (s State) Err() error {
	var found error
	seen := map[string]bool{}
	for w := s.waiting; w != nil; w = w.rest {
		e, ok := w.event.(Enforced)
		if !ok || seen[e.Doc.Chain] {
			continue
		}
		seen[e.Doc.Chain] = true
		if err := e.Doc.Supported(); err != nil {
			found = err
		}
	}
	for _, r := range s.chains {
		if err := r.doc.Supported(); err != nil && !seen[r.doc.Chain] {
			found = err
		}
	}
	return found
}

func at(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

func findRun(runs []*run, id string) (int, bool) {
	return sort.Find(len(runs), func(i int) int { return compareNames(id, runs[i].id) })
}

func findRules(chains []*rules, name string) (int, bool) {
	return sort.Find(len(chains), func(i int) int { return compareNames(name, chains[i].doc.Chain) })
}

// rulesOf are the rules that a run follows; nil for none.
func (s *State) rulesOf(x *run) *rules {
	if i, ok := findRules(s.chains, x.chain); ok {
		return s.chains[i]
	}
	return nil
}
