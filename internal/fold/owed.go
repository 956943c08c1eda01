package fold

import (
	"slices"

	"github.com/haltlog/haltlog/policy"
)

// owed are the votes and the close of a run that no engine has answered yet.
// Each has its effect by being folded once; if the engine that should have is
// revoked, or its chain starts over, the next chain starts with them. Otherwise
// a vote that the log acknowledged would be forgotten.
type owed struct {
	votes []policy.Vote // the oldest policy.MaxEvidence
	close *policy.Closed
}

// events are what is owed, in no particular order: a decision's range has none.
func (o owed) events() []policy.Event {
	var list []policy.Event
	for _, v := range o.votes {
		list = append(list, v)
	}
	if o.close != nil {
		list = append(list, *o.close)
	}
	return list
}

func (m *Machine) owe(run string, e policy.Event) {
	o := m.owed[run]
	switch e := e.(type) {
	case policy.Vote:
		if len(o.votes) < policy.MaxEvidence {
			o.votes = append(o.votes, e)
		}
	case policy.Closed:
		o.close = &e
	}
	m.owed[run] = o
}

// settle forgets the votes that a decision answered with go: they had no effect
// under the policy of their time. What it halts or closes stays owed until the
// log says so, and a decision that does not replay answers nothing.
func (m *Machine) settle(r *Replayed) {
	if r.Mismatch != nil {
		return
	}
	for _, v := range r.Outcome.Verdicts {
		o, ok := m.owed[v.Run]
		if !ok || v.State != policy.StateGo {
			continue
		}
		o.votes = slices.DeleteFunc(slices.Clone(o.votes), func(e policy.Vote) bool { return e.Index < r.Decision.To })
		if m.owed[v.Run] = o; len(o.votes) == 0 && o.close == nil {
			delete(m.owed, v.Run)
		}
	}
}
