package policy

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// write adds scripts that are not there yet. A released one is never written
// again: it says what its semantics number means (E7).
var write = flag.Bool("write", false, "write golden scripts that do not exist")

// A goldenEvent is any event in JSON.
type goldenEvent struct {
	Kind     string          `json:"kind"`
	Index    uint64          `json:"index"`
	Run      string          `json:"run,omitempty"`
	Chain    string          `json:"chain,omitempty"`
	Class    string          `json:"class,omitempty"`
	Members  []string        `json:"members,omitempty"`
	LifeMS   int64           `json:"max_life_ms,omitempty"`
	Member   string          `json:"member,omitempty"`
	Alive    bool            `json:"alive,omitempty"`
	Monitor  string          `json:"monitor,omitempty"`
	Size     uint64          `json:"size,omitempty"`
	Min      string          `json:"min,omitempty"`
	Max      string          `json:"max,omitempty"`
	Engine   string          `json:"engine,omitempty"`
	Go       []string        `json:"go,omitempty"`
	Document json.RawMessage `json:"document,omitempty"`
}

type goldenCause struct {
	Tripwire string   `json:"tripwire"`
	Evidence []uint64 `json:"evidence"`
	Value    int64    `json:"value"`
	Bound    int64    `json:"bound"`
	Lists    bool     `json:"lists"`
}

type goldenVerdict struct {
	Run    string        `json:"run"`
	Policy uint64        `json:"policy"`
	State  string        `json:"state"`
	Causes []goldenCause `json:"causes"`
}

type goldenOutcome struct {
	AsOf     string          `json:"as_of"`
	Armed    int             `json:"armed"`
	Root     Hash            `json:"root"`
	Verdicts []goldenVerdict `json:"verdicts"`
	Changed  []goldenVerdict `json:"changed"`
	Observed []goldenVerdict `json:"observed"`
	GapMS    int64           `json:"gap_ms"`
	Outage   bool            `json:"outage"`
}

type goldenRange struct {
	Events  []goldenEvent `json:"events"`
	AsOf    string        `json:"as_of"`
	Outcome goldenOutcome `json:"outcome"`
}

type goldenScript struct {
	About          string        `json:"about"`
	SkewMS         int64         `json:"skew_ms"`
	AnchorPeriod   int64         `json:"anchor_period_ms"`
	DecisionPeriod int64         `json:"decision_period_ms"`
	Ranges         []goldenRange `json:"ranges"`
}

func stamp(t time.Time) string { return t.UTC().Format(timeLayout) }

func goldenVerdicts(list []Verdict) []goldenVerdict {
	out := []goldenVerdict{}
	for _, v := range list {
		g := goldenVerdict{Run: v.Run, Policy: v.Policy, State: v.State, Causes: []goldenCause{}}
		for _, c := range v.Causes {
			g.Causes = append(g.Causes, goldenCause(c))
		}
		out = append(out, g)
	}
	return out
}

func goldenOf(o Outcome) goldenOutcome {
	return goldenOutcome{
		AsOf: stamp(o.AsOf), Armed: o.Armed, Root: o.Root, Verdicts: goldenVerdicts(o.Verdicts), Changed: goldenVerdicts(o.Changed),
		Observed: goldenVerdicts(o.Observed), GapMS: o.Gap.Milliseconds(), Outage: o.Outage,
	}
}

func printEvent(e Event) goldenEvent {
	g := goldenEvent{Index: e.at()}
	switch e := e.(type) {
	case Registered:
		g.Kind, g.Run, g.Chain, g.Class, g.Members, g.LifeMS = "registered", e.Run, e.Chain, e.Class, e.Members, e.MaxLife.Milliseconds()
	case Regrouped:
		g.Kind, g.Run, g.Members = "regrouped", e.Run, e.Members
	case Enforced:
		g.Kind, g.Document = "enforced", e.Doc.Encode()
	case Checkin:
		g.Kind, g.Run, g.Member = "checkin", e.Run, e.Member
	case Vote:
		g.Kind, g.Run = "vote", e.Run
	case Beat:
		g.Kind, g.Run, g.Alive = "beat", e.Run, e.Alive
	case MonitorBeat:
		g.Kind, g.Monitor = "monitor", e.Monitor
	case Artefact:
		g.Kind, g.Run = "artefact", e.Run
	case Anchored:
		g.Kind, g.Size, g.Min, g.Max = "anchored", e.Size, stamp(e.Min), stamp(e.Max)
	case Closed:
		g.Kind, g.Run = "closed", e.Run
	case Halted:
		g.Kind, g.Run = "halted", e.Run
	case Decided:
		g.Kind, g.Engine, g.Go = "decided", e.Engine, e.Go
	}
	return g
}

