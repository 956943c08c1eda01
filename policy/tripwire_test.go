package policy

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// silences are the tripwires on something that has to come again and again.
func silences() map[string]struct {
	on    func(*Document)
	bound int64
	set   func(*Document, int64)
	alive Event
} {
	type row = struct {
		on    func(*Document)
		bound int64
		set   func(*Document, int64)
		alive Event
	}
	return map[string]row{
		"lease":    {func(d *Document) { d.Lease.Mode = Enforce }, 30_000, func(d *Document, v int64) { d.Lease.GraceMS = v - d.Lease.DurationMS }, Beat{Run: "r", Alive: true}},
		"artefact": {func(d *Document) { d.Artefact.Mode, d.Artefact.PeriodMS = Enforce, 30_000 }, 30_000, func(d *Document, v int64) { d.Artefact.PeriodMS = v }, Artefact{Run: "r"}},
		"monitors": {func(d *Document) {
			d.Monitors = Monitors{DwellMS: 30_000, Keys: []string{key(1)}, Mode: Enforce, Lists: true}
		}, 30_000, func(d *Document, v int64) { d.Monitors.DwellMS = v }, MonitorBeat{Monitor: key(1)}},
		"engine":  {func(d *Document) { d.Engine = Engine{DwellMS: 30_000, Lists: true, Mode: Enforce, Quorum: 2} }, 30_000, func(d *Document, v int64) { d.Engine.DwellMS = v }, Decided{Engine: "b", Go: []string{"r"}}},
		"witness": {func(d *Document) { d.Witness.Mode, d.Witness.MaxAgeMS = Enforce, 30_000 }, 30_000, func(d *Document, v int64) { d.Witness.MaxAgeMS = v }, nil},
	}
}

// keep lets decisions pass every 5 s so that no gap arises.
func (c *chain) keep(from, until int64) {
	c.t.Helper()
	for ms := from; ms < until; ms += 5_000 {
		c.goOn(ms)
	}
}

func TestSilenceTripsAfterOneFullWindow(t *testing.T) {
	t.Attr("invariant", "E8")
	for name, w := range silences() {
		t.Run(name, func(t *testing.T) {
			alive := func(ms int64) Event {
				if w.alive == nil {
					return Anchored{Min: when(ms), Max: when(ms)}
				}
				return w.alive
			}
			doc := quiet(t, w.on)
			// Nothing ever comes: one full window after the arming.
			c := start(t, doc, 1)
			c.keep(5_000, 30_000)
			c.goOn(30_000)
			if x := c.halts(30_001, name)[0]; len(x.Evidence) != 0 || x.Evidence == nil {
				t.Errorf("evidence of nothing: %+v", x)
			}
			// It comes once: one full window after that.
			c = start(t, doc, 1)
			last := c.index
			c.goOn(7_000, alive(7_000))
			c.keep(10_000, 37_000)
			c.goOn(37_000)
			x := c.halts(37_001, name)[0]
			if !slices.Equal(x.Evidence, []uint64{last}) || !x.Lists {
				t.Errorf("%+v, want evidence %d", x, last)
			}
			// Another bound: one full window after it took force, the rest of
			// the policy untouched; a smaller one moves no due time to later.
			for bound, due := range map[int64]int64{9_000: 29_000, 25_000: 30_000, 40_000: 60_000} {
				c = start(t, doc, 1)
				c.keep(5_000, 20_000)
				next := successor(t, doc, func(d *Document) { w.set(d, bound) })
				c.goOn(20_000, Enforced{Doc: next})
				c.keep(25_000, due)
				c.goOn(due)
				c.halts(due+1, name)
			}
			// What fell due under the old bound is judged by it.
			c = start(t, doc, 1)
			c.keep(5_000, 30_000)
			c.fold(Enforced{Doc: successor(t, doc, func(d *Document) { w.set(d, 40_000) })})
			if x := c.halts(30_001, name)[0]; name != "engine" && x.Bound != 30_000 {
				t.Errorf("judged by %+v", x)
			}
			// A change elsewhere moves nothing.
			c = start(t, doc, 1)
			c.keep(5_000, 20_000)
			c.goOn(20_000, Enforced{Doc: successor(t, doc, func(d *Document) { d.ListingDelayMS-- })})
			c.keep(25_000, 30_000)
			c.halts(30_001, name)
		})
	}
}

func TestADeadProcessIsNoHeartbeat(t *testing.T) {
	c := start(t, quiet(t, leased), 1)
	for ms := int64(5_000); ms <= 30_000; ms += 5_000 {
		c.goOn(ms, Beat{Run: "r"})
	}
	c.halts(30_001, "lease")
}

