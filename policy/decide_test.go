package policy

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func dead(d *Document)   { d.DeadVote.Mode = Enforce }
func live(d *Document)   { d.LiveVote.Mode = Enforce }
func leased(d *Document) { d.Lease.Mode = Enforce }

func TestEventsHaveTheTimeOfTheirDecision(t *testing.T) {
	t.Attr("invariant", "E1")
	c := start(t, quiet(t, dead), 1)
	// A check-in gets the decision's as_of, however early it was folded.
	c.fold(Checkin{Run: "r", Member: "m00"})
	c.goOn(9_000)
	if st := Status(c.s, "r", "m00", when(9_000)); !st.NextDue.Equal(when(19_000)) || !st.CheckinAt.Equal(when(9_000)) {
		t.Errorf("due %v after a check-in of 9 s", st.NextDue)
	}
	// An event that waits has no effect before its decision.
	waiting := Fold(c.s, Checkin{Run: "r", Member: "m00", Index: 77})
	if st := Status(waiting, "r", "m00", when(9_000)); !st.Waiting || !st.NextDue.Equal(when(19_000)) {
		t.Errorf("an undecided check-in counts: %+v", st)
	}
}

// script draws events and decisions for two runs under a policy of all
// tripwires.
func script(t testing.TB, r *rapid.T) (State, [][]Event, []int64) {
	doc := quiet(t, func(d *Document) {
		for _, m := range []*Mode{&d.LiveVote.Mode, &d.DeadVote.Mode, &d.Lease.Mode, &d.Artefact.Mode, &d.Life.Mode, &d.Witness.Mode} {
			*m = Mode(rapid.IntRange(0, 2).Draw(r, "mode"))
		}
		d.Artefact.PeriodMS, d.Life.MaxMS = 40_000, 200_000
		d.Monitors.Keys, d.Monitors.DwellMS = []string{key(1), key(2)}, 20_000
		d.Monitors.Mode = Mode(rapid.IntRange(0, 2).Draw(r, "monitors"))
		d.Engine.Mode, d.Engine.Quorum = Mode(rapid.IntRange(0, 2).Draw(r, "engine")), 2
	})
	s := New(genesis)
	s = Fold(s, Enforced{Doc: doc})
	index := uint64(1)
	for _, id := range []string{"a", "b"} {
		s = Fold(s, Registered{Run: id, Chain: "main", Class: "standard", Members: names(3), MaxLife: 300 * time.Second, Index: index})
		index++
	}
	s, _ = Decide(s, when(0))
	var ranges [][]Event
	var times []int64
	clock := int64(0)
	for range rapid.IntRange(1, 25).Draw(r, "decisions") {
		var list []Event
		for range rapid.IntRange(0, 6).Draw(r, "events") {
			id := rapid.SampledFrom([]string{"a", "b", "none"}).Draw(r, "run")
			index++
			switch rapid.IntRange(0, 9).Draw(r, "kind") {
			case 0, 1, 2:
				list = append(list, Checkin{Run: id, Member: rapid.SampledFrom(names(4)).Draw(r, "member"), Index: index})
			case 3, 4:
				list = append(list, Beat{Run: id, Alive: rapid.Bool().Draw(r, "alive"), Index: index})
			case 5:
				list = append(list, MonitorBeat{Monitor: key(byte(rapid.IntRange(1, 3).Draw(r, "monitor"))), Index: index})
			case 6:
				list = append(list, Artefact{Run: id, Index: index})
			case 7:
				list = append(list, Decided{Engine: "other", Go: []string{"a", "b"}, Index: index})
			case 8:
				if rapid.IntRange(0, 5).Draw(r, "rare") == 0 {
					list = append(list, rapid.SampledFrom([]Event{Vote{Run: id, Index: index}, Closed{Run: id, Index: index}, Halted{Run: id, Index: index}}).Draw(r, "end"))
				}
			}
		}
		if rapid.Bool().Draw(r, "anchor") {
			index++
			list = append(list, Anchored{Size: index - 1, Min: when(clock), Max: when(clock + 1000), Index: index})
		}
		clock += rapid.Int64Range(0, 9_000).Draw(r, "pause")
		ranges, times = append(ranges, list), append(times, clock)
	}
	return s, ranges, times
}

