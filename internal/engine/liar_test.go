package engine

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/guard"
	"github.com/haltlog/haltlog/log"
)

// guarded is a run's lease machine with the moments of this bubble.
type guarded struct {
	w      *world
	start  time.Time
	leases guard.Leases
}

func (g *guarded) now() guard.Moment {
	return guard.Moment{Boot: time.Since(g.start) + time.Hour, Wall: time.Now(), BootID: "boot-1"}
}

// take holds an answer against the machine, as internal/guard does once the
// signature, quorum and consistency are verified.
func (g *guarded) take(leaf []byte) error {
	g.w.t.Helper()
	s, err := log.ParseMessage(leaf)
	if err != nil {
		return err // a halt is no lease
	}
	st := s.Statement.(*log.Lease)
	g.w.mu.Lock()
	v, err := g.w.l.Machine.Ledger().QuorumAt(g.w.l.Size()).Verify(st.Checkpoint)
	g.w.mu.Unlock()
	if err != nil {
		g.w.t.Fatal(err)
	}
	next, err := g.leases.Grant(guard.Lease{
		Origin: st.Origin, Run: st.Run, GuardKey: st.Guard, BootID: st.BootID, Nonce: [32]byte(st.Nonce), Sequence: st.Sequence,
		Duration: time.Duration(st.DurationMS) * time.Millisecond, PolicyNumber: st.Policy, PolicyHash: guard.Hash(st.PolicyHash),
		DecisionIndex: st.DecisionIndex, DecisionSize: st.DecisionSize, Checkpoint: st.Checkpoint, Engine: s.Signer(),
	}, guard.Checked{Size: v.Checkpoint.Size, Root: guard.Hash(v.Checkpoint.Root), Witnessed: time.Unix(int64(v.MinTime), 0)}, g.now())
	if err == nil {
		g.leases = next
	}
	return err
}

// TestOneEngineLies runs two honest engines and one that grants leases after the
// halt, logs other verdicts, and has a clock an hour ahead: with leases of two of
// three the run ends all the same, and the lies stand in the liar's chain alone.
func TestOneEngineLies(t *testing.T) {
	t.Attr("invariant", "G3")
	t.Attr("invariant", "E6")
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, foldtest.Options{Engines: 3})
		var honest []*running
		var ids []string
		for _, k := range w.l.Engines {
			ids = append(ids, k.KeyID())
		}
		for _, k := range w.l.Engines[:2] {
			r := w.start(k, new(memJournal))
			defer r.stop()
			honest = append(honest, r)
		}
		liar := w.l.Engines[2]
		w.do(func(l *foldtest.Log) { l.Run(run) })
		stop := w.alive(run)
		defer stop()
		doc := w.policy()
		lease := time.Duration(doc.Lease.DurationMS) * time.Millisecond
		g := &guarded{w: w, start: time.Now()}
		var err error
		g.leases, err = guard.NewLeases(guard.Terms{
			Origin: w.l.Origin, Run: run, GuardKey: w.l.Guard.KeyID(), Engines: ids, Quorum: 2,
			MaxDuration: lease, MaxAge: time.Duration(doc.GuardMaxAgeMS) * time.Millisecond, Skew: 2 * time.Second,
		}, guard.Memory{}, false)
		if err != nil {
			t.Fatal(err)
		}
		var model *log.Lease // the liar copies an honest lease, and signs it himself
		ask := func() (granted, lied int) {
			t.Helper()
			synctest.Wait() // the engines have folded what there is
			next, asked, err := g.leases.Ask(g.now(), [32]byte(slices.Repeat([]byte{byte(g.leases.Memory().Sequence + 1)}, 32)))
			if err != nil {
				t.Fatal(err)
			}
			g.leases = next
			st := w.requestStatement(run, asked.Sequence)
			st.SeenSize = asked.SeenSize
			st.Nonce = asked.Nonce[:]
			request := w.l.Seal(st, w.l.Guard)
			for _, r := range honest {
				leaf, err := r.Grant(t.Context(), request)
				if err != nil {
					t.Fatal(err)
				}
				if g.take(leaf) == nil {
					granted++
					s, err := log.ParseMessage(leaf)
					if err != nil {
						t.Fatal(err)
					}
					model = s.Statement.(*log.Lease)
				}
			}
			lie := *model
			lie.Nonce, lie.Sequence = asked.Nonce[:], asked.Sequence
			w.mu.Lock()
			lie.Checkpoint = w.note
			w.mu.Unlock()
			if err := g.take(w.l.Seal(&lie, liar)); err != nil {
				t.Errorf("the lie is well made: %v", err)
			} else {
				lied++
			}
			return granted, lied
		}
		time.Sleep(2 * time.Second)
		for range 3 {
			if granted, lied := ask(); granted != 2 || lied != 1 {
				t.Fatalf("%d honest leases, %d others", granted, lied)
			}
			time.Sleep(lease / 2)
			if live, why := g.leases.Live(g.now()); !live {
				t.Fatalf("a run with its leases ends: %s", why)
			}
		}
		// The liar's clock is an hour ahead, and he says other things than what follows.
		w.do(func(l *foldtest.Log) {
			l.DecideAt(liar, l.Size(), l.Now.Add(time.Hour))
			p := l.Propose(liar)
			p.Decision.Root[0] ^= 1
			l.Carry(liar, p)
		})
		w.do(func(l *foldtest.Log) { l.Vote(run, l.Members[3]) })
		synctest.Wait()
		ended := time.Now()
		for live := true; live; {
			if granted, lied := ask(); granted != 0 || lied != 1 {
				t.Fatalf("after the halt: %d honest leases, %d others", granted, lied)
			}
			time.Sleep(lease / 10)
			var why guard.Cause
			if live, why = g.leases.Live(g.now()); !live && why != guard.CauseLease {
				t.Errorf("ended for %s", why)
			}
			if time.Since(ended) > lease {
				break
			}
		}
		if live, _ := g.leases.Live(g.now()); live {
			t.Error("one liar of three keeps a halted run alive")
		}
		time.Sleep(2 * time.Second)
		mismatches, firsts := 0, 0
		for _, s := range w.steps() {
			if s.Halt != nil && s.Halt.First {
				firsts++
				if s.Halt.Engine == liar.KeyID() {
					t.Error("the liar's halt is the first")
				}
			}
			if s.Decision != nil && s.Decision.Mismatch != nil {
				mismatches++
				if s.Decision.Engine != liar.KeyID() {
					t.Errorf("an honest decision does not replay at %d", s.Index)
				}
			}
		}
		if firsts != 1 || mismatches == 0 {
			t.Errorf("%d first halts, %d lies found", firsts, mismatches)
		}
	})
}
