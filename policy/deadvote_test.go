package policy

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDeadVoteSumsOverTheGroup(t *testing.T) {
	t.Attr("invariant", "E8")
	c := start(t, quiet(t, dead), 8) // threshold 3, interval 10 s, window 30 s
	all := func(except ...string) []Event {
		var list []Event
		for _, m := range names(8) {
			if !slices.Contains(except, m) {
				list = append(list, Checkin{Run: "r", Member: m})
			}
		}
		return list
	}
	c.goOn(10_000, all("m03", "m05")...) // due now, not overdue: no miss
	c.goOn(10_001)                       // two misses, of 3 and 5
	c.goOn(20_000, all("m03")...)        // 5 is back, late
	if st := Status(c.s, "r", "m03", when(20_000)); st.Mine != 1 || st.Group != 2 || !st.Warn || st.Threshold != 3 || st.Window != 30*time.Second {
		t.Errorf("%+v", st)
	}
	x := c.halts(20_001, "dead_vote")[0] // 3 missed again
	if x.Value != 3 || x.Bound != 3 {
		t.Errorf("%+v", x)
	}
	// Evidence: 3 never checked in, so the run's registration; 5 had not either
	// when it missed.
	if !slices.Equal(x.Evidence, []uint64{1}) {
		t.Errorf("evidence %v", x.Evidence)
	}
}

func TestOneSilentMemberIsEnough(t *testing.T) {
	c := start(t, quiet(t, dead), 2)
	var last uint64
	for ms := int64(5_000); ms <= 40_000; ms += 5_000 {
		if ms == 10_000 {
			last = c.index
			c.fold(Checkin{Run: "r", Member: "m01"})
		}
		c.goOn(ms, Checkin{Run: "r", Member: "m00"})
	}
	x := c.halts(40_001, "dead_vote")[0] // due at 20, 30 and 40 s
	if !slices.Equal(x.Evidence, []uint64{last}) {
		t.Errorf("evidence %v, want the last check-in %d", x.Evidence, last)
	}
}

func TestOldMissesLeaveTheWindow(t *testing.T) {
	c := start(t, quiet(t, dead), 1)
	for ms := int64(0); ms < 200_000; ms += 40_000 {
		c.goOn(ms+20_500, Checkin{Run: "r", Member: "m00"}) // misses at +10 s and +20 s
		c.goOn(ms+30_000, Checkin{Run: "r", Member: "m00"})
		c.goOn(ms+40_000, Checkin{Run: "r", Member: "m00"})
	}
}

func TestMissesStayWhenTheThresholdFalls(t *testing.T) {
	t.Attr("invariant", "E8")
	doc := quiet(t, dead, func(d *Document) { d.DeadVote.Threshold = 5 })
	c := start(t, doc, 3)
	c.goOn(10_001)
	c.fold(Enforced{Doc: successor(t, doc, func(d *Document) { d.DeadVote.Threshold = 3 })})
	if x := c.halts(10_002, "dead_vote")[0]; x.Value != 3 || x.Bound != 3 {
		t.Errorf("%+v", x)
	}
}

func TestEarlierDueTimesAreJudgedByTheEarlierValue(t *testing.T) {
	t.Attr("invariant", "E8")
	doc := quiet(t, dead)
	// Three misses at 10 s meet the old threshold; the new one comes with the
	// decision that sees them.
	c := start(t, doc, 3)
	c.fold(Enforced{Doc: successor(t, doc, func(d *Document) { d.DeadVote.Threshold = 9 })})
	if x := c.halts(10_001, "dead_vote")[0]; x.Value != 3 || x.Bound != 3 {
		t.Errorf("%+v", x)
	}
	// A trip that was only observed halts nobody when enforcing begins.
	doc = quiet(t, func(d *Document) { d.DeadVote.Mode = Observe })
	c = start(t, doc, 3)
	c.fold(Enforced{Doc: successor(t, doc, dead)})
	if out := c.decide(10_001); out.Verdicts[0].State != StateGo || len(out.Observed) != 1 {
		t.Errorf("%+v", out)
	}
}