func key(b byte) string {
	const hex = "0123456789abcdef"
	k := make([]byte, 64)
	for i := range k {
		k[i] = hex[b]
	}
	return string(k)
}

// TestReplayGivesTheSame: folding again gives the same bytes, no step changes
// an older state, and Evaluate has no effect.
func TestReplayGivesTheSame(t *testing.T) {
	t.Attr("invariant", "E1")
	t.Attr("invariant", "E2")
	t.Attr("invariant", "E5")
	rapid.Check(t, func(r *rapid.T) {
		s, ranges, times := script(t, r)
		// What a state says of the future must not change when others follow it.
		type future struct {
			verdicts []Verdict
			due      time.Time
		}
		look := func(s State) future {
			asOf, _ := s.AsOf()
			due, _ := NextDue(s)
			return future{Evaluate(s, asOf.Add(25*time.Second)), due}
		}
		states, outs := []State{s}, []Outcome{}
		futures := []future{look(s)}
		ended := map[string]bool{}
		for i, events := range ranges {
			for _, e := range events {
				s = Fold(s, e)
			}
			verdicts := Evaluate(s, when(times[i]))
			next, out := Decide(s, when(times[i]))
			if !reflect.DeepEqual(verdicts, out.Verdicts) {
				r.Fatalf("Evaluate %+v, Decide %+v", verdicts, out.Verdicts)
			}
			if out.Root != Root(out.Verdicts) || out.Armed != len(out.Verdicts) {
				r.Fatalf("root or count is not that of the verdicts: %+v", out)
			}
			for _, v := range out.Verdicts {
				if ended[v.Run] {
					r.Fatalf("%s came back", v.Run)
				}
				if v.State != StateGo {
					ended[v.Run] = true
				}
			}
			s = next
			states, outs, futures = append(states, s), append(outs, out), append(futures, look(s))
		}
		for i, s := range states {
			if !reflect.DeepEqual(look(s), futures[i]) {
				r.Fatalf("state %d has changed", i)
			}
		}
		for i, events := range ranges {
			again := states[i]
			for _, e := range events {
				again = Fold(again, e)
			}
			next, out := Decide(again, when(times[i]))
			if !reflect.DeepEqual(out, outs[i]) {
				r.Fatalf("decision %d replays as %+v, was %+v", i, out, outs[i])
			}
			if !reflect.DeepEqual(next, states[i+1]) {
				r.Fatalf("decision %d leads to another state", i)
			}
		}
	})
}

// TestOrderWithinARangeDoesNotMatter: a range is one instant.
func TestOrderWithinARangeDoesNotMatter(t *testing.T) {
	t.Attr("invariant", "E1")
	strip := func(out Outcome) Outcome {
		for _, list := range [][]Verdict{out.Verdicts, out.Changed, out.Observed} {
			for i := range list {
				list[i].Causes = slices.Clone(list[i].Causes)
				for j := range list[i].Causes {
					list[i].Causes[j].Evidence = nil // cites the newest by place
				}
			}
		}
		out.Root = Hash{}
		return out
	}
	rapid.Check(t, func(r *rapid.T) {
		a, ranges, times := script(t, r)
		b := a
		for i, events := range ranges {
			for _, e := range events {
				a = Fold(a, e)
			}
			for _, e := range rapid.Permutation(events).Draw(r, "order") {
				b = Fold(b, e)
			}
			var x, y Outcome
			a, x = Decide(a, when(times[i]))
			b, y = Decide(b, when(times[i]))
			if x, y := strip(x), strip(y); !reflect.DeepEqual(x, y) {
				r.Fatalf("decision %d: %+v in one order, %+v in another", i, x, y)
			}
		}
	})
}

