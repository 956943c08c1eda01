package guard

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var testTerms = Terms{
	Origin: "log", Run: "run", GuardKey: "guard", Engines: []string{"e1", "e2", "e3"}, Quorum: 2,
	MaxDuration: 10 * time.Second, MaxAge: time.Minute, Skew: 2 * time.Second,
}

func at(boot time.Duration) Moment {
	return Moment{Boot: boot, Wall: time.Unix(1_700_000_000, 0).Add(boot), BootID: "boot"}
}

// answer is what an honest engine grants to r at now.
func answer(r LeaseRequest, engine string, d time.Duration, now Moment) (Lease, Checked) {
	return Lease{
		Origin: r.Origin, Run: r.Run, GuardKey: r.GuardKey, BootID: r.BootID, Nonce: r.Nonce, Sequence: r.Sequence,
		Duration: d, PolicyNumber: 1, DecisionIndex: 9, DecisionSize: 9, Engine: engine,
	}, Checked{Size: 10, Root: Hash{1}, Witnessed: now.Wall}
}

func mustLeases(t interface{ Fatal(...any) }, m Memory) Leases {
	l, err := NewLeases(testTerms, m, false)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestLeaseFields changes each field of a good lease alone.
func TestLeaseFields(t *testing.T) {
	t.Attr("invariant", "G1")
	t.Attr("invariant", "G3")
	now := at(time.Minute)
	base := mustLeases(t, Memory{})
	var err error
	var req LeaseRequest
	// An earlier round, so that there is something to go back behind.
	base, req, err = base.Ask(now, [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	lease, checked := answer(req, "e1", time.Second, now)
	lease.PolicyNumber, lease.PolicyHash = 5, Hash{5}
	if base, err = base.Grant(lease, checked, now); err != nil {
		t.Fatal(err)
	}
	base, req, err = base.Ask(now, [32]byte{2})
	if err != nil {
		t.Fatal(err)
	}
	if req.Sequence != 2 || req.SeenSize != 10 {
		t.Errorf("request %+v", req)
	}
	for name, tc := range map[string]struct {
		change func(*Lease, *Checked, *Moment)
		want   error
	}{
		"good":            {func(*Lease, *Checked, *Moment) {}, nil},
		"origin":          {func(l *Lease, _ *Checked, _ *Moment) { l.Origin = "other" }, ErrBinding},
		"run":             {func(l *Lease, _ *Checked, _ *Moment) { l.Run = "other" }, ErrBinding},
		"guard":           {func(l *Lease, _ *Checked, _ *Moment) { l.GuardKey = "other" }, ErrBinding},
		"boot id":         {func(l *Lease, _ *Checked, _ *Moment) { l.BootID = "other" }, ErrBinding},
		"engine":          {func(l *Lease, _ *Checked, _ *Moment) { l.Engine = "e9" }, ErrBinding},
		"nonce":           {func(l *Lease, _ *Checked, _ *Moment) { l.Nonce[31] = 1 }, ErrUnasked},
		"sequence":        {func(l *Lease, _ *Checked, _ *Moment) { l.Sequence++ }, ErrUnasked},
		"older sequence":  {func(l *Lease, _ *Checked, _ *Moment) { l.Sequence, l.Nonce = 1, [32]byte{1} }, ErrOld},
		"too long":        {func(l *Lease, _ *Checked, _ *Moment) { l.Duration = 10*time.Second + 1 }, ErrDuration},
		"longest":         {func(l *Lease, _ *Checked, _ *Moment) { l.Duration = 10 * time.Second }, nil},
		"no duration":     {func(l *Lease, _ *Checked, _ *Moment) { l.Duration = 0 }, ErrDuration},
		"negative":        {func(l *Lease, _ *Checked, _ *Moment) { l.Duration = -1 }, ErrDuration},
		"policy back":     {func(l *Lease, _ *Checked, _ *Moment) { l.PolicyNumber = 4 }, ErrPolicy},
		"no policy":       {func(l *Lease, _ *Checked, _ *Moment) { l.PolicyNumber = 0 }, ErrPolicy},
		"other policy":    {func(l *Lease, _ *Checked, _ *Moment) { l.PolicyHash[0]++ }, ErrPolicy},
		"next policy":     {func(l *Lease, _ *Checked, _ *Moment) { l.PolicyNumber, l.PolicyHash = 6, Hash{6} }, nil},
		"decision back":   {func(l *Lease, _ *Checked, _ *Moment) { l.DecisionIndex, l.DecisionSize = 8, 8 }, ErrOld},
		"decision size":   {func(l *Lease, _ *Checked, _ *Moment) { l.DecisionSize = 8 }, ErrOld},
		"decision first":  {func(l *Lease, _ *Checked, _ *Moment) { l.DecisionSize = 10 }, ErrBinding},
		"smaller log":     {func(_ *Lease, c *Checked, _ *Moment) { c.Size = 9 }, ErrOld},
		"other root":      {func(_ *Lease, c *Checked, _ *Moment) { c.Root[0]++ }, ErrSplitView},
		"old checkpoint":  {func(_ *Lease, c *Checked, n *Moment) { c.Witnessed = n.Wall.Add(-time.Minute - 1) }, ErrStale},
		"aged checkpoint": {func(_ *Lease, c *Checked, n *Moment) { c.Witnessed = n.Wall.Add(-time.Minute) }, nil},
		"future":          {func(_ *Lease, c *Checked, n *Moment) { c.Witnessed = n.Wall.Add(2*time.Second + 1) }, ErrStale},
		"wall forward":    {func(_ *Lease, _ *Checked, n *Moment) { n.Wall = n.Wall.Add(2*time.Second + 1) }, ErrClock},
		"wall back":       {func(_ *Lease, _ *Checked, n *Moment) { n.Wall = n.Wall.Add(-2*time.Second - 1) }, ErrClock},
		"boot back":       {func(_ *Lease, _ *Checked, n *Moment) { n.Boot, n.Wall = n.Boot-1, n.Wall.Add(-1) }, ErrClock},
		"rebooted":        {func(_ *Lease, _ *Checked, n *Moment) { n.BootID = "next" }, ErrBinding},
	} {
		l, c := answer(req, "e1", time.Second, now)
		l.PolicyNumber, l.PolicyHash = 5, Hash{5}
		then := now
		tc.change(&l, &c, &then)
		next, err := base.Grant(l, c, then)
		if !errors.Is(err, tc.want) || (err != nil && !errors.Is(err, ErrLease)) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
		if tc.want != nil && (len(next.grants) != len(base.grants) || next.memory.Sequence != base.memory.Sequence ||
			next.memory.SeenSize != base.memory.SeenSize) {
			t.Errorf("%s: a refused lease changed the state", name)
		}
		if tc.want == nil {
			if _, err := next.Grant(l, c, then); !errors.Is(err, ErrOld) {
				t.Errorf("%s: granted twice: %v", name, err)
			}
		}
		if _, err := base.Halt().Grant(l, c, then); !errors.Is(err, ErrHalted) {
			t.Errorf("%s: granted after halt: %v", name, err)
		}
	}
}

// leaseModel is the naive model: every accepted lease with its send time, judged from scratch each time.
type leaseModel struct {
	ends   map[string]time.Duration
	asked  map[uint64]time.Duration
	halted bool
}

func (m leaseModel) live(now time.Duration) bool {
	n := 0
	for _, end := range m.ends {
		if now < end {
			n++
		}
	}
	return !m.halted && n >= testTerms.Quorum
}

// TestLeasesAgainstModel: whatever the order of requests, answers, losses, halts and restarts, the run lives exactly
// while k of n unexpired leases, counted from their send times, stand.
func TestLeasesAgainstModel(t *testing.T) {
	t.Attr("invariant", "G1")
	t.Attr("invariant", "G3")
	rapid.Check(t, func(t *rapid.T) {
		l := mustLeases(t, Memory{})
		m := leaseModel{ends: map[string]time.Duration{}, asked: map[uint64]time.Duration{}}
		granted := map[string]uint64{}
		var requests []LeaseRequest
		now, last := time.Minute, uint64(0)
		t.Repeat(map[string]func(*rapid.T){
			"time passes": func(t *rapid.T) { now += time.Duration(rapid.Int64Range(0, int64(5*time.Second)).Draw(t, "d")) },
			"ask": func(t *rapid.T) {
				next, r, err := l.Ask(at(now), [32]byte{byte(len(requests)), byte(len(requests) >> 8)})
				if m.halted {
					if !errors.Is(err, ErrHalted) {
						t.Fatalf("asked after halt: %v", err)
					}
					return
				}
				if err != nil || r.Sequence <= last {
					t.Fatalf("sequence %d after %d: %v", r.Sequence, last, err)
				}
				l, last = next, r.Sequence
				requests = append(requests, r)
				m.asked[r.Sequence] = now
			},
			"answer": func(t *rapid.T) {
				if len(requests) == 0 {
					t.Skip()
				}
				r := requests[rapid.IntRange(0, len(requests)-1).Draw(t, "request")]
				engine := rapid.SampledFrom(testTerms.Engines).Draw(t, "engine")
				d := time.Duration(rapid.Int64Range(1, int64(testTerms.MaxDuration)).Draw(t, "duration"))
				lease, checked := answer(r, engine, d, at(now))
				next, err := l.Grant(lease, checked, at(now))
				sent, open := m.asked[r.Sequence]
				open = open && r.Sequence+maxOutstanding > last
				want := open && r.Sequence > granted[engine] && !m.halted
				if (err == nil) != want {
					t.Fatalf("sequence %d of %d by %s (last %d): %v", r.Sequence, last, engine, granted[engine], err)
				}
				if err == nil {
					l, granted[engine], m.ends[engine] = next, r.Sequence, sent+d
				}
			},
			"restart": func(t *rapid.T) {
				raw, err := l.Memory().encode()
				if err != nil {
					t.Fatal(err)
				}
				mem, err := parseMemory(raw)
				if err != nil {
					t.Fatal(err)
				}
				if m.halted {
					return
				}
				l = mustLeases(t, mem)
				clear(m.ends)
				clear(m.asked)
			},
			"halt": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "rare") == 0 {
					l, m.halted = l.Halt(), true
				}
			},
			"": func(t *rapid.T) {
				live, why := l.Live(at(now))
				if live != m.live(now) || live == (why != "") {
					t.Fatalf("live %t (%s), model %t", live, why, m.live(now))
				}
				if end, ok := l.Deadline(at(now)); ok {
					if m.live(end) || !m.live(end-1) {
						t.Fatalf("deadline %s is not the last moment of %v", end, m.ends)
					}
				}
				// A restart or a jump of the clock ends every lease.
				other := at(now)
				other.BootID = "next"
				if live, _ := l.Live(other); live {
					t.Fatal("lives after a restart of the machine")
				}
				other = at(now)
				other.Wall = other.Wall.Add(testTerms.Skew + 1)
				if live, _ := l.Live(other); live {
					t.Fatal("lives after a jump of the clock")
				}
			},
		})
	})
}

// TestLeasesAreValues: no method changes what another holder of the same state sees.
func TestLeasesAreValues(t *testing.T) {
	now := at(0)
	a := mustLeases(t, Memory{})
	a, r, err := a.Ask(now, [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	states := []Leases{a}
	for _, e := range []string{"e3", "e1", "e2"} {
		l, c := answer(r, e, time.Second, now)
		next, err := states[len(states)-1].Grant(l, c, now)
		if err != nil {
			t.Fatal(err)
		}
		states = append(states, next)
	}
	for i, s := range states {
		if len(s.grants) != i || len(s.memory.Engines) != i || !slices.IsSortedFunc(s.memory.Engines, byEngine) {
			t.Errorf("state %d changed afterwards: %+v", i, s)
		}
	}
}

// TestMemoryMerge: writers may finish in any order.
func TestMemoryMerge(t *testing.T) {
	t.Attr("invariant", "G3")
	draw := rapid.Custom(func(t *rapid.T) Memory {
		n := func(label string) uint64 { return rapid.Uint64Range(0, 3).Draw(t, label) }
		m := Memory{Origin: "log", Run: "run", Sequence: n("sequence"), Statements: n("statements"), SeenSize: n("size"), PolicyNumber: n("policy")}
		m.SeenRoot, m.PolicyHash = Hash{byte(m.SeenSize)}, Hash{byte(m.PolicyNumber)}
		engines := map[string]EngineMemory{}
		for range rapid.IntRange(0, 3).Draw(t, "engines") {
			e := fmt.Sprintf("e%d", n("engine"))
			s := n("granted")
			engines[e] = EngineMemory{e, s, s, s}
		}
		m.Engines = slices.SortedFunc(maps.Values(engines), byEngine)
		return m
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := draw.Draw(t, "a"), draw.Draw(t, "b"), draw.Draw(t, "c")
		ab, ba := a.merge(b), b.merge(a)
		if !sameMemory(ab, ba) || !sameMemory(ab.merge(c), a.merge(b.merge(c))) || !sameMemory(ab.merge(a), ab) {
			t.Fatalf("merge depends on order: %+v %+v", ab, ba)
		}
		if ab.Sequence < a.Sequence || ab.SeenSize < b.SeenSize || ab.PolicyNumber < a.PolicyNumber {
			t.Fatalf("merge went back: %+v", ab)
		}
	})
}

func sameMemory(a, b Memory) bool {
	if len(a.Engines) == 0 && len(b.Engines) == 0 {
		a.Engines, b.Engines = nil, nil
	}
	x, err1 := a.encode()
	y, err2 := b.encode()
	return err1 == nil && err2 == nil && string(x) == string(y)
}
