package fold_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/log"
	"github.com/haltlog/haltlog/policy"
)

const run = "run-1"

func armed(t *testing.T, o foldtest.Options) *foldtest.Log {
	l := foldtest.New(t, o).Setup()
	l.Run(run)
	for _, e := range l.Engines {
		l.Decide(e)
	}
	return l
}

// A decision that says anything else than its replay is a mismatch with both
// payloads, and moves the chain as the replay does.
func TestMismatch(t *testing.T) {
	t.Attr("invariant", "E1")
	for name, change := range map[string]func(d *log.Decision){
		"root":     func(d *log.Decision) { d.Root[0] ^= 1 },
		"armed":    func(d *log.Decision) { d.Armed++ },
		"relieved": func(d *log.Decision) { d.Changed = []log.Verdict{} },
		"cause":    func(d *log.Decision) { d.Changed[0].Causes[0].Value++ },
		"evidence": func(d *log.Decision) { d.Changed[0].Causes[0].Evidence[0]-- },
		"skipped":  func(d *log.Decision) { d.To-- },
	} {
		t.Run(name, func(t *testing.T) {
			l := armed(t, foldtest.Options{})
			l.Vote(run, l.Members[0])
			p := l.Propose(l.Engines[0])
			if len(p.Decision.Changed) != 1 || p.Decision.Changed[0].State != log.StateHalt {
				t.Fatalf("%+v", p.Decision.Changed)
			}
			change(p.Decision)
			s := l.Must(p.Decision, l.Engines[0])
			if s.Decision.Mismatch == nil {
				t.Fatal("no mismatch")
			}
			if slices.Equal(s.Decision.Mismatch.Expected, s.Decision.Mismatch.Logged) {
				t.Error("both payloads are the same")
			}
			// The next honest one replays.
			if next := l.Decide(l.Engines[0]); next.Decision.Mismatch != nil {
				t.Errorf("afterwards: expected %s, logged %s", next.Decision.Mismatch.Expected, next.Decision.Mismatch.Logged)
			}
		})
	}
}

// What was sequenced after a decision's To belongs to its next range, also
// what stands before the decision itself.
func TestRangeEndsAtTo(t *testing.T) {
	t.Attr("invariant", "E1")
	l := armed(t, foldtest.Options{})
	p := l.Propose(l.Engines[0])
	vote := l.Vote(run, l.Members[0])
	if !vote.Trips {
		t.Error("a vote trips nothing")
	}
	s := l.Must(p.Decision, l.Engines[0])
	if s.Decision.Mismatch != nil || len(s.Decision.Outcome.Changed) != 0 {
		t.Fatalf("%+v", s.Decision)
	}
	s = l.Decide(l.Engines[0])
	if c := s.Decision.Decision.Changed; len(c) != 1 || c[0].State != log.StateHalt || c[0].Causes[0].Evidence[0] != vote.Index {
		t.Errorf("%+v", c)
	}
	if c := l.Machine.Chain(l.Engines[0].KeyID()); len(c.Armed()) != 0 {
		t.Errorf("armed: %v", c.Armed())
	}
	if _, err := l.Machine.Chain(l.Engines[0].KeyID()).Propose(s.Decision.Decision.To-1, l.Now); !errors.Is(err, fold.ErrRange) {
		t.Errorf("propose behind the chain: %v", err)
	}
	if _, err := l.Machine.Chain(l.Engines[0].KeyID()).Propose(l.Size()+1, l.Now); !errors.Is(err, fold.ErrRange) {
		t.Errorf("propose beyond the log: %v", err)
	}
}

