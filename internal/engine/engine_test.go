package engine

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/log"
	"github.com/haltlog/haltlog/policy"
)

const run = "run-1"

// kinds counts the valid entries of a kind.
func (w *world) kinds(k log.Kind) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.l.Steps {
		if s.Signed != nil && s.Signed.Kind() == k && s.Validity == log.Valid {
			n++
		}
	}
	return n
}

// sound fails the test for anything in the log that a reader would object to.
func (w *world) sound() {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.l.Steps {
		if s.Validity != log.Valid || s.Err != nil {
			w.t.Errorf("entry %d is %s: %s %v", s.Index, s.Validity, s.Reason, s.Err)
		}
		if s.Decision == nil {
			continue
		}
		if m := s.Decision.Mismatch; m != nil {
			w.t.Errorf("decision %d does not replay:\n%s\n%s", s.Index, m.Logged, m.Expected)
		}
		if s.Decision.Decision.AsOf.Time().Before(s.Decision.Earliest) {
			w.t.Errorf("decision %d is earlier than E2 allows", s.Index)
		}
	}
}

// alive keeps a run's guard and members talking, every 300 ms, until the returned stop.
func (w *world) alive(id string) (stop func()) {
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			w.do(func(l *foldtest.Log) {
				if r, ok := l.Machine.Ledger().Run(id); !ok || r.Ended() {
					return
				}
				l.Heartbeat(id)
				for _, m := range l.Members {
					l.Checkin(id, m)
				}
			})
			select {
			case <-ctx.Done():
			case <-time.After(300 * time.Millisecond):
			}
		}
	}()
	return func() { cancel(); <-done }
}

func TestVoteHalts(t *testing.T) {
	t.Attr("invariant", "E1")
	t.Attr("invariant", "G3")
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, foldtest.Options{})
		r := w.start(w.l.Engines[0], new(memJournal))
		defer r.stop()
		w.do(func(l *foldtest.Log) { l.Run(run) })
		stop := w.alive(run)
		defer stop()
		time.Sleep(5 * time.Second)
		synctest.Wait() // published means folded here
		if _, err := r.Grant(t.Context(), w.request(run, 1)); err != nil {
			t.Fatalf("no lease for a run that lives: %v", err)
		}
		w.do(func(l *foldtest.Log) { l.Vote(run, l.Members[3]) })
		synctest.Wait()
		halt := r.push(run)
		if halt == nil {
			t.Fatal("no halt was pushed without time passing")
		}
		time.Sleep(3 * time.Second)
		if w.kinds(log.KindHalt) != 1 {
			t.Errorf("%d halts are logged", w.kinds(log.KindHalt))
		}
		leaf, err := r.Grant(t.Context(), w.request(run, 2))
		if err != nil || !bytes.Equal(leaf, halt) {
			t.Errorf("after the halt, a lease request got %s, %v", leaf, err)
		}
		w.sound()
	})
}

// TestPeriod shows that decisions and anchors keep coming while a run is armed, and that an idle log is left alone.
func TestPeriod(t *testing.T) {
	t.Attr("invariant", "E3")
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, foldtest.Options{})
		r := w.start(w.l.Engines[0], new(memJournal))
		defer r.stop()
		time.Sleep(time.Minute)
		idle := w.Size()
		time.Sleep(10 * time.Minute) // a hundred periods; each turn costs the test real time
		if w.Size() != idle {
			t.Errorf("an idle log grew from %d to %d", idle, w.Size())
		}
		w.do(func(l *foldtest.Log) { l.Run(run) })
		stop := w.alive(run)
		time.Sleep(2 * time.Minute)
		stop()
		doc := w.policy()
		var last time.Time
		for _, s := range w.steps() {
			if s.Decision == nil || s.Index < idle {
				continue
			}
			asOf := s.Decision.Decision.AsOf.Time()
			if !last.IsZero() && asOf.Sub(last) > time.Duration(doc.MaxGapMS)*time.Millisecond {
				t.Errorf("decision %d comes %v after the last one", s.Index, asOf.Sub(last))
			}
			last = asOf
		}
		if n := w.kinds(log.KindAnchor); n < 100 {
			t.Errorf("%d anchors in two minutes of an armed run", n)
		}
		w.sound()
	})
}

