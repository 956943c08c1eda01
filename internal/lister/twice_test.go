package lister

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/follow"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/obs"
	"github.com/haltlog/haltlog/log"
)

// TestEpochFoldedUnheard: another engine's epoch is applied before the lister hears
// of it; what it commits to wants no epoch twice, whatever lies between the two.
func TestEpochFoldedUnheard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.do(func(l *foldtest.Log) { l.Run("run-1"); l.Decide(l.Engines[0]) })
		w.escrow("run-1", foldtest.Labels(3))
		w.halt("run-1")
		w.list(w.l.Escrow, w.l.Engines[1])
		w.sound(1)

		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		defer func() { cancel(); wg.Wait() }()
		var l *Lister
		var unheard *follow.Entry
		f := follow.New(follow.Config{}, follow.Deps{
			Source: w, Fold: fold.Deps{Verifier: keys.NewVerifier()}, Logger: obs.Discard(),
			Sinks: []follow.Sink{func(e follow.Entry) {
				if unheard == nil && e.Step.Signed != nil && e.Step.Signed.Kind() == log.KindEpoch {
					unheard = &e
					return
				}
				l.Hear(e)
			}},
		})
		var err error
		if l, err = New(Config{}, Deps{Follower: f, Submit: w, Signer: w.l.Engines[0], Escrow: w.l.Escrow, Logger: obs.Discard()}); err != nil {
			t.Fatal(err)
		}
		if err := f.CatchUp(ctx); err != nil {
			t.Fatal(err)
		}
		if unheard == nil {
			t.Fatal("no epoch waits to be heard of")
		}
		size := w.l.Size()
		wg.Go(func() { _ = l.Run(ctx) })
		synctest.Wait()
		if w.l.Size() != size {
			t.Fatal("made again before it was heard of")
		}
		l.Hear(*unheard)
		synctest.Wait()
		if w.l.Size() != size {
			t.Fatal("made again after it was heard of")
		}
		// And it goes on: the next listing has an epoch of its own.
		wg.Go(func() { _ = f.Run(ctx) })
		w.do(func(l *foldtest.Log) { l.Run("run-2"); l.Decide(l.Engines[0]) })
		w.halt("run-2")
		synctest.Wait()
		if n := len(valid[*log.Epoch](w)); n != 2 {
			t.Errorf("%d epochs follow 2 listings", n)
		}
	})
}