func TestTimeNeverGoesBack(t *testing.T) {
	t.Attr("invariant", "E2")
	c := start(t, quiet(t, dead), 1)
	c.goOn(5_000)
	out := c.decide(1_000)
	if !out.AsOf.Equal(when(5_000)) || out.Gap != 0 {
		t.Errorf("decided as of %v after %v", out.AsOf, when(5_000))
	}
	c.fold(Checkin{Run: "r", Member: "m00"})
	c.decide(2_000)
	if st := Status(c.s, "r", "m00", when(5_000)); !st.NextDue.Equal(when(15_000)) {
		t.Errorf("a check-in was given an earlier time: due %v", st.NextDue)
	}
}

func TestLongSilenceOfTheEngineEndsEveryRun(t *testing.T) {
	t.Attr("invariant", "E3")
	for _, c := range []struct {
		mode Mode
		want string
	}{{Enforce, "lease"}, {Observe, "engine"}, {Off, "engine"}} {
		doc := quiet(t, func(d *Document) { d.Lease.Mode = c.mode }) // 15 s + 15 s, max_gap 10 s
		ch := start(t, doc, 1)
		ch.fold(Beat{Run: "r", Alive: true})
		if out := ch.decide(10_000); out.Outage {
			t.Errorf("%v: a gap of max_gap is an outage", c.mode)
		}
		ch.fold(Beat{Run: "r", Alive: true})
		if out := ch.decide(20_001); !out.Outage || out.Verdicts[0].State != StateGo || out.Gap != 10_001*time.Millisecond {
			t.Errorf("%v: a gap above max_gap is no outage, or ends the run: %+v", c.mode, out)
		}
		still := *ch
		still.fold(Beat{Run: "r", Alive: true})
		still.goOn(50_001) // exactly lease + grace
		// Signs of life in the very range after the gap do not help, and a run
		// that is registered there was not armed through it.
		ch.fold(Beat{Run: "r", Alive: true}, Checkin{Run: "r", Member: "m00"}, Registered{Run: "s", Chain: "main", Class: "standard"})
		out := ch.decide(50_002)
		if out.Armed != 2 || out.Verdicts[0].State != StateHalt || out.Verdicts[1].State != StateGo || !out.Outage {
			t.Fatalf("%v: %+v", c.mode, out)
		}
		got := out.Verdicts[0].Causes
		if len(got) != 1 || got[0].Tripwire != c.want || got[0].Value != 30_001 || got[0].Bound != 30_000 || !got[0].Lists {
			t.Errorf("%v: %+v", c.mode, got)
		}
	}
}

func TestSilenceIsJudgedByTheEarlierLease(t *testing.T) {
	t.Attr("invariant", "E3")
	t.Attr("invariant", "E8")
	doc := quiet(t, leased)
	c := start(t, doc, 1)
	c.fold(Enforced{Doc: successor(t, doc, func(d *Document) { d.Lease.DurationMS = 600_000 })})
	c.halts(30_001, "lease")
}

func TestAHaltIsFinal(t *testing.T) {
	t.Attr("invariant", "E5")
	t.Attr("invariant", "E6")
	doc := quiet(t, live)
	c := start(t, doc, 2)
	c.fold(Vote{Run: "r"})
	causes := c.halts(1_000, "live_vote")
	if want := []uint64{2}; !slices.Equal(causes[0].Evidence, want) {
		t.Errorf("evidence %v, want %v", causes[0].Evidence, want)
	}
	for _, e := range []Event{Halted{Run: "r"}, Vote{Run: "r"}, Checkin{Run: "r", Member: "m00"}, Beat{Run: "r", Alive: true}, Artefact{Run: "r"}, Closed{Run: "r"}, Regrouped{Run: "r", Members: names(3)}, Enforced{Doc: doc}} {
		c.fold(e)
		if out := c.decide(2_000); out.Armed != 0 || len(out.Changed) != 0 || out.Root != EmptyRoot() {
			t.Fatalf("after %T: %+v", e, out)
		}
	}
}