// A clock that is behind is raised: to the chain's last as_of, and to the
// smallest quorum time of the last anchor in the range less the skew.
func TestClockIsRaised(t *testing.T) {
	t.Attr("invariant", "E2")
	l := armed(t, foldtest.Options{})
	c := l.Machine.Chain(l.Engines[0].KeyID())
	last, _ := c.Last()
	p, err := c.Propose(l.Size(), l.Now.Add(-time.Hour))
	if err != nil || !p.Decision.AsOf.Time().Equal(last.AsOf) {
		t.Errorf("as_of %v after %v: %v", p.Decision.AsOf, last.AsOf, err)
	}
	l.Advance(time.Minute)
	before := l.Size()
	a := l.Anchor()
	skew := l.Machine.Ledger().Params().Skew
	p, err = c.Propose(l.Size(), l.Now.Add(-time.Hour))
	if err != nil || !p.Decision.AsOf.Time().Equal(a.Anchor.Min.Add(-skew)) {
		t.Errorf("as_of %v, the anchor says %v: %v", p.Decision.AsOf, a.Anchor.Min, err)
	}
	// The anchor's own entry is not in this range.
	p, err = c.Propose(before, l.Now.Add(-time.Hour))
	if err != nil || !p.Decision.AsOf.Time().Equal(last.AsOf) {
		t.Errorf("as_of %v before the anchor: %v", p.Decision.AsOf, err)
	}
}

// A reader is told the bound, so that it sees an as_of below it.
func TestEarliestIsTold(t *testing.T) {
	t.Attr("invariant", "E2")
	l := armed(t, foldtest.Options{})
	l.Advance(time.Minute)
	l.Anchor()
	last, _ := l.Machine.Chain(l.Engines[0].KeyID()).Last()
	s := l.DecideAt(l.Engines[0], l.Size(), last.AsOf)
	if s.Decision.Mismatch != nil || !s.Decision.Decision.AsOf.Time().Before(s.Decision.Earliest) {
		t.Errorf("as_of %v, earliest %v", s.Decision.Decision.AsOf, s.Decision.Earliest)
	}
}

// A gap beyond lease and grace ends every armed run in the first decision
// after it; a shorter one above max_gap is an outage.
func TestGaps(t *testing.T) {
	t.Attr("invariant", "E3")
	for _, tc := range []struct {
		name         string
		gap          func(log.Rules) time.Duration
		outage, ends bool
	}{
		{"none", func(r log.Rules) time.Duration { return r.MaxGap }, false, false},
		{"outage", func(r log.Rules) time.Duration { return r.MaxGap + time.Millisecond }, true, false},
		{"longer", func(r log.Rules) time.Duration { return r.Lease + r.Grace + time.Millisecond }, true, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := armed(t, foldtest.Options{})
			l.Heartbeat(run)
			rules, _ := l.Machine.Ledger().Rules(foldtest.Chain)
			last, _ := l.Machine.Chain(l.Engines[0].KeyID()).Last()
			l.Now = last.AsOf.Add(tc.gap(rules))
			l.Must(&log.Anchor{Origin: l.Origin, Checkpoint: l.Checkpoint(l.Size())})
			s := l.Decide(l.Engines[0])
			o := s.Decision.Outcome
			if o.Gap != tc.gap(rules) || o.Outage != tc.outage {
				t.Errorf("gap %v, outage %v", o.Gap, o.Outage)
			}
			if r, _ := l.Machine.Ledger().Run(run); r.Halted != tc.ends {
				t.Errorf("halted: %v, %+v", r.Halted, o.Changed)
			}
		})
	}
}

// The first halt ends the run in the other chain too, without a verdict there.
func TestHaltEndsAllChains(t *testing.T) {
	t.Attr("invariant", "E6")
	t.Attr("invariant", "E5")
	l := armed(t, foldtest.Options{Engines: 2})
	l.Vote(run, l.Members[0])
	l.Decide(l.Engines[0])
	s := l.Decide(l.Engines[1])
	if o := s.Decision.Outcome; s.Decision.Mismatch != nil || o.Armed != 0 || len(o.Changed) != 0 {
		t.Errorf("%d armed, changed %+v", o.Armed, o.Changed)
	}
	if log.Hash(policy.EmptyRoot()) != s.Decision.Decision.Root {
		t.Error("root of no runs")
	}
}