// TestAnchorInASharedSecond shows that what falls into the second of the last
// anchor is anchored soon all the same, although an idle log is not witnessed
// again by itself.
func TestAnchorInASharedSecond(t *testing.T) {
	t.Attr("invariant", "E2")
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, foldtest.Options{})
		r := w.start(w.l.Engines[0], new(memJournal))
		defer r.stop()
		time.Sleep(10 * time.Second)
		var at uint64
		w.do(func(l *foldtest.Log) {
			l.Anchor()
			at = l.Policy(func(d *policy.Document) { d.DeadVote.Threshold = 2 }).Index
		})
		time.Sleep(5 * time.Second)
		var a log.AnchorInfo
		w.do(func(l *foldtest.Log) { a, _ = l.Machine.Ledger().NewestAnchor() })
		if a.Size <= at {
			t.Errorf("entry %d is not anchored after 5 s: the newest anchor covers %d", at, a.Size)
		}
		w.sound()
	})
}

// TestLooseningTakesForceOnAnIdleLog shows that what waits for its delay in
// witnessed time is waited for by anchors, although nothing else happens, and that
// the log is left alone afterwards.
func TestLooseningTakesForceOnAnIdleLog(t *testing.T) {
	t.Attr("invariant", "E4")
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, foldtest.Options{})
		r := w.start(w.l.Engines[0], new(memJournal))
		defer r.stop()
		time.Sleep(10 * time.Second)
		k := foldtest.NewKey(t, "registrar-2")
		w.do(func(l *foldtest.Log) {
			l.Must(&log.Authority{
				Origin: l.Origin, Number: 1, Previous: l.Machine.Ledger().GenesisIdentity(), Add: []log.KeyGrant{k.Grant(l.Origin, log.RoleRegistrar)}, Revoke: []string{},
			}, l.Threshold()...)
		})
		time.Sleep(time.Minute)
		w.do(func(l *foldtest.Log) {
			if got, ok := l.Machine.Ledger().Key(k.KeyID()); !ok || !got.InForce(l.Size()) {
				t.Errorf("a minute after a delay of 10 s, the key is %+v", got)
			}
		})
		idle := w.Size()
		time.Sleep(time.Hour)
		if w.Size() != idle {
			t.Errorf("an idle log grew from %d to %d", idle, w.Size())
		}
		w.sound()
	})
}

// TestRestart stops the engine at each step of a halt, failed or failed but applied, and starts another on the same journal.
func TestRestart(t *testing.T) {
	t.Attr("invariant", "L6")
	t.Attr("invariant", "E6")
	crash := errors.New("crash")
	for _, step := range []string{"save", "keep", "decision", "halt"} {
		for _, applied := range []bool{false, true} {
			name := step + " failed"
			if applied {
				name += " but applied"
			}
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, foldtest.Options{})
					j := new(memJournal)
					r := w.start(w.l.Engines[0], j)
					w.do(func(l *foldtest.Log) { l.Run(run) })
					stop := w.alive(run)
					defer stop()
					time.Sleep(2 * time.Second)
					armed := true
					trip := func(at string) bool { hit := armed && at == step; armed = armed && !hit; return hit }
					j.mu.Lock()
					j.fail = func(at string) (before, after error) {
						voted := w.kinds(log.KindLiveVote) > 0
						switch {
						case !voted || !trip(at):
							return nil, nil
						case applied:
							return nil, crash
						}
						return crash, nil
					}
					j.mu.Unlock()
					w.mu.Lock()
					w.fail = func(leaf []byte) error {
						s, err := log.Parse(leaf)
						if err != nil || w.kinds(log.KindLiveVote) == 0 || !trip(string(s.Kind())) {
							return nil
						}
						if applied {
							w.do(func(l *foldtest.Log) { l.Append(leaf) })
						}
						r.cancel() // the process dies here
						return errDown
					}
					w.mu.Unlock()
					w.do(func(l *foldtest.Log) { l.Vote(run, l.Members[0]) })
					<-r.done
					if armed {
						t.Fatal("the fault was not reached")
					}
					pushed := r.push(run)
					time.Sleep(time.Second)

					again := w.start(w.l.Engines[0], j)
					defer again.stop()
					time.Sleep(10 * time.Second)
					if w.kinds(log.KindHalt) != 1 {
						t.Fatalf("%d halts are logged", w.kinds(log.KindHalt))
					}
					if pushed != nil && !slices.ContainsFunc(w.leaves(), func(l []byte) bool { return bytes.Equal(l, pushed) }) {
						t.Error("the halt that was acted on is not the one that is logged")
					}
					w.sound()
				})
			})
		}
	}
}