func TestOneHaltEndsTheRunInAllChains(t *testing.T) {
	t.Attr("invariant", "E6")
	c := start(t, quiet(t, live), 2)
	// Another engine's halt: over here too, without a verdict, also if this
	// chain would halt in the same range.
	c.fold(Vote{Run: "r"}, Halted{Run: "r"})
	if out := c.decide(1_000); out.Armed != 0 || len(out.Changed) != 0 {
		t.Errorf("%+v", out)
	}
	// Registered and halted within one range: never armed here.
	c.fold(Registered{Run: "s", Chain: "main", Class: "standard"}, Halted{Run: "s"})
	if out := c.decide(2_000); out.Armed != 0 {
		t.Errorf("%+v", out)
	}
}

func TestAllCausesInCanonicalOrder(t *testing.T) {
	t.Attr("invariant", "E6")
	doc := quiet(t, func(d *Document) {
		d.LiveVote.Mode, d.DeadVote.Mode, d.Lease.Mode, d.Monitors.Mode, d.Artefact.Mode = Enforce, Enforce, Enforce, Enforce, Enforce
		d.Life.Mode, d.Witness.Mode, d.Engine.Mode = Enforce, Enforce, Enforce
		d.Monitors.Keys, d.Monitors.DwellMS, d.Artefact.PeriodMS, d.Life.MaxMS = []string{key(1)}, 20_000, 20_000, 30_001
		d.Engine.Quorum, d.Expires = 2, when(30_001)
	})
	c := start(t, doc, 3)
	for ms := int64(5_000); ms < 30_000; ms += 5_000 {
		c.goOn(ms, Beat{Run: "r", Alive: true}, MonitorBeat{Monitor: key(1)}, Artefact{Run: "r"}, Anchored{Min: when(ms)},
			Checkin{Run: "r", Member: "m00"}, Checkin{Run: "r", Member: "m01"}, Checkin{Run: "r", Member: "m02"}, Decided{Engine: "other", Go: []string{"r"}})
	}
	c.fold(Vote{Run: "r"}, Closed{Run: "r"})
	all := slices.DeleteFunc(Tripwires(), func(s string) bool { return s == "semantics" })
	for _, x := range c.halts(60_000, all...) {
		if x.Evidence == nil || !slices.IsSorted(x.Evidence) || len(x.Evidence) > MaxEvidence {
			t.Errorf("%s: evidence %v", x.Tripwire, x.Evidence)
		}
		if x.Lists == (x.Tripwire == "life") {
			t.Errorf("%s: lists %v", x.Tripwire, x.Lists)
		}
	}
}

func TestCloseIsVoidIfAnythingTrips(t *testing.T) {
	t.Attr("invariant", "E5")
	c := start(t, quiet(t, live), 2)
	other := *c
	c.fold(Closed{Run: "r"})
	out := c.decide(1_000)
	if v := out.Changed; len(v) != 1 || v[0].State != StateClosed || len(v[0].Causes) != 0 {
		t.Errorf("%+v", out)
	}
	c.fold(Vote{Run: "r"})
	if out := c.decide(2_000); out.Armed != 0 {
		t.Errorf("a closed run is still armed: %+v", out)
	}
	other.fold(Closed{Run: "r"}, Vote{Run: "r"}) // either order, one range
	other.halts(1_000, "live_vote")
}

