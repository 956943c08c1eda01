package labcheck_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/labcheck"
	"github.com/haltlog/haltlog/internal/query"
	"github.com/haltlog/haltlog/internal/trust"
	"github.com/haltlog/haltlog/internal/trust/trusttest"
	"github.com/haltlog/haltlog/log"
)

// tensor is a 256 × 256 tensor of random numbers.
func tensor(name string, seed uint64) fingerprint.Source {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, 0, 256*256*4)
	for range 256 * 256 {
		b = binary.LittleEndian.AppendUint32(b, 0x3f000000|r.Uint32()>>9)
	}
	return fingerprint.Bytes(name, fingerprint.F32, []uint64{256, 256}, b)
}

func model(t *testing.T, file string, tensors ...fingerprint.Source) fingerprint.Model {
	t.Helper()
	var b bytes.Buffer
	if err := fingerprint.WriteFile(&b, nil, tensors); err != nil {
		t.Fatal(err)
	}
	m, err := fingerprint.Scan(fstest.MapFS{file: {Data: b.Bytes()}}, fingerprint.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// halted is a log in which a run with a model was halted and its labels published.
func halted(t *testing.T) (*foldtest.Log, *trusttest.Server, []blacklist.Entry) {
	t.Helper()
	return haltedAfter(t, func(*foldtest.Log, []blacklist.Entry) {})
}

// haltedAfter is the same, with something logged before.
func haltedAfter(t *testing.T, before func(*foldtest.Log, []blacklist.Entry)) (*foldtest.Log, *trusttest.Server, []blacklist.Entry) {
	t.Helper()
	key := voprf.GenerateKey()
	l := foldtest.New(t, foldtest.Options{Genesis: func(g *log.Genesis) {
		pk := key.Public().Bytes()
		g.Evaluators = log.EvaluatorSet{Version: 1, PublicKey: pk, T: 1, N: 1, Commitments: []log.Bytes{pk}}
	}})
	l.Setup()
	l.Decide(l.Engines[0])
	m := model(t, "a.safetensors", tensor("x", 1), tensor("y", 2), tensor("z", 3))
	var entries []blacklist.Entry
	for _, q := range blacklist.Questions(m) {
		label, err := key.Label(q.Input)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, blacklist.Entry{Kind: q.Kind, Label: label})
	}
	before(l, entries)
	l.Run("run-1")
	l.Artefact("run-1", entries)
	l.Heartbeat("run-1")
	l.Anchor()
	l.Decide(l.Engines[0])
	l.Vote("run-1", l.Members[0])
	l.Decide(l.Engines[0])
	l.Must(l.FingerprintsStatement("run-1", entries), l.Engines[0])
	l.Must(l.EpochStatement(), l.Engines[0])
	l.Anchor()
	s := trusttest.New(t, l)
	s.Evaluator = key
	return l, s, entries
}

func open(t *testing.T, l *foldtest.Log, s *trusttest.Server) *trust.Log {
	t.Helper()
	o, err := trust.Open(t.Context(), trust.Config{Genesis: new(log.GenesisHash(l.Leaves[0]))}, s.Client(t), new(trust.Volatile))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func check(t *testing.T, l *foldtest.Log, s *trusttest.Server, m fingerprint.Model) (labcheck.Result, error) {
	t.Helper()
	o := open(t, l, s)
	list, err := labcheck.Fetch(t.Context(), o, s.Client(t))
	if err != nil {
		return labcheck.Result{}, err
	}
	return labcheck.New(o, s.Client(t), list, labcheck.Options{Origin: l.Origin}).Check(t.Context(), m)
}

func TestVerdicts(t *testing.T) {
	l, s, _ := halted(t)
	for _, c := range []struct {
		name  string
		model fingerprint.Model
		want  blacklist.Verdict
		hits  int
	}{
		{"the same release", model(t, "a.safetensors", tensor("x", 1), tensor("y", 2), tensor("z", 3)), blacklist.Listed, 3},
		{"renamed and reordered", model(t, "b.safetensors", tensor("c", 3), tensor("b", 1), tensor("a", 2)), blacklist.Listed, 3},
		{"half of it", model(t, "b.safetensors", tensor("x", 1), tensor("y", 9)), blacklist.Listed, 1},
		{"one shared layer", model(t, "b.safetensors", tensor("x", 1), tensor("y", 8), tensor("z", 9)), blacklist.Lead, 1},
		{"other weights", model(t, "b.safetensors", tensor("x", 7), tensor("y", 8), tensor("z", 9)), blacklist.Clear, 0},
	} {
		r, err := check(t, l, s, c.model)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if r.Verdict != c.want || r.Asked != len(blacklist.Questions(c.model)) || r.Epoch != 1 || r.LogSize != l.Size() {
			t.Errorf("%s: %+v", c.name, r)
		}
		if c.hits == 0 {
			if len(r.Matches) != 0 {
				t.Errorf("%s: %+v", c.name, r.Matches)
			}
			continue
		}
		x := r.Matches[0]
		if len(r.Matches) != 1 || x.Run != "run-1" || !x.Proven || x.Tensors != c.hits || len(x.Causes) != 1 || x.Causes[0].Tripwire != "live_vote" || len(x.Notes) != 0 {
			t.Errorf("%s: %+v", c.name, r.Matches)
		}
	}
}

// TestNothingShown is LC3: what is fetched is the same for every model, but for hits.
func TestNothingShown(t *testing.T) {
	t.Attr("invariant", "LC3")
	l, s, _ := halted(t)
	ask := func(m fingerprint.Model) []string {
		s.Lock()
		s.Paths = nil
		s.Unlock()
		if _, err := check(t, l, s, m); err != nil {
			t.Fatal(err)
		}
		return s.Paths
	}
	a := ask(model(t, "b.safetensors", tensor("x", 7)))
	b := ask(model(t, "b.safetensors", tensor("x", 8)))
	if !slices.Equal(a, b) {
		t.Errorf("%v\n%v", a, b)
	}
	if slices.ContainsFunc(a, func(p string) bool { return strings.Contains(p, "/labels/") }) {
		t.Error("a label left the machine without a hit")
	}
}

func TestEmptyList(t *testing.T) {
	l := foldtest.New(t, foldtest.Options{})
	l.Setup()
	s := trusttest.New(t, l)
	r, err := check(t, l, s, model(t, "a.safetensors", tensor("x", 1)))
	if err != nil || r.Verdict != blacklist.Clear || r.Asked != 0 {
		t.Errorf("%+v %v", r, err)
	}
}

// override answers one path with another body.
func override(s *trusttest.Server, prefix string, body func(path string) []byte) {
	s.Lock()
	defer s.Unlock()
	s.Override = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, prefix) {
			return false
		}
		_, _ = w.Write(body(r.URL.Path))
		return true
	}
}

