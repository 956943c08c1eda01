package trust_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/trust"
	"github.com/haltlog/haltlog/internal/trust/trusttest"
	"github.com/haltlog/haltlog/log"
)

func setup(t *testing.T) (*foldtest.Log, *trusttest.Server) {
	t.Helper()
	l := foldtest.New(t, foldtest.Options{})
	l.Setup()
	l.Decide(l.Engines[0])
	l.Run("run-1")
	l.Anchor()
	return l, trusttest.New(t, l)
}

func pin(l *foldtest.Log) *log.Hash { return new(log.GenesisHash(l.Leaves[0])) }

func TestOpen(t *testing.T) {
	l, s := setup(t)
	for _, c := range []struct {
		name  string
		cfg   trust.Config
		first bool
	}{
		{"pinned", trust.Config{Genesis: pin(l)}, false},
		{"pinned with quorum", trust.Config{Genesis: pin(l), Quorum: []byte(l.QuorumText(2, l.Witnesses...))}, false},
		{"first use", trust.Config{}, true},
	} {
		o, err := trust.Open(t.Context(), c.cfg, s.Client(t), new(trust.Volatile))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if o.FirstUse() != c.first || o.GenesisHash() != *pin(l) || o.Newest().Checkpoint.Size != l.Size() {
			t.Errorf("%s: first use %v, genesis %s, size %d", c.name, o.FirstUse(), o.GenesisHash().Hex(), o.Newest().Checkpoint.Size)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Attr("invariant", "TR3")
	t.Attr("invariant", "L3")
	l, s := setup(t)
	other := foldtest.New(t, foldtest.Options{})
	other.Setup()
	strange := trusttest.New(t, other)
	for _, c := range []struct {
		name string
		cfg  trust.Config
		from *trusttest.Server
		want error
	}{
		{"another genesis", trust.Config{Genesis: pin(l)}, strange, trust.ErrGenesis},
		{"too few witnesses", trust.Config{Genesis: pin(l), Quorum: []byte(l.QuorumText(3, l.Witnesses...))}, s, trust.ErrUnverified},
		{"strange witnesses", trust.Config{Genesis: pin(l), Quorum: []byte(l.QuorumText(1, l.NewWitness("w.example/x")))}, s, trust.ErrUnverified},
		{"quorum none", trust.Config{Genesis: pin(l), Quorum: []byte("log " + l.LogKey.VKey().String() + "\nquorum none\n")}, s, trust.ErrUnverified},
		{"no quorum file", trust.Config{Genesis: pin(l), Quorum: []byte("x")}, s, checkpoint.ErrMalformed},
	} {
		if _, err := trust.Open(t.Context(), c.cfg, c.from.Client(t), new(trust.Volatile)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	// TR3: the genesis seen first is remembered.
	store := new(trust.Volatile)
	if _, err := trust.Open(t.Context(), trust.Config{}, s.Client(t), store); err != nil {
		t.Fatal(err)
	}
	if _, err := trust.Open(t.Context(), trust.Config{}, strange.Client(t), store); !errors.Is(err, trust.ErrGenesis) {
		t.Errorf("another genesis after the first use: %v", err)
	}
}

// TestHistory is TR1 and TR2: over a restart, only what extends is believed.
func TestHistory(t *testing.T) {
	t.Attr("invariant", "TR1")
	t.Attr("invariant", "TR2")
	t.Attr("invariant", "L3")
	l, s := setup(t)
	path := filepath.Join(t.TempDir(), "state")
	open := func() error {
		f, err := trust.OpenFile(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		_, err = trust.Open(t.Context(), trust.Config{Genesis: pin(l)}, s.Client(t), f)
		return err
	}
	if err := open(); err != nil {
		t.Fatal(err)
	}
	fork := l.Fork(int(l.Size()) - 2)
	seen := l.Size()
	for range 5 {
		l.Anchor()
	}
	if err := open(); err != nil {
		t.Fatalf("the same log, larger: %v", err)
	}
	// An older checkpoint of the same history is stale, and consistent.
	s.Lock()
	s.Size = seen
	s.Unlock()
	if err := open(); err != nil {
		t.Fatalf("the same log, smaller: %v", err)
	}
	for fork.Size() < l.Size()+3 {
		fork.Advance(time.Second)
		fork.Anchor()
	}
	s.Lock()
	s.Size, s.Log = 0, fork
	s.Unlock()
	err := open()
	f, ok := errors.AsType[*trust.ForkError](err)
	if !ok || !errors.Is(err, trust.ErrUnverified) {
		t.Fatalf("a fork with all signatures: %v", err)
	}
	q, err := checkpoint.ParseQuorum([]byte(l.QuorumText(2, l.Witnesses...)))
	if err != nil {
		t.Fatal(err)
	}
	for _, note := range [][]byte{f.Seen, f.Shown} {
		if _, err := q.Verify(note); err != nil {
			t.Errorf("evidence: %v", err)
		}
	}
	s.Lock()
	s.Log = l.Fork(int(l.Size()) - 1)
	s.Log.Advance(time.Hour)
	s.Log.Anchor()
	s.Unlock()
	if err := open(); !errors.Is(err, trust.ErrUnverified) {
		t.Fatalf("another root at the same size: %v", err)
	}
}

func TestAnchor(t *testing.T) {
	t.Attr("invariant", "TR4")
	t.Attr("invariant", "S4")
	l, s := setup(t)
	o, err := trust.Open(t.Context(), trust.Config{Genesis: pin(l)}, s.Client(t), new(trust.Volatile))
	if err != nil {
		t.Fatal(err)
	}
	a, err := o.Anchor(t.Context())
	if err != nil || a.Ref != l.AnchorRef() {
		t.Fatalf("%+v %v, want %+v", a, err, l.AnchorRef())
	}
	say := func(v any) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != api.RouteAnchor {
				return false
			}
			_ = json.NewEncoder(w).Encode(v)
			return true
		}
	}
	for _, c := range []struct {
		name string
		as   func(http.ResponseWriter, *http.Request) bool
	}{
		{"no anchor there", say(api.Anchor{Index: 1})},
		{"another leaf", func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/v1/entries/"+itoa(a.Ref.Index) {
				return false
			}
			e := s.Entry(a.Ref.Index)
			n := l.NoteAt(l.Size()-2, l.Root(l.Size()-2), l.Now)
			e.Leaf = l.Seal(&log.Anchor{Origin: l.Origin, Checkpoint: n})
			_ = json.NewEncoder(w).Encode(e)
			return true
		}},
	} {
		s.Lock()
		s.Override = c.as
		s.Unlock()
		if _, err := o.Anchor(t.Context()); !errors.Is(err, trust.ErrUnverified) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func itoa(n uint64) string { b, _ := json.Marshal(n); return string(b) }

func TestAuthority(t *testing.T) {
	t.Attr("invariant", "TR5")
	l, s := setup(t)
	last := func(st log.Statement, by ...log.Signer) *log.Signed {
		x, err := log.Parse(l.Seal(st, by...))
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	o, err := trust.Open(t.Context(), trust.Config{Genesis: pin(l)}, s.Client(t), new(trust.Volatile))
	if err != nil {
		t.Fatal(err)
	}
	a, err := o.Authority(t.Context(), l.Size())
	if err != nil || len(a.Officers) != 3 {
		t.Fatalf("%+v %v", a, err)
	}
	group := l.GroupStatement(l.Members...)
	if err := a.Signed(last(group, l.Threshold()...)); err != nil {
		t.Error(err)
	}
	// TR5
	for name, by := range map[string][]log.Signer{
		"too few":   foldtest.Signers(l.Officers[0]),
		"too many":  foldtest.Signers(l.Officers...),
		"strangers": foldtest.Signers(foldtest.NewKey(t, "x"), l.Officers[0]),
	} {
		if err := a.Signed(last(group, by...)); !errors.Is(err, trust.ErrAuthority) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := a.SignedBy(last(l.RunStatement("run-2"), l.Registrar), log.RoleRegistrar); err != nil {
		t.Error(err)
	}
	if err := a.SignedBy(last(l.RunStatement("run-2"), l.Guard), log.RoleRegistrar); !errors.Is(err, trust.ErrAuthority) {
		t.Errorf("a guard as registrar: %v", err)
	}
	// An officer is revoked, in the log; a forged statement after it changes nothing.
	st := &log.Authority{Origin: l.Origin, Number: 1, Previous: a.Identity, Add: []log.KeyGrant{}, Revoke: []string{l.Officers[0].KeyID()}}
	l.Must(st, l.Threshold()...)
	forged := *st
	forged.Number = 2
	l.Put(&forged, l.Officers[0])
	a, err = o.Authority(t.Context(), l.Size())
	if err != nil || len(a.Officers) != 2 || a.Number != 1 {
		t.Fatalf("%+v %v", a, err)
	}
	if err := a.Signed(last(group, l.Threshold()...)); !errors.Is(err, trust.ErrAuthority) {
		t.Errorf("a revoked officer: %v", err)
	}
}

func TestState(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	f, err := trust.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := trust.OpenFile(path); !errors.Is(err, trust.ErrInUse) {
		t.Errorf("a second process: %v", err)
	}
	want := trust.State{Origin: "a.example", Sequences: map[string]uint64{"x": 3}}
	if err := f.Save(want); err != nil {
		t.Fatal(err)
	}
	got, ok, err := f.Load()
	if err != nil || !ok || got.Origin != want.Origin || got.Sequences["x"] != 3 {
		t.Fatalf("%+v %v %v", got, ok, err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]string{
		"cut":           string(whole[:len(whole)/2]),
		"empty":         "",
		"trailing":      string(whole) + "x",
		"unknown field": strings.Replace(string(whole), `"origin"`, `"x": 1, "origin"`, 1),
		"other format":  strings.Replace(string(whole), "state/v1", "state/v2", 1),
	} {
		if err := os.WriteFile(path, []byte(b), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := f.Load(); !errors.Is(err, trust.ErrState) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSequence: a number is durable before it is used, and none is used twice.
func TestSequence(t *testing.T) {
	t.Attr("invariant", "TR2")
	l, s := setup(t)
	path := filepath.Join(t.TempDir(), "state")
	var last uint64
	for i := range 3 {
		f, err := trust.OpenFile(path)
		if err != nil {
			t.Fatal(err)
		}
		o, err := trust.Open(t.Context(), trust.Config{Genesis: pin(l)}, s.Client(t), f)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			n, err := o.Sequence("x", uint64(10*i))
			if err != nil || n <= last || n <= uint64(10*i) {
				t.Fatalf("%d after %d: %v", n, last, err)
			}
			last = n
		}
		f.Close()
	}
}

func FuzzState(f *testing.F) {
	dir := f.TempDir()
	store, err := trust.OpenFile(filepath.Join(dir, "state"))
	if err != nil {
		f.Fatal(err)
	}
	if err := store.Save(trust.State{Origin: "a.example", Checkpoint: []byte("x")}); err != nil {
		f.Fatal(err)
	}
	seed, err := os.ReadFile(filepath.Join(dir, "state"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(dir, "state")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, ok, err := store.Load()
		if err != nil {
			return
		}
		if !ok {
			t.Fatal("not there")
		}
		// What is read is printed again to the byte: nothing is dropped.
		if err := store.Save(s); err != nil {
			t.Fatal(err)
		}
		again, err := os.ReadFile(path)
		if err != nil || string(again) != string(b) {
			t.Fatalf("%q became %q", b, again)
		}
	})
}
