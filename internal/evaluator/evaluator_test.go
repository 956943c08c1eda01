package evaluator

import (
	"context"
	"encoding/binary"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/evaluate"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/obs"
	"github.com/haltlog/haltlog/log"
)

// served is a log as an operator serves it: up to a checkpoint of his choice.
type served struct {
	l    *foldtest.Log
	note []byte
}

func (s *served) Checkpoint(context.Context) ([]byte, error) { return s.note, nil }

func (s *served) Bundle(_ context.Context, index uint64, width int) ([]byte, error) {
	var out []byte
	for _, leaf := range s.l.Leaves[index*tileWidth:][:width] {
		out = append(binary.BigEndian.AppendUint16(out, uint16(len(leaf))), leaf...)
	}
	return out, nil
}

// site is a log whose evaluators are three holders, of whom two answer.
type site struct {
	*foldtest.Log
	served
	set     log.EvaluatorSet
	holders []*foldtest.Key
	shares  []Shares
	made    map[string]*log.Artefact // by run and number
}

func feldman(s *voprf.Sharing) (out []log.Bytes) {
	for _, c := range s.Commitments {
		out = append(out, c)
	}
	return out
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{made: map[string]*log.Artefact{}}
	labels, err := voprf.Deal(voprf.GenerateKey(), 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	escrow, err := voprf.Deal(voprf.GenerateKey(), 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	s.set = log.EvaluatorSet{Version: 1, PublicKey: labels.Commitments[0], T: 2, N: 3, Commitments: feldman(labels), Escrow: feldman(escrow)}
	for i := range 3 {
		k := foldtest.NewKey(t, "holder-"+string(rune('1'+i)))
		s.holders = append(s.holders, k)
		s.shares = append(s.shares, Shares{1, labels.Shares[i], escrow.Shares[i]})
		seal := voprf.GenerateKey().Public().Bytes()
		s.set.Holders = append(s.set.Holders, log.Holder{Name: k.Name, KeyID: k.KeyID(), Seal: seal})
	}
	s.Log = foldtest.New(t, foldtest.Options{Genesis: func(g *log.Genesis) { g.Evaluators = s.set }})
	s.l = s.Log
	s.Setup()
	return s
}

// publish serves the log as it is, witnessed.
func (s *site) publish() { s.note = s.Log.Checkpoint(s.Size()) }

func label(t *testing.T, name string) blacklist.Entry {
	t.Helper()
	y, err := voprf.GenerateKey().Label([]byte(name))
	if err != nil {
		t.Fatal(err)
	}
	return blacklist.Entry{Kind: fingerprint.Tensor, Label: blacklist.Label(y)}
}

// escrow logs an artefact of suite 2.
func (s *site) escrow(t *testing.T, run string, number uint64) {
	t.Helper()
	labels := []blacklist.Entry{label(t, run)}
	root := blacklist.NewArtefact(labels).Root()
	c := blacklist.Context{Origin: s.Origin, Run: run, Number: number, Root: root}
	sealed, wraps, err := blacklist.SealTo(blacklist.EscrowKeys{Threshold: [][]byte{s.set.Escrow[0]}}, c, labels)
	if err != nil {
		t.Fatal(err)
	}
	st := &log.Artefact{Origin: s.Origin, Run: run, Number: number, KeyVersion: 1, Count: 1, Root: log.Hash(root), Sealed: sealed}
	for _, w := range wraps {
		st.Wraps = append(st.Wraps, log.Wrap{Suite: w.Suite, KeyID: w.KeyID, Bytes: w.Bytes})
	}
	s.Must(st, s.Guard)
	s.made[run+"/"+string(rune('0'+number))] = st
}

func (s *site) evaluator(t *testing.T, i int, state string) *Evaluator {
	t.Helper()
	e, err := New(Config{
		Origin: s.Origin, Genesis: log.GenesisHash(s.Leaves[0]), Quorum: []byte(s.QuorumText(s.Options.Quorum, s.Witnesses...)),
		Anonymous: 100, Period: time.Hour, State: state,
	}, Deps{
		Source: &s.served, Signer: s.holders[i], Shares: []Shares{s.shares[i]}, Verifier: s.Options.Verifier, Now: time.Now, Logger: obs.Discard(),
		Submit: func(context.Context, []byte) (uint64, error) { return 0, errors.New("nowhere") },
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// ask is an engine's request.
func (s *site) ask(t *testing.T, run string, number uint64, holder int, signer log.Signer) api.EscrowRequest {
	t.Helper()
	r := api.EscrowRequest{Origin: s.Origin, Run: run, Artefact: number, Holder: holder}
	if err := r.Sign(signer); err != nil {
		t.Fatal(err)
	}
	return r
}

// halt lets the engine halt a run, and log it.
func (s *site) halt(t *testing.T, run string) {
	t.Helper()
	s.Vote(run, s.Members[0])
	s.Carry(s.Engines[0], s.Propose(s.Engines[0]))
	if r, _ := s.Machine.Ledger().Run(run); !r.Halted {
		t.Fatal("fixture: not halted")
	}
}

// TestOperatorOpensNothing plays an operator with all of his keys, who wants an
// artefact opened before its run is halted, or another one than the halt's.
func TestOperatorOpensNothing(t *testing.T) {
	t.Attr("invariant", "E5")
	t.Attr("invariant", "L3")
	s := newSite(t)
	s.Log.Run("run-1")
	s.Log.Run("run-2")
	s.Decide(s.Engines[0])
	s.escrow(t, "run-1", 1)
	s.escrow(t, "run-1", 2)
	s.escrow(t, "run-2", 1)
	e := s.evaluator(t, 0, "")
	open := func(r api.EscrowRequest, want error, what string) {
		t.Helper()
		if _, err := e.Open(t.Context(), r); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	engine := s.Engines[0]
	s.note = nil
	open(s.ask(t, "run-1", 2, 1, engine), ErrUnfollowed, "no checkpoint at all")
	s.publish()
	open(s.ask(t, "run-1", 2, 1, engine), ErrNoHalt, "no halt")
	// A halt that its key did not sign.
	s.Put(&log.Halt{Origin: s.Origin, Run: "run-1", Decision: log.Hash{1}, Causes: []log.Cause{{Tripwire: "live_vote", Evidence: []uint64{1}, Value: 1, Bound: 1, Lists: true}}}, foldtest.NewKey(t, "forger"))
	s.publish()
	open(s.ask(t, "run-1", 2, 1, engine), ErrNoHalt, "a forged halt")
	before := s.note
	s.halt(t, "run-1")
	open(s.ask(t, "run-1", 2, 1, engine), ErrNoHalt, "a halt that is not witnessed yet")
	// Signed by the log's key and one witness only.
	cp, err := checkpointOf(s.Log.Checkpoint(s.Size()))
	if err != nil {
		t.Fatal(err)
	}
	s.note = s.Note(cp, s.Now, s.Witnesses[0])
	open(s.ask(t, "run-1", 2, 1, engine), ErrUnfollowed, "too few witnesses")
	s.note = before
	open(s.ask(t, "run-1", 2, 1, engine), ErrNoHalt, "the old checkpoint again")
	s.publish()
	open(s.ask(t, "run-2", 1, 1, engine), ErrNoHalt, "a halt of another run")
	open(s.ask(t, "run-1", 1, 1, engine), ErrArtefact, "an older artefact")
	open(s.ask(t, "run-1", 3, 1, engine), ErrArtefact, "an artefact that is none")
	open(s.ask(t, "run-1", 2, 1, foldtest.NewKey(t, "stranger")), ErrRequest, "a stranger's request")
	open(s.ask(t, "run-1", 2, 1, s.Guard), ErrRequest, "a guard's request")
	open(s.ask(t, "run-1", 2, 2, engine), ErrWrap, "another holder's share")
	turned := s.ask(t, "run-2", 1, 1, engine)
	turned.Run = "run-1"
	open(turned, ErrRequest, "a request that was altered")
	if _, err := e.Open(t.Context(), s.ask(t, "run-1", 2, 1, engine)); err != nil {
		t.Fatalf("the halt's artefact: %v", err)
	}
}

// TestCopiedWrap plays one who escrows another run's wrap under his own run's name,
// halts that, and wants the other's labels.
func TestCopiedWrap(t *testing.T) {
	t.Attr("invariant", "E5")
	s := newSite(t)
	s.Log.Run("run-1")
	s.Log.Run("run-2")
	s.Decide(s.Engines[0])
	s.escrow(t, "run-2", 1)
	copied := *s.made["run-2/1"]
	copied.Run = "run-1"
	s.Must(&copied, s.Guard)
	s.halt(t, "run-1")
	s.publish()
	_, err := s.evaluator(t, 0, "").Open(t.Context(), s.ask(t, "run-1", 1, 1, s.Engines[0]))
	if !errors.Is(err, ErrWrap) || !errors.Is(err, blacklist.ErrContext) {
		t.Errorf("%v", err)
	}
}

// TestOpen shows that any two of three holders open the halt's artefact, and one
// alone does not.
func TestOpen(t *testing.T) {
	s := newSite(t)
	s.Log.Run("run-1")
	s.Decide(s.Engines[0])
	s.escrow(t, "run-1", 1)
	s.halt(t, "run-1")
	s.publish()
	a := s.made["run-1/1"]
	c := blacklist.Context{Origin: s.Origin, Run: "run-1", Number: 1, Root: blacklist.Hash(a.Root)}
	wraps := []blacklist.Wrap{{Suite: a.Wraps[0].Suite, KeyID: a.Wraps[0].KeyID, Bytes: a.Wraps[0].Bytes}}
	commitments := [][]byte{s.set.Escrow[0], s.set.Escrow[1]}
	var parts []blacklist.PartialOpening
	for i := range 3 {
		got, err := s.evaluator(t, i, "").Open(t.Context(), s.ask(t, "run-1", 1, i+1, s.Engines[0]))
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, blacklist.PartialOpening{Index: got.Holder, S: [32]byte(got.S), Proof: [64]byte(got.Proof)})
	}
	for _, two := range [][]int{{0, 1}, {0, 2}, {1, 2}} {
		labels, liars, err := blacklist.OpenThreshold(commitments, c, a.Sealed, wraps, []blacklist.PartialOpening{parts[two[0]], parts[two[1]]})
		if err != nil || len(labels) != 1 || len(liars) > 0 {
			t.Errorf("%v: %d labels, liars %v, %v", two, len(labels), liars, err)
		}
	}
	if _, _, err := blacklist.OpenThreshold(commitments, c, a.Sealed, wraps, parts[:1]); err == nil {
		t.Error("one alone opened it")
	}
}

// TestNoOtherHistory shows that what was seen binds an evaluator over a restart.
func TestNoOtherHistory(t *testing.T) {
	t.Attr("invariant", "L6")
	s := newSite(t)
	s.Log.Run("run-1")
	s.publish()
	state := t.TempDir() + "/newest"
	if err := s.evaluator(t, 0, state).watch.follow(t.Context()); err != nil {
		t.Fatal(err)
	}
	fork := s.Fork(len(s.Leaves) - 1)
	fork.Run("run-9")
	s.served.l, s.note = fork, fork.Checkpoint(fork.Size())
	e := s.evaluator(t, 0, state)
	if err := e.watch.follow(t.Context()); err == nil || e.watch.ready() {
		t.Errorf("another history is believed: %v", err)
	}
}

// TestEvaluate asks over HTTP, as any client does, and blames who lies.
func TestEvaluate(t *testing.T) {
	s := newSite(t)
	s.publish()
	set := voprf.Set{Version: 1, PublicKey: s.set.PublicKey, T: 2, N: 3, Commitments: [][]byte{s.set.Commitments[0], s.set.Commitments[1]}}
	key, err := voprf.ParsePublicKey(s.set.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	q, err := voprf.NewQuery(key, [][]byte{[]byte("one"), []byte("two")})
	if err != nil {
		t.Fatal(err)
	}
	answers := map[int][][]byte{}
	var first evaluate.Signed
	for i := range 2 {
		server := httptest.NewServer(s.evaluator(t, i, "").Handler())
		defer server.Close()
		c, err := client.New(client.Config{URL: server.URL})
		if err != nil {
			t.Fatal(err)
		}
		answer, header, err := c.EvaluateSigned(t.Context(), 1, q.Requests()[0])
		if err != nil {
			t.Fatal(err)
		}
		holder, id, sig, err := evaluate.ParseHeader(header)
		if err != nil || holder != i+1 || id != s.holders[i].KeyID() {
			t.Fatalf("signed %q: %v", header, err)
		}
		answers[holder] = [][]byte{answer}
		if i == 0 {
			first = evaluate.Signed{Origin: s.Origin, Version: 1, Holder: holder, SPKI: s.holders[0].SPKI, Request: q.Requests()[0], Response: answer, Signature: sig}
		}
		for _, path := range []string{"", "?version=01", "?version=2"} {
			res, err := http.Post(server.URL+api.RouteEvaluate+path, "application/octet-stream", strings.NewReader("x"))
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if res.StatusCode < 400 || res.StatusCode >= 500 {
				t.Errorf("version %q: %d", path, res.StatusCode)
			}
		}
	}
	if labels, lies, err := q.Combine(set, answers); err != nil || len(labels) != 2 || len(lies) > 0 {
		t.Fatalf("%d labels, %v, %v", len(labels), lies, err)
	}
	v := s.Options.Verifier
	if err := first.Blame(s.set, v); !errors.Is(err, voprf.ErrRight) {
		t.Errorf("a right answer is blamed: %v", err)
	}
	lie := first
	lie.Response = append(log.Bytes{}, first.Response...)
	copy(lie.Response[:32], answers[2][0][:32])
	if err := lie.Blame(s.set, v); !errors.Is(err, evaluate.ErrAnswer) {
		t.Errorf("what nobody signed is blamed: %v", err)
	}
	header, err := lie.Sign(s.holders[0])
	if err != nil {
		t.Fatal(err)
	}
	_, _, lie.Signature, _ = evaluate.ParseHeader(header)
	file, err := lie.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	read, err := evaluate.ParseSigned(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := read.Blame(s.set, v); err != nil {
		t.Errorf("a signed lie is not proven: %v", err)
	}
	read.Holder = 2
	if err := read.Blame(s.set, v); !errors.Is(err, evaluate.ErrAnswer) {
		t.Errorf("another holder is blamed: %v", err)
	}
}

// TestShares shows the one form of a share file, and that nothing prints it.
func TestShares(t *testing.T) {
	s := newSite(t)
	for _, x := range []Shares{s.shares[0], {7, s.shares[1].Labels, nil}} {
		back, err := ParseShares(x.Marshal())
		if err != nil || string(back.Marshal()) != string(x.Marshal()) {
			t.Errorf("%v: %v", x, err)
		}
	}
	if _, err := ParseShares(Shares{1, s.shares[0].Labels, s.shares[1].Escrow}.Marshal()); !errors.Is(err, ErrShares) {
		t.Errorf("shares of two holders: %v", err)
	}
}

func FuzzShares(f *testing.F) {
	d, err := voprf.Deal(voprf.GenerateKey(), 2, 2)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(Shares{1, d.Shares[0], d.Shares[0]}.Marshal())
	f.Add(Shares{2, d.Shares[1], nil}.Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := ParseShares(b); err == nil && string(s.Marshal()) != string(b) {
			t.Errorf("%q is read as %q", b, s.Marshal())
		}
	})
}
