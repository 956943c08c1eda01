package log

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Decision says what an engine concluded: which entries it folded, with which
// time, and the verdicts that changed or tripped. Time exists only here (E1).
// Signed by an engine.
type Decision struct {
	Origin    string    `json:"origin"`
	Sequence  uint64    `json:"sequence"` // of this engine, from 1, without gaps
	Previous  *Hash     `json:"previous"` // identity of this engine's last one; null for the first
	From      uint64    `json:"from"`     // tree sizes: the range holds from <= index < to
	To        uint64    `json:"to"`
	AsOf      Time      `json:"as_of"`
	Semantics int       `json:"semantics"` // of the policy engine (E7)
	Armed     int       `json:"armed"`     // how many runs are armed
	Root      Hash      `json:"root"`      // over every armed run's verdict
	Changed   []Verdict `json:"changed"`   // sorted by run
}

// State is what a verdict says of a run.
type State string

const (
	StateGo     State = "go"     // armed, and nothing tripped
	StateHalt   State = "halt"   // something tripped: the halt follows
	StateClosed State = "closed" // ended by itself, and nothing tripped before
)

// Verdict is an engine's word on one run.
type Verdict struct {
	Run    string  `json:"run"`
	Policy uint64  `json:"policy"` // number of the policy followed; 0 if none is valid
	State  State   `json:"state"`
	Causes []Cause `json:"causes"` // in the policy engine's order; none for closed
}

// Cause is one tripwire that is true.
type Cause struct {
	Tripwire string   `json:"tripwire"`
	Evidence []uint64 `json:"evidence"` // indices of entries, rising, at most 64
	Value    int64    `json:"value"`    // what was measured, in the tripwire's unit
	Bound    int64    `json:"bound"`    // what it was held against
	Lists    bool     `json:"lists"`    // whether a halt for this lists the model
}

func (a Cause) equal(b Cause) bool {
	return a.Tripwire == b.Tripwire && slices.Equal(a.Evidence, b.Evidence) &&
		a.Value == b.Value && a.Bound == b.Bound && a.Lists == b.Lists
}

func (c *checks) causes(place string, list []Cause, least int) {
	c.count(place, len(list), least, MaxCauses)
	seen := make(map[string]bool)
	for i, x := range list {
		at := fmt.Sprintf("%s[%d]", place, i)
		c.name(at+".tripwire", x.Tripwire)
		c.that(!seen[x.Tripwire], at+".tripwire", "stands twice")
		seen[x.Tripwire] = true
		c.count(at+".evidence", len(x.Evidence), 0, MaxEvidence)
		sorted(c, at+".evidence", x.Evidence, cmp.Compare)
	}
}

// Kind is [KindDecision].
func (s *Decision) Kind() Kind { return KindDecision }

func (s *Decision) logOrigin() string { return s.Origin }

// Validate checks the bounds.
func (s *Decision) Validate() error {
	var c checks
	c.origin(s.Origin)
	c.that(s.Sequence >= 1, "sequence", "from 1")
	c.that((s.Previous == nil) == (s.Sequence == 1), "previous", "null for sequence 1, a hash for others")
	c.that(s.From <= s.To, "to", "before from")
	c.between("semantics", int64(s.Semantics), 1, 1<<31-1)
	c.between("armed", int64(s.Armed), 0, 1<<31-1)
	c.count("changed", len(s.Changed), 0, MaxVerdicts)
	for i, v := range s.Changed {
		at := fmt.Sprintf("changed[%d]", i)
		c.name(at+".run", v.Run)
		least := 0
		switch v.State {
		case StateGo:
		case StateHalt:
			least = 1
		case StateClosed:
			c.that(len(v.Causes) == 0, at+".causes", "a closed run has none")
		default:
			c.that(false, at+".state", "want go, halt or closed")
		}
		c.causes(at+".causes", v.Causes, least)
	}
	sorted(&c, "changed", s.Changed, func(a, b Verdict) int { return strings.Compare(a.Run, b.Run) })
	return c.err
}

// Replay is the engine's key, with the sequence.
func (s *Decision) Replay(signer string) ReplayKey {
	return ReplayKey{Scope: "decision/" + signer, Sequence: s.Sequence, Monotone: true}
}

// Void: it follows the engine's last valid decision (sequence, identity, range
// and time), and folds nothing from its own index on.
func (s *Decision) Void(v View, e Signed) error {
	last, ok := v.Decision(e.Signer())
	switch {
	case s.To > v.Index():
		return voidf(Conflict, "folds up to %d at index %d", s.To, v.Index())
	case !ok && s.Sequence != 1:
		return void(Conflict, "an engine's first decision has sequence 1")
	case !ok && s.From != 0:
		return void(Conflict, "an engine's first decision folds from 0")
	case !ok:
		return nil
	case s.Sequence != last.Sequence+1:
		return voidf(Conflict, "decision %d does not follow %d", s.Sequence, last.Sequence)
	case s.Previous == nil || *s.Previous != last.Identity:
		return void(Conflict, "previous is not this engine's last decision")
	case s.From != last.To:
		return voidf(Conflict, "folds from %d, the last decision ends at %d", s.From, last.To)
	case s.AsOf.Time().Before(last.AsOf):
		return void(Conflict, "as_of goes back")
	}
	return nil
}
