package policy

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func near(a, b float64) bool { return math.Abs(a-b) < 1e-12 }

// TestByChanceAgainstEnumeration adds up every outcome of small cases.
func TestByChanceAgainstEnumeration(t *testing.T) {
	for _, c := range []struct{ members, threshold, window, horizon int }{
		{1, 1, 1, 3}, {1, 2, 2, 6}, {1, 3, 3, 10}, {2, 3, 3, 6}, {3, 3, 3, 5}, {3, 4, 2, 5}, {4, 5, 4, 4}, {2, 3, 5, 7}, {0, 1, 1, 4}, {3, 3, 3, 0},
	} {
		for _, p := range []float64{0, 0.1, 0.5, 1} {
			want := 0.0
			bits := c.members * c.horizon
			for outcome := range 1 << bits {
				chance := 1.0
				counts := make([]int, c.horizon)
				for i := range bits {
					if outcome>>i&1 == 1 {
						chance *= p
						counts[i/max(c.members, 1)]++
					} else {
						chance *= 1 - p
					}
				}
				for end := range counts {
					sum := 0
					for i := max(0, end-c.window+1); i <= end; i++ {
						sum += counts[i]
					}
					if sum >= c.threshold {
						want += chance
						break
					}
				}
			}
			got, err := ByChance(c.members, p, c.threshold, c.window, c.horizon)
			if err != nil || !near(got, want) {
				t.Errorf("%+v p %v: %v, %v, want %v", c, p, got, err, want)
			}
		}
	}
}

// TestByChanceAgainstTheEngine lets the engine itself judge members who miss
// at random.
func TestByChanceAgainstTheEngine(t *testing.T) {
	const (
		rounds, horizon, members, p = 4_000, 12, 4, 0.12
	)
	doc := quiet(t, dead)
	want, err := ByChance(members, p, 3, 3, horizon)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	halted := 0
	base := start(t, doc, members)
	for range rounds {
		s := base.s
		for i := int64(1); i <= horizon+1; i++ {
			// Right at each due time, so that due times stay aligned.
			if i <= horizon {
				for _, m := range names(members) {
					if rng.Float64() >= p {
						s = Fold(s, Checkin{Run: "r", Member: m})
					}
				}
			}
			var out Outcome
			s, out = Decide(s, when(i*10_000))
			if out.Verdicts[0].State == StateHalt {
				halted++
				break
			}
		}
	}
	got := float64(halted) / rounds
	if sigma := math.Sqrt(want * (1 - want) / rounds); math.Abs(got-want) > 4*sigma {
		t.Errorf("engine halts %v, mathematics says %v ± %v", got, want, sigma)
	}
}

// TestUnstoppedAgainstEnumeration: each member does not recognise, recognises
// and only stops checking in, or votes as well.
func TestUnstoppedAgainstEnumeration(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(0, 6).Draw(r, "members")
		q, v := rapid.Float64Range(0, 1).Draw(r, "recognise"), rapid.Float64Range(0, 1).Draw(r, "vote")
		threshold, intervals := rapid.IntRange(1, 8).Draw(r, "threshold"), rapid.IntRange(0, 8).Draw(r, "intervals")
		want := 0.0
		all := 1
		for range n {
			all *= 3
		}
		for outcome := range all {
			chance, silent, voted := 1.0, 0, false
			for range n {
				switch outcome % 3 {
				case 0:
					chance *= 1 - q
				case 1:
					chance *= q * (1 - v)
					silent++
				case 2:
					chance *= q * v
					silent++
					voted = true
				}
				outcome /= 3
			}
			if !voted && silent*intervals < threshold {
				want += chance
			}
		}
		got, err := Unstopped(n, q, v, threshold, intervals)
		if err != nil || math.Abs(got-want) > 1e-9 {
			r.Fatalf("%v, %v, want %v", got, err, want)
		}
	})
}