func TestANewIntervalStartsAFullWindow(t *testing.T) {
	t.Attr("invariant", "E8")
	doc := quiet(t, dead)
	c := start(t, doc, 3)
	next := successor(t, doc, func(d *Document) { d.Classes[0].CheckinIntervalMS = 2_000 })
	c.goOn(7_000, Enforced{Doc: next})
	c.goOn(9_000) // 7 + 2 s is due, and 10 s no more
	c.halts(9_001, "dead_vote")
	// What was due sooner stays due.
	c = start(t, doc, 3)
	c.goOn(9_000, Enforced{Doc: next})
	c.goOn(10_000)
	c.halts(10_001, "dead_vote")
	// A longer interval starts anew.
	c = start(t, doc, 3)
	c.goOn(9_000, Enforced{Doc: successor(t, doc, func(d *Document) { d.Classes[0].CheckinIntervalMS = 12_000 })})
	c.goOn(21_000)
	c.halts(21_001, "dead_vote")
}

func TestEnforcingStartsAFullWindow(t *testing.T) {
	t.Attr("invariant", "E8")
	doc := quiet(t)
	c := start(t, doc, 3)
	c.keep(5_000, 25_000)
	c.goOn(25_000, Enforced{Doc: successor(t, doc, dead)})
	c.goOn(35_000)
	c.halts(35_001, "dead_vote")
}

func TestAChangeElsewhereMovesNoDueTime(t *testing.T) {
	t.Attr("invariant", "E8")
	doc := quiet(t, dead)
	c := start(t, doc, 3)
	c.goOn(5_000, Enforced{Doc: successor(t, doc, func(d *Document) { d.ListingDelayMS-- })})
	c.goOn(10_000)
	c.halts(10_001, "dead_vote")
}

func TestTheWindowIsOpenAtItsOldEnd(t *testing.T) {
	c := start(t, quiet(t, dead, func(d *Document) { d.DeadVote.Threshold = 2 }), 1)
	c.goOn(10_001) // missed at 10 s
	c.goOn(20_000, Checkin{Run: "r", Member: "m00"})
	c.goOn(30_001) // missed at 30 s: 20 s later, the whole window
	c.halts(40_001, "dead_vote")
}

// TestAWiderWindowRecallsNothing: misses that left the window are gone.
func TestAWiderWindowRecallsNothing(t *testing.T) {
	t.Attr("invariant", "E8")
	doc := quiet(t, dead)
	c := start(t, doc, 1)
	c.goOn(20_001) // two misses
	for ms := int64(25_000); ms <= 55_000; ms += 5_000 {
		c.goOn(ms, Checkin{Run: "r", Member: "m00"})
	}
	c.goOn(56_000, Enforced{Doc: successor(t, doc, func(d *Document) { d.DeadVote.WindowMS = 200_000 })})
	c.goOn(65_001) // one more
	if st := Status(c.s, "r", "m00", when(65_001)); st.Group != 1 {
		t.Errorf("%d misses stand, want 1", st.Group)
	}
}

func TestRegroupedMembers(t *testing.T) {
	c := start(t, quiet(t, dead), 3)
	c.goOn(9_000, Regrouped{Run: "r", Members: []string{"m00", "m08", "m09"}})
	c.goOn(10_001) // m00 missed; m01 and m02 are gone, m08 and m09 due at 19 s
	if st := Status(c.s, "r", "m08", when(10_001)); st.Group != 1 || st.Mine != 0 || !st.NextDue.Equal(when(19_000)) {
		t.Errorf("%+v", st)
	}
	if Status(c.s, "r", "m01", when(10_001)).Known {
		t.Error("a removed member is known")
	}
	c.halts(19_001, "dead_vote")
}