func readEvent(t *testing.T, g goldenEvent) Event {
	clock := func(s string) time.Time {
		v, err := time.Parse(timeLayout, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	switch g.Kind {
	case "registered":
		return Registered{Run: g.Run, Chain: g.Chain, Class: g.Class, Members: g.Members, MaxLife: time.Duration(g.LifeMS) * time.Millisecond, Index: g.Index}
	case "regrouped":
		return Regrouped{Run: g.Run, Members: g.Members, Index: g.Index}
	case "enforced":
		var raw bytes.Buffer
		if err := json.Compact(&raw, g.Document); err != nil {
			t.Fatal(err)
		}
		d, err := Parse(raw.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		return Enforced{Doc: d, Index: g.Index}
	case "checkin":
		return Checkin{Run: g.Run, Member: g.Member, Index: g.Index}
	case "vote":
		return Vote{Run: g.Run, Index: g.Index}
	case "beat":
		return Beat{Run: g.Run, Alive: g.Alive, Index: g.Index}
	case "monitor":
		return MonitorBeat{Monitor: g.Monitor, Index: g.Index}
	case "artefact":
		return Artefact{Run: g.Run, Index: g.Index}
	case "anchored":
		return Anchored{Size: g.Size, Min: clock(g.Min), Max: clock(g.Max), Index: g.Index}
	case "closed":
		return Closed{Run: g.Run, Index: g.Index}
	case "halted":
		return Halted{Run: g.Run, Index: g.Index}
	case "decided":
		return Decided{Engine: g.Engine, Go: g.Go, Index: g.Index}
	}
	t.Fatalf("event kind %q is unknown", g.Kind)
	return nil
}

// TestGolden replays every script of every released semantics number.
func TestGolden(t *testing.T) {
	t.Attr("invariant", "E1")
	t.Attr("invariant", "E7")
	if *write {
		for name, play := range scenarios() {
			writeScript(t, name, play)
		}
	}
	files, err := filepath.Glob(fmt.Sprintf("testdata/semantics%d/*.json", Semantics))
	if err != nil || len(files) < len(scenarios()) {
		t.Fatalf("%d scripts, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var g goldenScript
			if err := json.Unmarshal(raw, &g); err != nil {
				t.Fatal(err)
			}
			ms := time.Millisecond
			s := New(Config{Skew: time.Duration(g.SkewMS) * ms, AnchorPeriod: time.Duration(g.AnchorPeriod) * ms, DecisionPeriod: time.Duration(g.DecisionPeriod) * ms})
			for i, r := range g.Ranges {
				for _, e := range r.Events {
					s = Fold(s, readEvent(t, e))
				}
				asOf, err := time.Parse(timeLayout, r.AsOf)
				if err != nil {
					t.Fatal(err)
				}
				var out Outcome
				s, out = Decide(s, asOf)
				got, _ := json.Marshal(goldenOf(out))
				want, _ := json.Marshal(r.Outcome)
				if !bytes.Equal(got, want) {
					t.Fatalf("range %d:\n got %s\nwant %s", i, got, want)
				}
			}
		})
	}
}

// recorder plays a scenario and keeps its script.
type recorder struct {
	t      *testing.T
	s      State
	script goldenScript
	open   []goldenEvent
	index  uint64
}

func (r *recorder) fold(events ...Event) {
	c := &chain{t: r.t, s: r.s, index: r.index}
	c.fold(events...)
	r.s, r.index = c.s, c.index
	r.open = append(r.open, make([]goldenEvent, len(events))...)
	w := c.s.waiting
	for i := range events {
		r.open[len(r.open)-1-i] = printEvent(w.event)
		w = w.rest
	}
}

func (r *recorder) decide(ms int64) Outcome {
	s, out := Decide(r.s, when(ms))
	r.s = s
	if r.open == nil {
		r.open = []goldenEvent{}
	}
	r.script.Ranges = append(r.script.Ranges, goldenRange{Events: r.open, AsOf: stamp(when(ms)), Outcome: goldenOf(out)})
	r.open = nil
	return out
}

func writeScript(t *testing.T, name string, play func(*recorder)) {
	file := fmt.Sprintf("testdata/semantics%d/%s.json", Semantics, name)
	if _, err := os.Stat(file); err == nil {
		return
	}
	r := &recorder{t: t, s: New(genesis), script: goldenScript{
		About: name, SkewMS: genesis.Skew.Milliseconds(), AnchorPeriod: genesis.AnchorPeriod.Milliseconds(), DecisionPeriod: genesis.DecisionPeriod.Milliseconds(),
	}}
	play(r)
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetIndent("", " ")
	if err := enc.Encode(r.script); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, buf.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
}

// scenarios are how the golden scripts came to be.
func scenarios() map[string]func(*recorder) {
	full := func(d *Document) {
		live(d)
		dead(d)
		leased(d)
		d.Monitors = Monitors{DwellMS: 25_000, Keys: []string{key(1), key(2), key(3)}, Lists: true, Mode: Enforce}
		d.Artefact.Mode, d.Artefact.PeriodMS = Enforce, 40_000
		d.Life.Mode, d.Life.MaxMS = Enforce, 120_000
		d.Witness.Mode = Enforce
		d.Engine = Engine{DwellMS: 20_000, Lists: true, Mode: Enforce, Quorum: 2}
	}
	run := func(id string, n int) Registered {
		return Registered{Run: id, Chain: "main", Class: "standard", Members: names(n), MaxLife: time.Hour}
	}
	return map[string]func(*recorder){
		"live-vote": func(r *recorder) {
			r.decide(0)
			r.fold(Enforced{Doc: quiet(r.t, live)}, run("a", 8), run("b", 8), run("c", 2))
			r.decide(100)
			r.fold(Vote{Run: "b"}, Closed{Run: "c"}, Vote{Run: "b"})
			r.decide(200)
			r.fold(Halted{Run: "b"}, Vote{Run: "b"})
			r.decide(300)
		},
		"dead-vote": func(r *recorder) {
			r.fold(Enforced{Doc: quiet(r.t, dead)}, run("a", 4))
			for ms := int64(0); ms <= 22_000; ms += 1_000 {
				if ms == 9_000 || ms == 18_000 {
					r.fold(Checkin{Run: "a", Member: "m00"}, Checkin{Run: "a", Member: "m01"}, Checkin{Run: "a", Member: "m02"})
				}
				if ms == 12_000 {
					r.fold(Checkin{Run: "a", Member: "m03"})
				}
				r.decide(ms)
			}
			r.fold(Regrouped{Run: "a", Members: []string{"m00", "m07"}})
			for ms := int64(22_500); ms <= 50_000; ms += 2_500 {
				r.decide(ms)
			}
		},
		"tightening": func(r *recorder) {
			doc := quiet(r.t, dead, leased, func(d *Document) { d.Artefact.Mode, d.Artefact.PeriodMS = Enforce, 40_000 })
			r.fold(Enforced{Doc: doc}, run("a", 1), run("b", 1), run("c", 4))
			for ms := int64(0); ms <= 44_000; ms += 4_000 {
				r.fold(Beat{Run: "a", Alive: true}, Beat{Run: "b", Alive: true})
				if ms < 28_000 || ms > 32_000 {
					r.fold(Checkin{Run: "a", Member: "m00"}, Checkin{Run: "b", Member: "m00"})
				}
				if ms == 20_000 {
					r.fold(Artefact{Run: "b"})
				}
				if ms%8_000 == 4_000 {
					doc = successor(r.t, doc, func(d *Document) { d.Artefact.PeriodMS -= 1_000; d.Classes[0].CheckinIntervalMS -= 500 })
					r.fold(Enforced{Doc: doc})
				}
				r.decide(ms)
			}
			r.decide(60_000)
		},
		"outage-and-silence": func(r *recorder) {
			r.fold(Enforced{Doc: quiet(r.t, leased)}, run("a", 2))
			r.decide(0)
			for _, ms := range []int64{10_000, 20_001, 50_001, 80_002} {
				r.fold(Beat{Run: "a", Alive: true})
				r.decide(ms)
			}
			r.fold(run("b", 2))
			r.decide(80_003)
			r.fold(Beat{Run: "b"})
			r.decide(110_003)
			r.decide(110_004)
		},
		"policies": func(r *recorder) {
			one := quiet(r.t, dead)
			one.DeadVote.Threshold = 5
			two := successor(r.t, one, func(d *Document) { d.DeadVote.Threshold, d.Classes[0].CheckinIntervalMS = 4, 8_000 })
			three := successor(r.t, two, func(d *Document) { d.DeadVote.Mode, d.Lease.Mode = Observe, Enforce })
			four := successor(r.t, three, func(d *Document) { d.Lease.DurationMS, d.Expires = 20_000, when(60_000) })
			r.fold(Enforced{Doc: one}, run("a", 2))
			r.decide(0)
			r.decide(10_001)
			r.fold(Enforced{Doc: two})
			r.decide(12_000)
			r.decide(20_000)
			r.fold(Enforced{Doc: three})
			r.decide(20_001)
			r.fold(run("b", 3), Enforced{Doc: three}, Beat{Run: "b", Alive: true})
			r.decide(25_000)
			r.fold(Beat{Run: "b", Alive: true}, Enforced{Doc: four})
			r.decide(34_000)
			for ms := int64(40_000); ms <= 60_000; ms += 5_000 {
				r.fold(Beat{Run: "b", Alive: true})
				r.decide(ms)
			}
		},
		"unknown-semantics": func(r *recorder) {
			doc := quiet(r.t, live)
			r.fold(Enforced{Doc: doc}, run("a", 2))
			r.decide(0)
			strange, err := Parse([]byte(`{"chain":"main","number":2,"previous":"` + doc.Hash().String() + `","rules":[],"semantics":9}`))
			if err != nil {
				r.t.Fatal(err)
			}
			r.fold(Vote{Run: "a"}, Enforced{Doc: strange}, run("b", 2))
			r.decide(1_000)
			r.fold(run("c", 2))
			r.decide(2_000)
		},
		"all-causes": func(r *recorder) {
			r.fold(Enforced{Doc: quiet(r.t, full)}, run("a", 8))
			r.decide(0)
			r.fold(Beat{Run: "a", Alive: true}, Anchored{Size: 2, Min: when(1_000), Max: when(1_500)}, MonitorBeat{Monitor: key(2)}, Decided{Engine: "b", Go: []string{"a"}})
			r.decide(2_000)
			r.fold(Vote{Run: "a"})
			r.decide(200_000)
		},
		"a-long-day": func(r *recorder) {
			rng := rand.New(rand.NewPCG(2026, 1))
			doc := quiet(r.t, full, func(d *Document) { d.DeadVote.Threshold = 4 })
			r.fold(Enforced{Doc: doc})
			var ids []string
			for i := range 6 {
				ids = append(ids, fmt.Sprintf("run-%d", i))
				r.fold(run(ids[i], 4))
			}
			r.decide(0)
			for ms := int64(4_000); ms < 130_000; ms += 2_000 + rng.Int64N(2_000) {
				r.fold(Anchored{Size: r.index - 1, Min: when(ms - 1_500), Max: when(ms - 500)}, Decided{Engine: "b", Go: ids})
				for i := range 3 {
					r.fold(MonitorBeat{Monitor: key(byte(i + 1))})
				}
				for i, id := range ids {
					if i == 1 && ms > 30_000 {
						continue // its guard vanishes
					}
					r.fold(Beat{Run: id, Alive: true})
					for _, m := range names(4) {
						if rng.IntN(100) < 90-3*i {
							r.fold(Checkin{Run: id, Member: m})
						}
					}
					if rng.IntN(100) < 35 {
						r.fold(Artefact{Run: id})
					}
				}
				if rng.IntN(30) == 0 {
					r.fold(Closed{Run: ids[rng.IntN(len(ids))]})
				}
				r.decide(ms)
			}
		},
	}
}