func TestUnknownSemanticsHalts(t *testing.T) {
	t.Attr("invariant", "E7")
	doc := quiet(t, live)
	c := start(t, doc, 2)
	strange := &Document{Chain: "main", Number: 2, Semantics: 9, raw: []byte("{}")}
	c.fold(Enforced{Doc: strange})
	if _, ok := errors.AsType[*SemanticsError](c.s.Err()); !ok {
		t.Errorf("Err before the decision: %v", c.s.Err())
	}
	again := *c
	causes := c.halts(1_000, "semantics")
	if causes[0].Value != 9 || causes[0].Bound != Semantics || causes[0].Lists {
		t.Errorf("%+v", causes)
	}
	if _, ok := errors.AsType[*SemanticsError](c.s.Err()); !ok {
		t.Errorf("Err: %v", c.s.Err())
	}
	// What the earlier policy found is told too, and a run registered under
	// the unknown one halts in its first decision.
	again.fold(Vote{Run: "r"}, Registered{Run: "s", Chain: "main", Class: "standard"})
	out := again.decide(1_000)
	if got := tripwiresOf(out.Verdicts[0].Causes); !slices.Equal(got, []string{"live_vote", "semantics"}) {
		t.Errorf("causes %v", got)
	}
	if got := tripwiresOf(out.Verdicts[1].Causes); !slices.Equal(got, []string{"semantics"}) {
		t.Errorf("causes %v", got)
	}
	again.fold(Enforced{Doc: successor(t, successor(t, doc))}, Registered{Run: "t", Chain: "main", Class: "standard"})
	if err := again.s.Err(); err != nil {
		t.Errorf("Err after a known policy: %v", err)
	}
	if out := again.decide(2_000); out.Verdicts[0].State != StateGo {
		t.Errorf("%+v", out)
	}
}

func TestNoValidPolicyHalts(t *testing.T) {
	t.Attr("invariant", "E4")
	c := start(t, quiet(t, func(d *Document) { d.Expires = when(7_000) }), 1)
	c.goOn(6_999)
	if x := c.halts(7_000, "expiry")[0]; x.Value != when(7_000).UnixMilli() || x.Bound != x.Value {
		t.Errorf("%+v", x)
	}
	c.fold(Registered{Run: "s", Chain: "nobody", Class: "standard"}, Registered{Run: "t", Chain: "main", Class: "unheard"})
	for _, v := range c.decide(7_000).Verdicts {
		if v.State != StateHalt || v.Causes[0].Tripwire != "expiry" {
			t.Errorf("%+v", v)
		}
	}
}

func TestChangedAndRoot(t *testing.T) {
	t.Attr("invariant", "E1")
	doc := quiet(t)
	c := start(t, doc, 1)
	if out := c.decide(100); len(out.Changed) != 0 || out.Armed != 1 {
		t.Errorf("an unchanged go is told in full: %+v", out)
	}
	c.fold(Registered{Run: "s", Chain: "main", Class: "standard"})
	if out := c.decide(200); len(out.Changed) != 1 || out.Changed[0].Run != "s" {
		t.Errorf("%+v", out.Changed)
	}
	c.fold(Enforced{Doc: successor(t, doc)})
	out := c.decide(300)
	if len(out.Changed) != 2 || out.Changed[0].Policy != 2 {
		t.Errorf("another policy is no change: %+v", out.Changed)
	}
	forged := slices.Clone(out.Verdicts)
	forged[1].State = StateHalt
	if Root(forged) == out.Root || Root(out.Verdicts[:1]) == out.Root || Root(nil) != EmptyRoot() {
		t.Error("the root does not bind the verdicts")
	}
}

func TestObserveHasNoEffect(t *testing.T) {
	c := start(t, quiet(t, func(d *Document) { d.LiveVote.Mode, d.DeadVote.Mode = Observe, Observe }), 3)
	c.fold(Vote{Run: "r"})
	out := c.decide(1_000)
	if out.Verdicts[0].State != StateGo || len(out.Observed) != 1 || out.Observed[0].Causes[0].Tripwire != "live_vote" {
		t.Errorf("%+v", out)
	}
	if out := c.decide(2_000); len(out.Observed) != 0 {
		t.Errorf("one vote is observed twice: %+v", out.Observed)
	}
	trips := 0
	for ms := int64(3_000); ms <= 61_000; ms += 1_000 {
		out := c.decide(ms)
		trips += len(out.Observed)
		if out.Verdicts[0].State != StateGo {
			t.Fatalf("at %d: %+v", ms, out)
		}
	}
	if trips != 6 { // three members, three misses: at 10 s, 20 s, …
		t.Errorf("observed %d dead votes, want 6", trips)
	}
}
