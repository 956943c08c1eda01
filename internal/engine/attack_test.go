package engine

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/log"
)

// TestClockPutBack: whoever sets an engine's clock back must not buy a run more
// time. Nothing is granted while the clock is behind what was decided, and the
// decisions go on, with witnessed time, so that silence still ends the run.
func TestClockPutBack(t *testing.T) {
	t.Attr("invariant", "E2")
	t.Attr("invariant", "E3")
	t.Attr("invariant", "G3")
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, foldtest.Options{})
		r := w.start(w.l.Engines[0], new(memJournal))
		defer r.stop()
		w.do(func(l *foldtest.Log) { l.Run(run) })
		stop := w.alive(run)
		time.Sleep(5 * time.Second)
		stop()
		w.shift.Store(int64(-time.Hour))
		synctest.Wait()
		if leaf, err := r.Grant(t.Context(), w.request(run, 1)); !errors.Is(err, ErrNotNow) {
			t.Errorf("granted on a clock that was put back: %s, %v", leaf, err)
		}
		// Nobody is heard any more. Someone else's entries keep the log growing.
		for range 120 {
			time.Sleep(time.Second)
			w.do(func(l *foldtest.Log) { l.Put(l.GenesisStatement(), l.Threshold()...) })
		}
		synctest.Wait()
		if r.push(run) == nil {
			t.Error("a silent run lives on for as long as the clock was put back")
		}
	})
}

// TestHaltAfterAnothersClose: two engines may part at a close, the one without
// a vote that the other has folded. The later halt has no place in the log, and
// must not take its engine from all other runs.
func TestHaltAfterAnothersClose(t *testing.T) {
	t.Attr("invariant", "E6")
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, foldtest.Options{Engines: 2})
		w.do(func(l *foldtest.Log) {
			l.Run(run)
			l.Run("run-2")
			l.Decide(l.Engines[0])
			l.Decide(l.Engines[1])
			l.Must(l.CloseStatement(run), l.Guard)
			p := l.Propose(l.Engines[0])
			l.Vote(run, l.Members[0])
			l.Carry(l.Engines[0], p)
			if r, _ := l.Machine.Ledger().Run(run); !r.Closed {
				t.Fatal("fixture: not closed")
			}
		})
		r := w.start(w.l.Engines[1], new(memJournal))
		defer r.stop()
		stop := w.alive("run-2")
		defer stop()
		time.Sleep(5 * time.Second)
		w.do(func(l *foldtest.Log) { l.Vote("run-2", l.Members[0]) })
		time.Sleep(time.Second)
		if r.push("run-2") == nil {
			t.Errorf("the engine is gone: %v", r.err)
		}
		if n := w.kinds(log.KindHalt); n != 1 {
			t.Errorf("%d halts", n)
		}
	})
}

// TestGuardOfTwoRuns: sequences are a run's own, also under one guard's key: a
// run that began later is not refused for what the other one asked.
func TestGuardOfTwoRuns(t *testing.T) {
	t.Attr("invariant", "G3")
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, foldtest.Options{})
		r := w.start(w.l.Engines[0], new(memJournal))
		defer r.stop()
		w.do(func(l *foldtest.Log) { l.Run(run); l.Run("run-2") })
		one, two := w.alive(run), w.alive("run-2")
		time.Sleep(5 * time.Second)
		one()
		two()
		synctest.Wait()
		for _, ask := range []struct {
			run      string
			sequence uint64
		}{{run, 7}, {"run-2", 1}, {run, 8}, {"run-2", 2}} {
			if _, err := r.Grant(t.Context(), w.request(ask.run, ask.sequence)); err != nil {
				t.Errorf("%s, sequence %d: %v", ask.run, ask.sequence, err)
			}
		}
		if _, err := r.Grant(t.Context(), w.request("run-2", 2)); !errors.Is(err, ErrReplayed) {
			t.Errorf("an older sequence: %v", err)
		}
		w.do(func(l *foldtest.Log) { l.Vote(run, l.Members[0]) })
		synctest.Wait()
		r.Engine.mu.Lock()
		defer r.Engine.mu.Unlock()
		if _, kept := r.seen[run]; kept || len(r.seen) != 1 {
			t.Error("an ended run's sequences are kept")
		}
	})
}