func TestRatesOfADocument(t *testing.T) {
	doc := quiet(t, live, dead)
	a := Assumptions{Members: 8, Miss: 0.001, Recognise: 0.5, Vote: 0.5, Horizon: time.Hour, Reaction: time.Minute}
	got, err := doc.Rates("standard", a)
	if err != nil {
		t.Fatal(err)
	}
	chance, _ := ByChance(8, 0.001, 3, 3, 360)
	missed, _ := Unstopped(8, 0.5, 0.5, 3, 3)
	if got.FalseShutdown != chance || got.FalseNotShutdown != missed || chance <= 0 || missed <= 0 {
		t.Errorf("%+v, want %v and %v", got, chance, missed)
	}
	stricter := successor(t, doc, func(d *Document) { d.DeadVote.Threshold = 2 })
	tight, err := stricter.Rates("standard", a)
	if err != nil || tight.FalseShutdown <= got.FalseShutdown || tight.FalseNotShutdown > got.FalseNotShutdown {
		t.Errorf("a lower threshold gives %+v after %+v", tight, got)
	}
	off, err := quiet(t).Rates("standard", a)
	if err != nil || off.FalseShutdown != 0 || off.FalseNotShutdown != 1 {
		t.Errorf("without votes: %+v, %v", off, err)
	}
	if _, err := doc.Rates("unheard", a); !errors.Is(err, ErrRates) {
		t.Errorf("unknown class: %v", err)
	}
	for _, bad := range []func() (float64, error){
		func() (float64, error) { return ByChance(8, 0.1, 400, 400, 10) },
		func() (float64, error) { return ByChance(8, 1.1, 3, 3, 10) },
		func() (float64, error) { return ByChance(65, 0.1, 3, 3, 10) },
		func() (float64, error) { return ByChance(8, math.NaN(), 3, 3, 10) },
		func() (float64, error) { return Unstopped(8, 0.1, 0.1, 0, 3) },
	} {
		if v, err := bad(); !errors.Is(err, ErrRates) {
			t.Errorf("%v, %v, want ErrRates", v, err)
		}
	}
}

// TestDelaysBoundTheEngine: whatever the decisions' times within max_gap, no
// tripwire takes longer than its bound, in real time of the log.
func TestDelaysBoundTheEngine(t *testing.T) {
	on := map[string]func(*Document){"dead_vote": dead, "live_vote": live}
	for name, w := range silences() {
		on[name] = w.on
	}
	rapid.Check(t, func(r *rapid.T) {
		name := rapid.SampledFrom([]string{"artefact", "dead_vote", "engine", "lease", "live_vote", "monitors", "witness"}).Draw(r, "tripwire")
		doc := quiet(t, on[name])
		members := rapid.IntRange(1, 5).Draw(r, "members")
		delays, err := doc.Delays("standard", members)
		if err != nil || delays[0].Tripwire != name || len(delays) != 2 { // and expiry
			r.Fatalf("%+v, %v", delays, err)
		}
		bound := delays[0].Bound.Milliseconds()
		c := start(t, doc, members)
		clock := int64(0)
		pause := func() int64 { return rapid.Int64Range(1, doc.MaxGapMS).Draw(r, "gap") }
		// The last sign of life is logged at some moment before a decision.
		next := pause()
		cause := rapid.Int64Range(0, next).Draw(r, "cause")
		switch name {
		case "dead_vote":
			for _, m := range names(members) {
				c.fold(Checkin{Run: "r", Member: m})
			}
		case "live_vote":
			c.fold(Vote{Run: "r"})
		case "witness":
			c.fold(Anchored{Min: when(cause), Max: when(cause)})
		default:
			c.fold(silences()[name].alive)
		}
		for clock = next; ; clock += pause() {
			if out := c.decide(clock); out.Verdicts[0].State == StateHalt {
				break
			}
		}
		if clock-cause > bound {
			r.Fatalf("%s took %d ms, bound %d", name, clock-cause, bound)
		}
	})
}
