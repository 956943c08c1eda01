package policy

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// epoch is where scripted time starts; scripts count milliseconds from it.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func when(ms int64) time.Time { return epoch.Add(time.Duration(ms) * time.Millisecond) }

var genesis = Config{Skew: 2 * time.Second, AnchorPeriod: 2 * time.Second, DecisionPeriod: 5 * time.Second}

// quiet is a valid document with every optional tripwire off and check-ins due
// every 10 s; edits change it.
func quiet(t testing.TB, edits ...func(*Document)) *Document {
	t.Helper()
	d := Default("main", epoch.Add(24*time.Hour))
	d.Classes[0].CheckinIntervalMS = 10_000
	d.Life.MaxMS = 3_600_000
	d.LiveVote.Mode, d.DeadVote.Mode, d.Lease.Mode, d.Life.Mode, d.Witness.Mode = Off, Off, Off, Off, Off
	for _, e := range edits {
		e(d)
	}
	if err := d.Validate(genesis); d.Supported() == nil && err != nil {
		t.Fatalf("fixture: %v", err)
	}
	return d
}

// successor is d as the next number with edits.
func successor(t testing.TB, d *Document, edits ...func(*Document)) *Document {
	t.Helper()
	n := *d
	n.Classes = slices.Clone(d.Classes)
	n.Monitors.Keys = slices.Clone(d.Monitors.Keys)
	n.Number++
	n.Previous = new(d.Hash())
	for _, e := range edits {
		e(&n)
	}
	return &n
}

// names are n members.
func names(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("m%02d", i)
	}
	return list
}

// chain drives one engine's chain with indices of its own.
type chain struct {
	t     testing.TB
	s     State
	index uint64
}

// start is a chain in which doc is in force and run "r" is armed at 0.
func start(t testing.TB, doc *Document, members int) *chain {
	c := &chain{t: t, s: New(genesis)}
	c.fold(Enforced{Doc: doc}, Registered{Run: "r", Chain: doc.Chain, Class: "standard", Members: names(members), MaxLife: 100 * time.Hour})
	if out := c.decide(0); out.Armed != 1 || out.Verdicts[0].State != StateGo {
		t.Fatalf("start: %+v", out)
	}
	return c
}

func (c *chain) fold(events ...Event) {
	for _, e := range events {
		switch x := e.(type) {
		case Registered:
			x.Index = c.index
			e = x
		case Regrouped:
			x.Index = c.index
			e = x
		case Enforced:
			x.Index = c.index
			e = x
		case Checkin:
			x.Index = c.index
			e = x
		case Vote:
			x.Index = c.index
			e = x
		case Beat:
			x.Index = c.index
			e = x
		case MonitorBeat:
			x.Index = c.index
			e = x
		case Artefact:
			x.Index = c.index
			e = x
		case Anchored:
			x.Index = c.index
			e = x
		case Closed:
			x.Index = c.index
			e = x
		case Halted:
			x.Index = c.index
			e = x
		case Decided:
			x.Index = c.index
			e = x
		}
		// A new kind of event that the switch does not know would lose its index.
		if e.at() != c.index {
			c.t.Fatalf("fixture: %T lost its index", e)
		}
		c.index++
		c.s = Fold(c.s, e)
	}
}

func (c *chain) decide(ms int64) Outcome {
	c.t.Helper()
	s, out := Decide(c.s, when(ms))
	c.s = s
	if out.Root != Root(out.Verdicts) {
		c.t.Fatalf("root %v is not that of the verdicts", out.Root)
	}
	return out
}

// goOn folds, decides and demands that nothing tripped.
func (c *chain) goOn(ms int64, events ...Event) {
	c.t.Helper()
	c.fold(events...)
	out := c.decide(ms)
	if len(out.Verdicts) != 1 || out.Verdicts[0].State != StateGo {
		c.t.Fatalf("at %d: %+v, want go", ms, out.Verdicts)
	}
}

// halts decides and demands exactly these causes.
func (c *chain) halts(ms int64, tripwires ...string) []Cause {
	c.t.Helper()
	out := c.decide(ms)
	if len(out.Verdicts) != 1 || out.Verdicts[0].State != StateHalt {
		c.t.Fatalf("at %d: %+v, want halt by %v", ms, out.Verdicts, tripwires)
	}
	causes := out.Verdicts[0].Causes
	if got := tripwiresOf(causes); !slices.Equal(got, tripwires) {
		c.t.Fatalf("at %d: halted by %v, want %v", ms, got, tripwires)
	}
	if len(c.s.Armed()) != 0 {
		c.t.Fatalf("at %d: a halted run is still armed", ms)
	}
	return causes
}

func tripwiresOf(causes []Cause) []string {
	list := []string{}
	for _, c := range causes {
		list = append(list, c.Tripwire)
	}
	return list
}
