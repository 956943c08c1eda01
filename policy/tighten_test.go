package policy

import (
	"fmt"
	"slices"
	"testing"
)

// TestTighteningPostponesNothing: a value that becomes stricter starts a new
// window, but what was due under the earlier value stays due. Otherwise a series
// of tightenings, each in force at once, would keep a silent run alive for ever.
func TestTighteningPostponesNothing(t *testing.T) {
	t.Attr("invariant", "E8")
	t.Attr("invariant", "E4")
	for _, tt := range []struct {
		name    string
		on      func(*Document)
		tighten func(*Document)
		due     int64 // without any tightening
	}{
		{"artefact", func(d *Document) { d.Artefact.Mode, d.Artefact.PeriodMS = Enforce, 20_000 }, func(d *Document) { d.Artefact.PeriodMS -= 10 }, 20_001},
		{"lease", func(d *Document) { d.Lease.Mode = Enforce; d.Lease.DurationMS, d.Lease.GraceMS = 20_000, 10_000 }, func(d *Document) { d.Lease.GraceMS -= 10 }, 30_001},
		{"witness", func(d *Document) { d.Witness.Mode, d.Witness.MaxAgeMS = Enforce, 20_000 }, func(d *Document) { d.Witness.MaxAgeMS -= 10 }, 20_001},
		{"life", func(d *Document) { d.Life.Mode, d.Life.MaxMS = Enforce, 20_000 }, func(d *Document) { d.Life.MaxMS -= 10 }, 20_000},
		{"monitors", func(d *Document) {
			d.Monitors.Mode, d.Monitors.DwellMS, d.Monitors.Keys = Enforce, 20_000, []string{key(1)}
		}, func(d *Document) { d.Monitors.DwellMS -= 10 }, 20_001},
		{"monitors", func(d *Document) {
			d.Monitors.Mode, d.Monitors.DwellMS, d.Monitors.Keys = Enforce, 20_000, []string{key(1)}
		}, func(d *Document) { d.Monitors.Keys = append(d.Monitors.Keys, key(byte(1+len(d.Monitors.Keys)))) }, 20_001},
		{"engine", func(d *Document) { d.Engine.Mode, d.Engine.DwellMS, d.Engine.Quorum = Enforce, 20_000, 2 }, func(d *Document) { d.Engine.DwellMS -= 10 }, 20_001},
		{"engine", func(d *Document) { d.Engine.Mode, d.Engine.DwellMS, d.Engine.Quorum = Enforce, 20_000, 2 }, func(d *Document) { d.Engine.Quorum++ }, 20_001},
		{"dead_vote", func(d *Document) { d.DeadVote.Mode, d.DeadVote.Threshold = Enforce, 1 }, func(d *Document) { d.Classes[0].CheckinIntervalMS -= 10 }, 10_001},
	} {
		t.Run(tt.name, func(t *testing.T) {
			doc := quiet(t, tt.on)
			c := start(t, doc, 2)
			step := tt.due / 5
			for at := step; at < tt.due; at += step {
				next := successor(t, doc, tt.tighten)
				if d, _ := Compare(doc, next); d != Tightening {
					t.Fatalf("fixture: %v", d)
				}
				doc = next
				c.fold(Enforced{Doc: doc})
				c.goOn(at)
			}
			if due, ok := NextDue(c.s); !ok || due.After(when(tt.due)) {
				t.Errorf("due %v after tightenings, %v without", due, when(tt.due))
			}
			out := c.decide(tt.due)
			if v := out.Verdicts[0]; v.State != StateHalt || v.Causes[0].Tripwire != tt.name {
				t.Fatalf("postponed by tightenings: %+v", v)
			}
		})
	}
}

// TestTighteningGivesAFullWindow: whoever kept to the earlier value has one full
// window of the new one, and who is heard then is judged by the new one alone.
func TestTighteningGivesAFullWindow(t *testing.T) {
	t.Attr("invariant", "E8")
	doc := quiet(t, func(d *Document) { d.Artefact.Mode, d.Artefact.PeriodMS = Enforce, 40_000 })
	c := start(t, doc, 1)
	doc = successor(t, doc, func(d *Document) { d.Artefact.PeriodMS = 5_000 })
	c.fold(Enforced{Doc: doc})
	c.goOn(20_000)
	c.goOn(25_000)
	c.fold(Artefact{Run: "r"})
	c.goOn(25_000)
	c.goOn(30_000)
	out := c.decide(30_001)
	if v := out.Verdicts[0]; v.State != StateHalt || v.Causes[0].Bound != 5_000 || !slices.Equal(v.Causes[0].Evidence, []uint64{3}) {
		t.Fatalf("%+v", v)
	}
}

// TestLooseningMayPostpone: a longer bound is a new one, and a switch that was
// only observed before has a first window.
func TestLooseningMayPostpone(t *testing.T) {
	t.Attr("invariant", "E8")
	for i, edit := range []func(*Document){
		func(d *Document) { d.Artefact.PeriodMS = 30_000 },
		func(d *Document) { d.Artefact.PeriodMS, d.Artefact.Mode = 15_000, Observe },
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			doc := quiet(t, func(d *Document) { d.Artefact.Mode, d.Artefact.PeriodMS = Enforce, 20_000 })
			c := start(t, doc, 1)
			c.fold(Enforced{Doc: successor(t, doc, edit)})
			c.goOn(10_000)
			c.goOn(30_000)
		})
	}
	doc := quiet(t, func(d *Document) { d.Artefact.Mode, d.Artefact.PeriodMS = Observe, 20_000 })
	c := start(t, doc, 1)
	c.fold(Enforced{Doc: successor(t, doc, func(d *Document) { d.Artefact.Mode = Enforce })})
	c.goOn(30_000)
	c.goOn(50_000)
	if v := c.decide(50_001).Verdicts[0]; v.State != StateHalt {
		t.Fatalf("%+v", v)
	}
}