// TestPersistedHaltBinds shows that a kept halt refuses leases on a log that has forgotten it.
func TestPersistedHaltBinds(t *testing.T) {
	t.Attr("invariant", "L6")
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, foldtest.Options{})
		w.do(func(l *foldtest.Log) { l.Run(run) })
		j := &memJournal{halts: map[string][]byte{run: []byte("a halt of an earlier life")}}
		r := w.start(w.l.Engines[0], j)
		defer r.stop()
		time.Sleep(2 * time.Second)
		if leaf, err := r.Grant(t.Context(), w.request(run, 1)); err != nil || string(leaf) != "a halt of an earlier life" {
			t.Errorf("got %s, %v", leaf, err)
		}
	})
}

func TestGrant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, foldtest.Options{})
		r := w.start(w.l.Engines[0], new(memJournal))
		defer r.stop()
		time.Sleep(2 * time.Second)
		w.mu.Lock()
		w.fail = func([]byte) error { return errDown }
		w.mu.Unlock()
		w.do(func(l *foldtest.Log) { l.Run(run) })
		synctest.Wait()
		if _, err := r.Grant(t.Context(), w.request(run, 1)); !errors.Is(err, ErrNotNow) {
			t.Errorf("a run that no decision armed: %v", err)
		}
		w.mu.Lock()
		w.fail = nil
		w.mu.Unlock()
		stop := w.alive(run)
		time.Sleep(2 * time.Second)
		synctest.Wait() // published means folded here
		leaf, err := r.Grant(t.Context(), w.request(run, 2))
		if err != nil {
			t.Fatal(err)
		}
		s, err := log.ParseMessage(leaf)
		if err != nil {
			t.Fatal(err)
		}
		lease := s.Statement.(*log.Lease)
		var last log.DecisionInfo
		w.look(func(l *foldtest.Log) { last, _ = l.Machine.Ledger().Decision(r.KeyID()) })
		if lease.Run != run || lease.Sequence != 2 || lease.Guard != w.l.Guard.KeyID() || lease.DecisionIndex > last.Index || lease.Policy != 1 || s.Signer() != r.KeyID() {
			t.Errorf("lease is %+v", lease)
		}
		if _, err := r.Grant(t.Context(), w.request(run, 2)); !errors.Is(err, ErrReplayed) {
			t.Errorf("the same request again: %v", err)
		}
		forged := w.l.Seal(w.requestStatement(run, 3), w.l.Members[0].Checkin)
		if _, err := r.Grant(t.Context(), forged); err == nil {
			t.Error("a member got a lease")
		}
		if _, err := r.Grant(t.Context(), []byte("{}")); err == nil {
			t.Error("garbage got a lease")
		}
		stop()
		// The log stops taking decisions: the last one grows too old to grant by.
		w.mu.Lock()
		w.fail = func([]byte) error { return errDown }
		w.mu.Unlock()
		time.Sleep(time.Duration(w.policy().MaxGapMS)*time.Millisecond + time.Second)
		if _, err := r.Grant(t.Context(), w.request(run, 4)); !errors.Is(err, ErrNotNow) {
			t.Errorf("an engine that cannot log granted: %v", err)
		}
	})
}