func TestRefuses(t *testing.T) {
	t.Attr("invariant", "LC1")
	t.Attr("invariant", "LC2")
	t.Attr("invariant", "LC5")
	m := model(t, "b.safetensors", tensor("x", 1), tensor("y", 2))
	toJSON := func(v any) []byte { b, _ := json.Marshal(v); return b }
	for _, c := range []struct {
		name string
		do   func(l *foldtest.Log, s *trusttest.Server, entries []blacklist.Entry)
		want error
	}{
		{"a list without one label", func(l *foldtest.Log, s *trusttest.Server, entries []blacklist.Entry) {
			var labels []blacklist.Label
			for _, e := range entries[2:] {
				labels = append(labels, e.Label)
			}
			slices.SortFunc(labels, func(a, b blacklist.Label) int { return bytes.Compare(a[:], b[:]) })
			p := blacklist.Part{Kind: fingerprint.Tensor}
			override(s, "/v1/blacklist/full/1/tensor", func(string) []byte {
				return blacklist.FullList{Part: p, KeyVersion: 1, Labels: labels}.Marshal()
			})
		}, labcheck.ErrList},
		{"a list that is none", func(_ *foldtest.Log, s *trusttest.Server, _ []blacklist.Entry) {
			override(s, "/v1/blacklist/full/", func(string) []byte { return []byte("x") })
		}, labcheck.ErrList},
		{"another entry as epoch", func(_ *foldtest.Log, s *trusttest.Server, _ []blacklist.Entry) {
			override(s, api.RouteEpoch, func(string) []byte { return toJSON(s.Entry(0)) })
		}, labcheck.ErrList},
		{"an epoch that the log does not hold", func(l *foldtest.Log, s *trusttest.Server, _ []blacklist.Entry) {
			override(s, api.RouteEpoch, func(string) []byte {
				e := s.Entry(1)
				e.Leaf = l.Seal(&log.Epoch{Origin: l.Origin, Number: 2, Size: 1, Semantics: 1, Parts: []log.EpochPart{}}, l.Engines[0])
				return toJSON(e)
			})
		}, trust.ErrUnverified},
		{"an epoch that no engine signed", func(l *foldtest.Log, s *trusttest.Server, _ []blacklist.Entry) {
			l.Put(&log.Epoch{Origin: l.Origin, Number: 2, Size: 1, Semantics: 1, Parts: []log.EpochPart{}}, l.Guard)
		}, trust.ErrAuthority},
		{"another evaluator's answer", func(_ *foldtest.Log, s *trusttest.Server, _ []blacklist.Entry) {
			s.Evaluator = voprf.GenerateKey()
		}, query.ErrLied},
	} {
		l, s, entries := halted(t)
		c.do(l, s, entries)
		if r, err := check(t, l, s, m); !errors.Is(err, c.want) {
			t.Errorf("%s: %+v %v, want %v", c.name, r, err, c.want)
		}
	}
}

