package fold

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/haltlog/haltlog/log"
	"github.com/haltlog/haltlog/policy"
)

// ErrRange is a range that does not follow a chain's last decision, or that
// the log does not reach.
var ErrRange = errors.New("range does not follow the chain")

// event is one fact of the log, in log order.
type event struct {
	index uint64
	// engine is set for another chain's decision: it is no event of its own.
	engine string
	event  policy.Event
}

// A Chain is one engine's state: what it has decided, and what waits.
type Chain struct {
	machine *Machine
	engine  string
	state   policy.State
	pos     uint64 // number of the first event that it has not decided on
	last    log.DecisionInfo
	decided bool
	from    uint64 // entries before it are folded in as the present state
}

// Engine is the keyid of the chain's engine.
func (c *Chain) Engine() string { return c.engine }

// Last is the chain's newest decision that is in the log.
func (c *Chain) Last() (log.DecisionInfo, bool) { return c.last, c.decided }

// From is the index from which the chain judges by itself: 0 for an engine of
// the genesis; for one that came later, or lapsed, that of the entry at which
// the runs and policies then in force were its starting state.
func (c *Chain) From() uint64 { return c.from }

// Armed are the runs that the chain has armed, sorted.
func (c *Chain) Armed() []string { return c.state.Armed() }

// Waiting is how many events no decision of the chain has folded yet.
func (c *Chain) Waiting() int { return int(c.machine.end() - c.next()) }

// next is the first event that is not decided on. A chain whose engine lost
// its role holds no events any more; what it missed is gone.
func (c *Chain) next() uint64 { return max(c.pos, c.machine.base) }

// to is the size up to which the chain has folded.
func (c *Chain) to() uint64 {
	if !c.decided {
		return 0
	}
	return c.last.To
}

// Earliest is E2's lower bound for a decision up to a size: the chain's last
// as_of, and the smallest quorum time of the last valid anchor in the range or
// before it, less the skew. Zero if neither exists.
func (c *Chain) Earliest(to uint64) time.Time {
	var t time.Time
	if a, ok := c.machine.ledger.AnchorBefore(to); ok {
		t = a.Min.Add(-c.machine.ledger.Params().Skew)
	}
	if c.decided && c.last.AsOf.After(t) {
		t = c.last.AsOf
	}
	return t
}

// open is the state with the events below a size folded in, and the number of
// the first event that is not.
func (c *Chain) open(to uint64) (policy.State, uint64) {
	s, pos := c.state, c.next()
	for ; pos < c.machine.end(); pos++ {
		e := c.machine.at(pos)
		if e.index >= to {
			break
		}
		if e.engine != c.engine {
			s = policy.Fold(s, e.event)
		}
	}
	return s, pos
}

// A Proposal is what an engine would log.
type Proposal struct {
	Decision *log.Decision
	Outcome  policy.Outcome
	// Unknown is a *policy.SemanticsError where a policy in force has rules
	// that are unknown here (E7): its runs are halted.
	Unknown error
}

// Halts are the halt statements that follow a decision of this identity, in
// the order of its verdicts.
func (p Proposal) Halts(decision log.Hash) []*log.Halt {
	var hs []*log.Halt
	for _, v := range p.Decision.Changed {
		if v.State == log.StateHalt {
			hs = append(hs, &log.Halt{Origin: p.Decision.Origin, Run: v.Run, Decision: decision, Causes: v.Causes})
		}
	}
	return hs
}

// Propose is the decision up to a size at asOf, without effect: the chain moves
// when that decision comes back from the log. asOf is taken in whole
// milliseconds, and raised to Earliest if it is below it. Errors are ErrRange.
func (c *Chain) Propose(to uint64, asOf time.Time) (Proposal, error) {
	if to < c.to() || to > c.machine.ledger.Size() {
		return Proposal{}, fmt.Errorf("fold: to %d after %d of %d: %w", to, c.to(), c.machine.ledger.Size(), ErrRange)
	}
	if earliest := c.Earliest(to); asOf.Before(earliest) {
		asOf = earliest
	}
	return c.Expect(to, log.TimeOf(asOf)), nil
}