// TestThreeEngines shows that each keeps a chain of its own, and that one halt ends the run for all.
func TestThreeEngines(t *testing.T) {
	t.Attr("invariant", "E6")
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, foldtest.Options{Engines: 3})
		var all []*running
		for _, k := range w.l.Engines {
			r := w.start(k, new(memJournal))
			defer r.stop()
			all = append(all, r)
		}
		w.do(func(l *foldtest.Log) { l.Run(run) })
		stop := w.alive(run)
		defer stop()
		time.Sleep(3 * time.Second)
		w.do(func(l *foldtest.Log) { l.Vote(run, l.Members[1]) })
		time.Sleep(3 * time.Second)
		first := 0
		for _, s := range w.steps() {
			if s.Halt != nil && s.Halt.First {
				first++
			}
		}
		if first != 1 {
			t.Errorf("%d first halts", first)
		}
		for _, r := range all {
			if leaf, err := r.Grant(t.Context(), w.request(run, 9)); err != nil {
				t.Errorf("got %v", err)
			} else if s, err := log.Parse(leaf); err != nil || s.Kind() != log.KindHalt {
				t.Errorf("an engine granted after a halt: %s", leaf)
			}
		}
		w.sound()
	})
}

func (w *world) requestStatement(id string, sequence uint64) *log.LeaseRequest {
	w.mu.Lock()
	defer w.mu.Unlock()
	return &log.LeaseRequest{
		Origin: w.l.Origin, Run: id, BootID: "boot-1", Nonce: bytes.Repeat([]byte{byte(sequence)}, 32),
		Sequence: sequence, Anchor: w.l.AnchorRef(),
	}
}

func (w *world) request(id string, sequence uint64) []byte {
	st := w.requestStatement(id, sequence)
	return w.l.Seal(st, w.l.Guard)
}

func TestDir(t *testing.T) {
	t.Attr("invariant", "L6")
	path := filepath.Join(t.TempDir(), "journal")
	d, err := OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Load(t.Context()); !errors.Is(err, ErrNoRecord) {
		t.Errorf("an empty journal gave %v", err)
	}
	key := foldtest.NewKey(t, "engine")
	seal := func(st log.Statement) []byte {
		leaf, err := log.Seal(st, key)
		if err != nil {
			t.Fatal(err)
		}
		return leaf
	}
	decision := seal(&log.Decision{Origin: "log.example", Sequence: 1, AsOf: log.TimeOf(time.UnixMilli(1)), Semantics: 1, Changed: []log.Verdict{}})
	halt := seal(&log.Halt{Origin: "log.example", Run: "r.1", Causes: []log.Cause{{Tripwire: "life", Evidence: []uint64{}}}})
	want := Record{Size: 7, Root: log.Hash{1}, Decision: decision, Halts: [][]byte{halt}}
	if err := errors.Join(d.Save(t.Context(), want), d.KeepHalt(t.Context(), "r.1", halt)); err != nil {
		t.Fatal(err)
	}
	if err := d.KeepHalt(t.Context(), "../x", nil); err == nil {
		t.Error("a run's name left the folder")
	}
	// What a crash leaves beside is no halt.
	if err := os.WriteFile(filepath.Join(path, "halts", ".r.2.tmp"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if d, err = OpenDir(path); err != nil {
		t.Fatal(err)
	}
	got, err := d.Load(t.Context())
	if err != nil || got.Size != 7 || !bytes.Equal(got.Decision, decision) || len(got.Halts) != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
	halts, err := d.Halts(t.Context())
	if err != nil || len(halts) != 1 || !bytes.Equal(halts["r.1"], halt) {
		t.Errorf("got %v, %v", halts, err)
	}
	good, err := os.ReadFile(filepath.Join(path, "record.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, damaged := range []string{"", "{", `{"size":1,"more":2}`, `{"size":-1}`, `{"size":7}`, string(good) + "{}", string(good[:len(good)/2])} {
		if err := os.WriteFile(filepath.Join(path, "record.json"), []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Load(t.Context()); err == nil || errors.Is(err, ErrNoRecord) {
			t.Errorf("a record of %q gave %v: it may have bound the engine", damaged, err)
		}
	}
	for _, damaged := range [][]byte{{}, halt[:len(halt)/2], decision} {
		if err := os.WriteFile(filepath.Join(path, "halts", "r.1"), damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Halts(t.Context()); err == nil {
			t.Errorf("a halt of %q was taken for none", damaged)
		}
	}
	if err := os.Rename(filepath.Join(path, "halts", "r.1"), filepath.Join(path, "halts", "r.2")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(path, "halts", "r.2"), halt, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Halts(t.Context()); err == nil {
		t.Error("a halt bound another run")
	}
}
