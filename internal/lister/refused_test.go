package lister

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/follow"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/obs"
	"github.com/haltlog/haltlog/log"
)

// refusing is a log that takes no fingerprints of one run.
type refusing struct {
	*world
	run string
}

func (r refusing) Submit(ctx context.Context, leaf []byte) (uint64, error) {
	if s, err := log.Parse(leaf); err == nil {
		if st, ok := s.Statement.(*log.Fingerprints); ok && st.Run == r.run {
			return 0, errors.New("refused for ever")
		}
	}
	return r.world.Submit(ctx, leaf)
}

// twoHalted are two runs, escrowed and halted, the first of which will not be listed.
func twoHalted(t *testing.T, first func(w *world, labels []blacklist.Entry)) *world {
	w := newWorld(t, nil)
	for i, run := range []string{"run-1", "run-2"} {
		w.do(func(l *foldtest.Log) { l.Run(run); l.Decide(l.Engines[0]) })
		if labels := foldtest.Labels(2 + i); i == 0 {
			first(w, labels)
		} else {
			w.escrow(run, labels)
		}
		w.halt(run)
	}
	return w
}

func (w *world) wantSecondAlone() {
	w.t.Helper()
	fs := valid[*log.Fingerprints](w)
	if len(fs) != 1 || fs[0].Run != "run-2" {
		w.t.Fatalf("%d listings", len(fs))
	}
	if len(valid[*log.Epoch](w)) == 0 {
		w.t.Error("no epoch follows: the refused run held it up")
	}
}

// TestRefusedRunHoldsUpNothing: what the log refuses of one run delays no other run and no epoch.
func TestRefusedRunHoldsUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := twoHalted(t, func(w *world, labels []blacklist.Entry) { w.escrow("run-1", labels) })
		ctx, cancel := context.WithCancel(t.Context())
		var l *Lister
		f := follow.New(follow.Config{}, follow.Deps{
			Source: w, Fold: fold.Deps{Verifier: keys.NewVerifier()}, Logger: obs.Discard(),
			Sinks: []follow.Sink{func(e follow.Entry) { l.Hear(e) }},
		})
		l, err := New(Config{}, Deps{Follower: f, Submit: refusing{w, "run-1"}, Signer: w.l.Engines[0], Escrow: w.l.Escrow, Logger: obs.Discard()})
		if err != nil {
			t.Fatal(err)
		}
		if err := f.CatchUp(ctx); err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{}, 2)
		go func() { _ = f.Run(ctx); done <- struct{}{} }()
		go func() { _ = l.Run(ctx); done <- struct{}{} }()
		time.Sleep(10 * time.Second) // in the bubble
		cancel()
		<-done
		<-done
		w.wantSecondAlone()
	})
}

// TestMiscountedEscrow: an artefact that opens to another number of labels than it
// says can never be listed, and is given up at once.
func TestMiscountedEscrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := twoHalted(t, func(w *world, labels []blacklist.Entry) {
			w.do(func(l *foldtest.Log) {
				st := l.ArtefactStatement("run-1", labels)
				sealed, wraps, err := blacklist.Seal(l.Escrow.PublicKey(), blacklist.Context{Origin: l.Origin, Run: "run-1", Number: st.Number, Root: blacklist.Hash(st.Root)}, labels)
				if err != nil {
					t.Fatal(err)
				}
				st.Sealed, st.Wraps, st.Count = sealed, []log.Wrap{{Suite: wraps[0].Suite, KeyID: wraps[0].KeyID, Bytes: wraps[0].Bytes}}, st.Count+1
				w.split(st, l.Guard)
			})
		})
		w.list(w.l.Escrow, w.l.Engines[0])
		w.wantSecondAlone()
	})
}