func TestAnyMonitorSilent(t *testing.T) {
	c := start(t, quiet(t, func(d *Document) {
		d.Monitors = Monitors{DwellMS: 20_000, Keys: []string{key(1), key(2), key(3)}, Mode: Enforce}
	}), 1)
	c.goOn(5_000, MonitorBeat{Monitor: key(1)}, MonitorBeat{Monitor: key(2)}, MonitorBeat{Monitor: key(3)}, MonitorBeat{Monitor: key(4)})
	c.keep(10_000, 25_000)
	c.fold(MonitorBeat{Monitor: key(1)}, MonitorBeat{Monitor: key(3)})
	x := c.halts(25_001, "monitors")[0]
	if len(x.Evidence) != 1 || x.Value != 20_001 || x.Bound != 20_000 || x.Lists {
		t.Errorf("%+v", x)
	}
	if len(c.s.monitors) != 3 {
		t.Errorf("%d monitors are remembered, the policy names 3", len(c.s.monitors))
	}
}

func TestWitnessCountsFromTheQuorumsSmallestTime(t *testing.T) {
	c := start(t, quiet(t, func(d *Document) { d.Witness.Mode, d.Witness.MaxAgeMS = Enforce, 10_000 }), 1)
	c.goOn(9_000, Anchored{Min: when(3_000), Max: when(8_999)})
	c.goOn(13_000)
	if x := c.halts(13_001, "witness")[0]; x.Value != 10_001 || x.Bound != 10_000 {
		t.Errorf("%+v", x)
	}
}

func TestEngineNeedsEnoughChains(t *testing.T) {
	c := start(t, quiet(t, func(d *Document) { d.Engine = Engine{DwellMS: 20_000, Mode: Enforce, Quorum: 3} }), 1)
	b, d := Decided{Engine: "b", Go: []string{"r", "other"}}, Decided{Engine: "d", Go: []string{"r"}}
	for ms := int64(5_000); ms <= 30_000; ms += 5_000 {
		c.goOn(ms, b, d, b)
	}
	for ms := int64(35_000); ms <= 50_000; ms += 5_000 {
		c.goOn(ms, b, Decided{Engine: "d"}) // no go for the run
	}
	if x := c.halts(50_001, "engine")[0]; x.Value != 2 || x.Bound != 3 || len(x.Evidence) != 2 {
		t.Errorf("%+v", x)
	}
}

func TestLife(t *testing.T) {
	t.Attr("invariant", "E8")
	doc := quiet(t, func(d *Document) { d.Life.Mode, d.Life.MaxMS = Enforce, 20_000 })
	c := start(t, doc, 1)
	c.goOn(19_999)
	if x := c.halts(20_000, "life")[0]; x.Lists || x.Value != 20_000 || !slices.Equal(x.Evidence, []uint64{1}) {
		t.Errorf("%+v", x)
	}
	c.fold(Registered{Run: "s", Chain: "main", Class: "standard", MaxLife: 5 * time.Second})
	c.decide(20_000)
	c.goOn(24_999)
	c.halts(25_000, "life")
}

// TestNextDueIsExact: the next decision halts from then on and not before.
func TestNextDueIsExact(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s, ranges, times := script(t, r)
		for i, events := range ranges {
			for _, e := range events {
				s = Fold(s, e)
			}
			s, _ = Decide(s, when(times[i]))
			due, ok := NextDue(s)
			if ok != (len(s.Armed()) > 0) {
				r.Fatalf("due %v with %d armed", ok, len(s.Armed()))
			}
			if !ok {
				return
			}
			halts := func(t time.Time) bool {
				return slices.ContainsFunc(Evaluate(s, t), func(v Verdict) bool { return v.State == StateHalt })
			}
			if !halts(due) {
				r.Fatalf("at %v nothing halts", due)
			}
			if before := due.Add(-time.Millisecond); before.After(when(times[i])) && halts(before) {
				r.Fatalf("something halts before %v", due)
			}
		}
	})
}

func TestTripsAtOnce(t *testing.T) {
	for _, e := range []Event{Vote{}, Enforced{}} {
		if !Trips(e) {
			t.Errorf("%T does not trip at once", e)
		}
	}
	for _, e := range []Event{Registered{}, Regrouped{}, Checkin{}, Beat{}, MonitorBeat{}, Artefact{}, Anchored{}, Closed{}, Halted{}, Decided{}} {
		if Trips(e) {
			t.Errorf("%T trips at once", e)
		}
	}
}