// TestDeadVoteAgainstTheFormula: a member who starts (armed, checked in, or was
// given a new interval i) at s misses s + i, s + 2i, … as long as they are
// before his next start and before as_of; with a shorter interval the first is
// no later than it was before. The run halts at the first decision
// before which some window holds threshold misses.
func TestDeadVoteAgainstTheFormula(t *testing.T) {
	t.Attr("invariant", "E8")
	rapid.Check(t, func(r *rapid.T) {
		type begin struct{ at, first, interval int64 }
		// On a coarse grid due times, check-ins and edges of windows meet.
		grid := rapid.SampledFrom([]int64{1, 500}).Draw(r, "grid")
		draw := func(low, high int64, label string) int64 {
			return rapid.Int64Range(low/grid, high/grid).Draw(r, label) * grid
		}
		interval := draw(1_000, 4_000, "interval")
		doc := quiet(t, dead, func(d *Document) {
			d.Classes[0].CheckinIntervalMS = interval
			d.DeadVote.Threshold = rapid.Int64Range(1, 6).Draw(r, "threshold")
		})
		if rapid.Bool().Draw(r, "window") {
			doc.DeadVote.WindowMS = doc.DeadVote.Threshold*4_000 + draw(0, 9_000, "more")
		}
		members := names(rapid.IntRange(1, 5).Draw(r, "members"))
		c := start(t, doc, len(members))
		starts := map[string][]begin{}
		for _, m := range members {
			starts[m] = []begin{{0, interval, interval}}
		}
		clock := int64(0)
		for range rapid.IntRange(1, 30).Draw(r, "decisions") {
			before := interval
			clock += draw(0, 2_500, "pause")
			for _, m := range members {
				if rapid.IntRange(0, 9).Draw(r, "checkin") < 5 {
					c.fold(Checkin{Run: "r", Member: m})
					starts[m] = append(starts[m], begin{clock, clock + interval, interval})
				}
			}
			// Judged by what was in force: the range's policy comes after it.
			window := doc.DeadVote.window(before)
			var misses []int64
			for _, m := range members {
				for i, s := range starts[m] {
					until := clock
					if i+1 < len(starts[m]) {
						until = starts[m][i+1].at
					}
					for due := s.first; due < until; due += s.interval {
						misses = append(misses, due)
					}
				}
			}
			halt := false
			for _, end := range misses {
				n := int64(0)
				for _, at := range misses {
					if at > end-window && at <= end {
						n++
					}
				}
				halt = halt || n >= doc.DeadVote.Threshold
			}
			changed := false
			if doc.DeadVote.WindowMS != 0 && rapid.IntRange(0, 9).Draw(r, "policy") == 0 {
				changed, interval = true, draw(1_000, 4_000, "interval")
				doc = successor(t, doc, func(d *Document) { d.Classes[0].CheckinIntervalMS = interval })
				c.fold(Enforced{Doc: doc})
			}
			out := c.decide(clock)
			if got := out.Verdicts[0].State == StateHalt; got != halt {
				r.Fatalf("at %d: halt %v, want %v (misses %v, threshold %d, window %d)", clock, got, halt, misses, doc.DeadVote.Threshold, window)
			}
			if halt {
				return
			}
			if changed && interval != before {
				for _, m := range members {
					first, last := clock+interval, starts[m][len(starts[m])-1]
					if pending := last.first; interval < before {
						for pending < clock {
							pending += last.interval
						}
						first = min(first, pending)
					}
					starts[m] = append(starts[m], begin{clock, first, interval})
				}
			}
			stand := 0
			for _, at := range misses {
				if at > clock-doc.DeadVote.window(interval) {
					stand++
				}
			}
			if st := Status(c.s, "r", members[0], when(clock)); st.Group != stand {
				r.Fatalf("at %d: %d misses stand, want %d", clock, st.Group, stand)
			}
		}
	})
}

func TestStatusLooksAhead(t *testing.T) {
	c := start(t, quiet(t, dead), 3)
	// Between two decisions the beeper already sees what the next one will.
	st := Status(c.s, "r", "m00", when(10_001))
	if !st.Known || st.Group != 3 || st.Mine != 1 || !st.Warn || !st.HaltAt.Equal(when(10_001)) || st.Counted {
		t.Errorf("%+v", st)
	}
	if st := Status(c.s, "r", "m00", when(500)); st.Group != 0 || st.Warn || !st.NextDue.Equal(when(10_000)) || st.Interval != 10*time.Second {
		t.Errorf("%+v", st)
	}
	if Status(c.s, "x", "m00", when(0)).Known || Status(c.s, "r", "m99", when(0)).Known {
		t.Error("a stranger is known")
	}
	c.goOn(9_000, Checkin{Run: "r", Member: "m00"}, Checkin{Run: "r", Member: "m01"})
	// m02 alone: misses at 10 s, 20 s … and the others' from 19 s on.
	if st := Status(c.s, "r", "m01", when(9_000)); !st.Counted || !st.HaltAt.Equal(when(19_001)) {
		t.Errorf("%+v", st)
	}
}