// TestStrike is LC4: a label counts for less only with the officers' signatures.
func TestStrike(t *testing.T) {
	t.Attr("invariant", "LC4")
	l, s, entries := halted(t)
	m := model(t, "b.safetensors", tensor("x", 1))
	claim := func(state string) {
		halt, prints := uint64(0), uint64(0)
		for _, rec := range l.Machine.List().Lookup(entries[1].Kind, entries[1].Label) {
			halt, prints = rec.Halt, rec.Listing
		}
		override(s, "/v1/blacklist/labels/", func(string) []byte {
			b, _ := json.Marshal(api.Listing{State: state, Run: "run-1", Halt: &halt, Fingerprints: &prints})
			return b
		})
	}
	for _, state := range []string{"struck", "allowed", "contested", "absent", "\x1b[31mx"} {
		claim(state)
		r, err := check(t, l, s, m)
		if err != nil || r.Verdict != blacklist.Listed || len(r.Matches[0].Notes) == 0 {
			t.Errorf("%q without proof: %+v %v", state, r, err)
		}
		for _, n := range r.Matches[0].Notes {
			if strings.Contains(n, "\x1b") {
				t.Errorf("%q steers the terminal", n)
			}
		}
	}
	// A strike that a guard signed is none; one of the officers counts.
	strike := &log.Strike{Origin: l.Origin, Sequence: 1, LabelKind: "tensor", Label: entries[1].Label[:], Reason: "wrong"}
	l.Put(strike, l.Guard)
	claim("struck")
	if r, err := check(t, l, s, m); err != nil || r.Verdict != blacklist.Listed {
		t.Errorf("a guard's strike: %+v %v", r, err)
	}
	l.Must(strike, l.Threshold()...)
	// A tensor's bands are labels of their own, and struck one by one.
	for _, e := range entries {
		if e.Kind.Sketch() {
			strike.Sequence++
			strike.LabelKind, strike.Label = string(e.Kind), e.Label[:]
			l.Must(strike, l.Threshold()...)
		}
	}
	l.Must(l.EpochStatement(), l.Engines[0])
	l.Anchor()
	s.Lock()
	s.Override = nil
	s.Unlock()
	r, err := check(t, l, s, m)
	if err != nil || r.Verdict != blacklist.Clear || r.Matches[0].Struck != 1+32 {
		t.Errorf("the officers' strike: %+v %v", r, err)
	}
}