// A close takes effect through the decision that holds it; if anything tripped
// in its range, the run is halted and the close is nothing.
func TestClose(t *testing.T) {
	t.Attr("invariant", "E5")
	l := armed(t, foldtest.Options{})
	l.Must(l.CloseStatement(run), l.Guard)
	if r, _ := l.Machine.Ledger().Run(run); r.Ended() || !r.ClosePending {
		t.Errorf("closed before its decision: %+v", r)
	}
	tripped := l.Fork(len(l.Leaves))
	s := l.Decide(l.Engines[0])
	if c := s.Decision.Decision.Changed; len(c) != 1 || c[0].State != log.StateClosed {
		t.Errorf("%+v", c)
	}
	if r, _ := l.Machine.Ledger().Run(run); !r.Closed || r.Halted {
		t.Errorf("not closed: %+v", r)
	}
	v := l.VoteStatement(run)
	if s := l.Put(v, l.RingSigner(v.Group, l.Members[0])); s.Validity != log.Void {
		t.Errorf("a vote on a closed run is %s", s.Validity)
	}

	tripped.Vote(run, l.Members[0])
	tripped.Decide(l.Engines[0])
	if r, _ := tripped.Machine.Ledger().Run(run); r.Closed || !r.Halted {
		t.Errorf("not halted: %+v", r)
	}
}

// A policy that takes force at an anchor is an event of that anchor's range.
func TestPolicyTakesForce(t *testing.T) {
	t.Attr("invariant", "E4")
	l := armed(t, foldtest.Options{})
	l.Policy(func(d *policy.Document) { d.Life.MaxMS += 1000 })
	if d, _ := l.Machine.Policy(foldtest.Chain); d.Number != 1 {
		t.Fatalf("a loosening is in force at once: %d", d.Number)
	}
	l.Policy(func(d *policy.Document) { d.Life.MaxMS -= 1000 })
	if d, _ := l.Machine.Policy(foldtest.Chain); d.Number != 3 {
		t.Fatalf("a tightening is not in force at once: %d", d.Number)
	}
	s := l.Decide(l.Engines[0])
	if c := s.Decision.Decision.Changed; len(c) != 1 || c[0].Policy != 3 || c[0].State != log.StateGo {
		t.Errorf("%+v", c)
	}
}

// A monitor that is silent for its dwell ends the run; one that beats does not.
func TestMonitors(t *testing.T) {
	t.Attr("invariant", "S4")
	l := foldtest.New(t, foldtest.Options{Monitors: 1})
	l.Genesis()
	l.Policy(func(d *policy.Document) {
		d.Monitors.Mode, d.Monitors.Keys = policy.Enforce, []string{l.Monitors[0].KeyID()}
	})
	l.Anchor()
	l.Group(l.Members...)
	l.Run(run)
	doc, _ := l.Machine.Policy(foldtest.Chain)
	dwell := time.Duration(doc.Monitors.DwellMS) * time.Millisecond
	gap := time.Duration(doc.MaxGapMS) * time.Millisecond
	for _, beats := range []bool{true, false} {
		for t0 := l.Now; l.Now.Sub(t0) < 2*dwell; {
			if r, _ := l.Machine.Ledger().Run(run); r.Halted {
				break
			}
			l.Heartbeat(run)
			if beats {
				l.MonitorBeat(l.Monitors[0])
			}
			l.Advance(gap - time.Second)
			l.Anchor()
			l.Decide(l.Engines[0])
		}
		if r, _ := l.Machine.Ledger().Run(run); r.Halted == beats {
			t.Fatalf("beats: %v, halted: %v", beats, r.Halted)
		}
	}
	i := slices.IndexFunc(l.Steps, func(s fold.Step) bool { return s.Halt != nil })
	if c := l.Steps[i].Signed.Statement.(*log.Halt).Causes; len(c) != 1 || c[0].Tripwire != "monitors" {
		t.Errorf("%+v", c)
	}
}