// Expect is the decision up to a size at a time as its replay gives it,
// whatever they are: no bound of Propose is held. It is what a reader expects
// to find, and what a test logs in an engine's place.
func (c *Chain) Expect(to uint64, asOf log.Time) Proposal {
	p, _, _ := c.decide(to, asOf)
	return p
}

// decide computes the decision, the state after it, and the first event left.
func (c *Chain) decide(to uint64, asOf log.Time) (Proposal, policy.State, uint64) {
	open, pos := c.open(to)
	p := Proposal{Unknown: open.Err()}
	next, out := policy.Decide(open, asOf.Time())
	p.Outcome = out
	d := &log.Decision{
		Origin: c.machine.ledger.Origin(), Sequence: 1,
		From: c.to(), To: to, AsOf: log.TimeOf(out.AsOf),
		Semantics: policy.Semantics, Armed: out.Armed, Root: log.Hash(out.Root),
		Changed: make([]log.Verdict, 0, len(out.Changed)),
	}
	if c.decided {
		d.Sequence, d.Previous = c.last.Sequence+1, new(c.last.Identity)
	}
	for _, v := range out.Changed {
		d.Changed = append(d.Changed, verdict(v))
	}
	p.Decision = d
	return p, next, pos
}

func verdict(v policy.Verdict) log.Verdict {
	w := log.Verdict{Run: v.Run, Policy: v.Policy, State: log.State(v.State), Causes: make([]log.Cause, 0, len(v.Causes))}
	for _, x := range v.Causes {
		w.Causes = append(w.Causes, log.Cause{Tripwire: x.Tripwire, Evidence: x.Evidence, Value: x.Value, Bound: x.Bound, Lists: x.Lists})
	}
	return w
}

// A Mismatch is a logged decision that does not replay (E1): both payloads.
type Mismatch struct {
	Expected, Logged []byte
}

// A Replayed is a valid decision held against its replay.
type Replayed struct {
	Engine   string
	Decision *log.Decision
	Outcome  policy.Outcome // of the replay
	Mismatch *Mismatch      // nil if the bytes are the same
	// Unknown is a *policy.SemanticsError: cannot judge (E7).
	Unknown error
	// Earliest is E2's lower bound for it, before the chain moved: an as_of
	// below it is a finding.
	Earliest time.Time
	// Start is the chain's From: what stands before was its starting state.
	Start uint64
}

// commit replays a valid decision of the chain and moves it on. What the
// engine logged moves nothing: a wrong one is a mismatch, and stays one.
func (c *Chain) commit(st *log.Decision, info log.DecisionInfo, payload []byte) (*Replayed, error) {
	r := &Replayed{Engine: c.engine, Decision: st, Earliest: c.Earliest(st.To), Start: c.from}
	p, next, pos := c.decide(st.To, st.AsOf)
	r.Outcome, r.Unknown = p.Outcome, p.Unknown
	expected, err := log.Encode(p.Decision)
	if err != nil {
		return nil, fmt.Errorf("fold: encode expected decision: %w", err)
	}
	if !bytes.Equal(expected, payload) {
		r.Mismatch = &Mismatch{Expected: expected, Logged: payload}
	}
	c.state, c.pos, c.last, c.decided = next, pos, info, true
	return r, nil
}

// NextDue is the earliest as_of at which a tripwire can be true if nothing
// more is folded than what the chain has decided on.
func (c *Chain) NextDue() (time.Time, bool) { return policy.NextDue(c.state) }

// Evaluate are the verdicts on every armed run as a decision over everything
// that waits would give them at asOf, without effect.
func (c *Chain) Evaluate(asOf time.Time) policy.Outcome {
	s, _ := c.open(c.machine.ledger.Size())
	_, out := policy.Decide(s, asOf)
	return out
}

// Status is how a member of a run's group stands at a time, with everything
// folded so far, decided or not.
func (c *Chain) Status(run, member string, now time.Time) policy.MemberStatus {
	s, _ := c.open(c.machine.ledger.Size())
	return policy.Status(s, run, member, now)
}