// TestUnnamed: a label of the verified list counts, also where the server hides its halt.
func TestUnnamed(t *testing.T) {
	l, s, _ := halted(t)
	override(s, "/v1/blacklist/labels/", func(string) []byte { return []byte(`{"state":"listed"}`) })
	r, err := check(t, l, s, model(t, "b.safetensors", tensor("x", 1)))
	if err != nil || r.Verdict != blacklist.Listed || r.Matches[0].Proven || r.Matches[0].Run != "" {
		t.Errorf("%+v %v", r, err)
	}
	override(s, "/v1/blacklist/labels/", func(string) []byte {
		return []byte(`{"state":"listed","run":"run-2","halt":3,"fingerprints":4}`)
	})
	r, err = check(t, l, s, model(t, "b.safetensors", tensor("x", 1)))
	if err != nil || r.Verdict != blacklist.Listed || r.Matches[0].Proven {
		t.Errorf("another halt: %+v %v", r, err)
	}
}

func TestPlan(t *testing.T) {
	p := labcheck.PlanOf(model(t, "a.safetensors", tensor("x", 1), tensor("y", 2), tensor("y2", 2)))
	if p != (labcheck.Plan{Fingerprints: 3 + 2*32, Requests: 1, Bytes: 67 * 32}) {
		t.Errorf("%+v", p)
	}
}

// TestContest is LC4: a contest makes a lead of a listed label only with its proof. Whoever runs the log can put an
// entry there that says anything.
func TestContest(t *testing.T) {
	t.Attr("invariant", "LC4")
	l, s, entries := haltedAfter(t, func(l *foldtest.Log, entries []blacklist.Entry) {
		l.Run("run-0")
		l.Artefact("run-0", entries)
	})
	m := model(t, "b.safetensors", tensor("x", 1))
	halt, prints := uint64(0), uint64(0)
	for _, rec := range l.Machine.List().Lookup(entries[1].Kind, entries[1].Label) {
		halt, prints = rec.Halt, rec.Listing
	}
	override(s, "/v1/blacklist/labels/", func(string) []byte {
		b, _ := json.Marshal(api.Listing{State: "contested", Run: "run-1", Halt: &halt, Fingerprints: &prints})
		return b
	})
	contest := func(run string, number uint64) *log.Contest {
		st := &log.Contest{Origin: l.Origin, Run: run, LabelKind: "tensor", Label: entries[number].Label[:], Artefact: 1, Number: number, Path: []log.Hash{}}
		for _, h := range blacklist.NewArtefact(entries).Path(number) {
			st.Path = append(st.Path, log.Hash(h))
		}
		return st
	}
	wrong := contest("run-0", 1)
	wrong.Number++
	for name, put := range map[string]func(){
		"nobody's":          func() { l.Put(contest("run-0", 1), l.Registrar) },
		"of no run":         func() { l.Put(contest("run-9", 1), l.Guard) },
		"of the run itself": func() { l.Put(contest("run-1", 1), l.Guard) },
		"with another path": func() { l.Put(wrong, l.Guard) },
		"for another label": func() { l.Put(contest("run-0", 2), l.Guard) },
		"that is not there": func() {},
	} {
		s.Lock()
		put()
		l.Anchor()
		s.Unlock()
		r, err := check(t, l, s, m)
		if err != nil || r.Verdict != blacklist.Listed || len(r.Matches[0].Notes) == 0 {
			t.Errorf("a contest %s: %+v %v", name, r, err)
		}
	}
	s.Lock()
	l.Must(contest("run-0", 1), l.Guard)
	l.Anchor()
	s.Unlock()
	if r, err := check(t, l, s, m); err != nil || r.Verdict != blacklist.Lead || r.Matches[0].Contested != 1 {
		t.Errorf("a contest: %+v %v", r, err)
	}
}

// TestListDoesNotGoBack: to whoever remembers an epoch, neither an older one nor none at all is shown as the newest.
func TestListDoesNotGoBack(t *testing.T) {
	t.Attr("invariant", "LC2")
	l, s, _ := halted(t)
	o := open(t, l, s)
	if _, err := labcheck.Fetch(t.Context(), o, s.Client(t)); err != nil {
		t.Fatal(err)
	}
	for name, answer := range map[string]func(w http.ResponseWriter){
		"none": func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) },
		"older": func(w http.ResponseWriter) {
			b, _ := json.Marshal(s.Entry(1))
			_, _ = w.Write(b)
		},
	} {
		s.Lock()
		s.Override = func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != api.RouteEpoch {
				return false
			}
			answer(w)
			return true
		}
		s.Unlock()
		if _, err := labcheck.Fetch(t.Context(), o, s.Client(t)); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
