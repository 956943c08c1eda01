package lister

import (
	"cmp"
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"iter"
	"slices"
	"strings"
	"sync"
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
	"github.com/haltlog/haltlog/policy"
)

// world is a log in memory with all keys: every entry is real.
type world struct {
	t     *testing.T
	mu    sync.Mutex
	l     *foldtest.Log
	grown chan struct{}
}

func newWorld(t *testing.T, change func(*policy.Document)) *world {
	w := &world{t: t, l: foldtest.New(t, foldtest.Options{Engines: 2}), grown: make(chan struct{})}
	w.l.Genesis()
	w.l.Policy(change)
	w.l.Anchor()
	w.l.Group(w.l.Members...)
	return w
}

func (w *world) do(f func(l *foldtest.Log)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(w.l)
	close(w.grown)
	w.grown = make(chan struct{})
}

func (w *world) Size() uint64 { w.mu.Lock(); defer w.mu.Unlock(); return w.l.Size() }

func (w *world) Wait(ctx context.Context, index uint64) error {
	for {
		w.mu.Lock()
		size, grown := w.l.Size(), w.grown
		w.mu.Unlock()
		if size > index {
			return nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (w *world) Entries(_ context.Context, from, to uint64) iter.Seq2[[]byte, error] {
	w.mu.Lock()
	leaves := slices.Clone(w.l.Leaves[from:to])
	w.mu.Unlock()
	return func(yield func([]byte, error) bool) {
		for _, leaf := range leaves {
			if !yield(leaf, nil) {
				return
			}
		}
	}
}

// Submit is what admission does.
func (w *world) Submit(_ context.Context, leaf []byte) (index uint64, err error) {
	w.do(func(l *foldtest.Log) {
		for i, have := range l.Leaves {
			if slices.Equal(have, leaf) {
				index = uint64(i)
				return
			}
		}
		if err = l.Machine.Ledger().Admit(leaf); err == nil {
			index = l.Append(leaf).Index
		}
	})
	return index, err
}

// list lets listers work, one for each engine named, until they have nothing to do.
func (w *world) list(escrow *ecdh.PrivateKey, engines ...*foldtest.Key) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	var wg sync.WaitGroup
	for _, key := range engines {
		var l *Lister
		f := follow.New(follow.Config{}, follow.Deps{
			Source: w, Fold: fold.Deps{Verifier: keys.NewVerifier()}, Logger: obs.Discard(),
			Sinks: []follow.Sink{func(e follow.Entry) { l.Hear(e) }},
		})
		var err error
		if l, err = New(Config{}, Deps{Follower: f, Submit: w, Signer: key, Escrow: escrow, Logger: obs.Discard()}); err != nil {
			w.t.Fatal(err)
		}
		if err := f.CatchUp(ctx); err != nil {
			w.t.Fatal(err)
		}
		wg.Go(func() { _ = f.Run(ctx) })
		wg.Go(func() { _ = l.Run(ctx) })
	}
	time.Sleep(10 * time.Second) // in the bubble: every retry has come and gone
	cancel()
	wg.Wait()
}

// escrow appends a run's artefact, really sealed.
func (w *world) escrow(run string, labels []blacklist.Entry) {
	w.t.Helper()
	w.do(func(l *foldtest.Log) {
		st := l.ArtefactStatement(run, labels)
		sealed, wraps, err := blacklist.Seal(l.Escrow.PublicKey(), blacklist.Context{Origin: l.Origin, Run: run, Number: st.Number, Root: blacklist.Hash(st.Root)}, labels)
		if err != nil {
			w.t.Fatal(err)
		}
		st.Sealed, st.Wraps = sealed, []log.Wrap{}
		for _, x := range wraps {
			st.Wraps = append(st.Wraps, log.Wrap{Suite: x.Suite, KeyID: x.KeyID, Bytes: x.Bytes})
		}
		w.split(st, l.Guard)
	})
}

func (w *world) split(st log.Statement, key *foldtest.Key) {
	w.t.Helper()
	whole, err := log.Seal(st, key)
	if err != nil {
		w.t.Fatal(err)
	}
	leaves, err := log.Split(whole, key)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, leaf := range leaves {
		if s := w.l.Append(leaf); s.Validity == log.Void {
			w.t.Fatalf("%s: %s", st.Kind(), s.Reason)
		}
	}
}

// halt ends a run by a vote.
func (w *world) halt(run string) {
	w.do(func(l *foldtest.Log) { l.Vote(run, l.Members[0]); l.Decide(l.Engines[0]) })
}

// valid are the valid statements of a type.
func valid[T log.Statement](w *world) (out []T) {
	for _, s := range w.l.Steps {
		if s.Signed == nil || s.Validity != log.Valid {
			continue
		}
		if st, ok := s.Signed.Statement.(T); ok {
			out = append(out, st)
		}
	}
	return out
}

// sound wants one listing and one epoch behind it, and nothing void.
func (w *world) sound(listings int) []*log.Fingerprints {
	w.t.Helper()
	for _, s := range w.l.Steps {
		if (s.Validity != log.Valid && s.Validity != log.Pending) || s.Err != nil {
			w.t.Errorf("entry %d is %s: %s %v", s.Index, s.Validity, s.Reason, s.Err)
		}
	}
	fs := valid[*log.Fingerprints](w)
	if len(fs) != listings {
		w.t.Fatalf("%d listings, want %d", len(fs), listings)
	}
	epochs := valid[*log.Epoch](w)
	if listings > 0 && (len(epochs) == 0 || len(epochs) > listings) {
		w.t.Errorf("%d epochs follow %d listings", len(epochs), listings)
	}
	if last := w.l.Steps[len(w.l.Steps)-1]; listings > 0 && last.Signed.Kind() != log.KindEpoch {
		w.t.Errorf("the last entry is a %s, no epoch", last.Signed.Kind())
	}
	return fs
}

func TestListedOnce(t *testing.T) {
	for _, c := range []struct {
		name    string
		labels  int
		engines int
	}{
		{"few", 3, 1}, {"two engines", 3, 2}, {"in parts", 1500, 1}, {"in parts by two engines", 1500, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				labels := foldtest.Labels(c.labels)
				w.do(func(l *foldtest.Log) { l.Run("run-1"); l.Decide(l.Engines[0]) })
				w.escrow("run-1", foldtest.Labels(2)) // an older one
				w.escrow("run-1", labels)
				w.halt("run-1")
				// A restart between halt and labels is this: the lister starts only now.
				w.list(w.l.Escrow, w.l.Engines[:c.engines]...)
				st := w.sound(1)[0]
				if len(st.Labels) != len(labels) || len(st.Excluded) != 0 || *st.Artefact != 2 {
					t.Errorf("%d labels, %d excluded of artefact %d", len(st.Labels), len(st.Excluded), *st.Artefact)
				}
				for _, e := range labels {
					if rs := w.l.Machine.List().Lookup(e.Kind, e.Label); len(rs) != 1 || rs[0].Status != blacklist.Active {
						t.Fatalf("a label is %+v", rs)
					}
				}
				size := w.l.Size()
				w.list(w.l.Escrow, w.l.Engines...)
				if w.l.Size() != size {
					t.Errorf("a restart appended %d entries", w.l.Size()-size)
				}
			})
		})
	}
}

// TestEpochBehind: an epoch that was made before the newest labels came in does
// not commit to them, so that another one follows.
func TestEpochBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.do(func(l *foldtest.Log) {
			l.Run("run-1")
			l.Decide(l.Engines[0])
			l.Vote("run-1", l.Members[0])
			l.Decide(l.Engines[0])
			before := fold.EpochOf(l.Machine.List(), l.Origin, 1, l.Size())
			st := &log.Fingerprints{Origin: l.Origin, Run: "run-1", Labels: []log.Label{}, Excluded: []log.Exclusion{}, Reason: ReasonNoArtefact}
			for _, s := range l.Steps {
				if s.Halt != nil {
					st.Halt = s.Signed.Identity
				}
			}
			l.Must(st, l.Engines[1])
			l.Must(before, l.Engines[1])
		})
		w.list(w.l.Escrow, w.l.Engines[0])
		epochs := valid[*log.Epoch](w)
		if len(epochs) != 2 || epochs[1].Size < w.l.Size()-2 {
			t.Errorf("%d epochs: the last labels are in none", len(epochs))
		}
	})
}

func TestNoArtefact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.do(func(l *foldtest.Log) { l.Run("run-1"); l.Decide(l.Engines[0]) })
		w.halt("run-1")
		w.list(w.l.Escrow, w.l.Engines[0])
		if st := w.sound(1)[0]; st.Reason != ReasonNoArtefact || st.Artefact != nil {
			t.Errorf("listed %+v", st)
		}
	})
}

// TestUnopenable: labels that cannot be opened stop nothing else.
func TestUnopenable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.do(func(l *foldtest.Log) {
			l.Run("run-1")
			l.Decide(l.Engines[0])
			l.Artefact("run-1", foldtest.Labels(2)) // sealed to nobody
		})
		w.halt("run-1")
		w.do(func(l *foldtest.Log) { l.Run("run-2"); l.Decide(l.Engines[0]) })
		w.escrow("run-2", foldtest.Labels(2))
		w.halt("run-2")
		other, err := ecdh.X25519().GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		w.list(other, w.l.Engines[0])
		w.sound(0)
		w.list(w.l.Escrow, w.l.Engines[0])
		if st := w.sound(1)[0]; st.Run != "run-2" {
			t.Errorf("listed %s", st.Run)
		}
	})
}

// TestHaltThatListsNothing excludes every label by number, with the reason.
func TestHaltThatListsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(d *policy.Document) { d.LiveVote.Lists = false })
		labels := foldtest.Labels(3)
		w.do(func(l *foldtest.Log) { l.Run("run-1"); l.Decide(l.Engines[0]) })
		w.escrow("run-1", labels)
		w.halt("run-1")
		w.list(w.l.Escrow, w.l.Engines[0])
		st := w.sound(1)[0]
		if len(st.Labels) != 0 || len(st.Excluded) != 3 {
			t.Fatalf("listed %+v", st)
		}
		for i, x := range st.Excluded {
			if x.Number != uint64(i) || !strings.Contains(x.Reason, "live_vote") || x.Leaf != log.Hash(blacklist.ArtefactLeaf(x.Number, labels[i].Kind, labels[i].Label)) {
				t.Errorf("excluded %+v", x)
			}
		}
	})
}

// TestAllowListed keeps what officers allowed off the list.
func TestAllowListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		labels := foldtest.Labels(4)
		allowed := []log.Bytes{labels[1].Label[:], labels[3].Label[:]}
		slices.SortFunc(allowed, func(a, b log.Bytes) int { return cmp.Compare(string(a), string(b)) })
		w.do(func(l *foldtest.Log) {
			l.Run("run-1")
			l.Decide(l.Engines[0])
			l.Must(&log.AllowList{Origin: l.Origin, Sequence: 1, LabelKind: log.LabelTensor, Labels: allowed, Reason: "a public base"}, l.Threshold()...)
		})
		w.escrow("run-1", labels)
		w.halt("run-1")
		w.list(w.l.Escrow, w.l.Engines[0])
		st := w.sound(1)[0]
		if len(st.Labels) != 2 || len(st.Excluded) != 2 || st.Excluded[0].Number != 1 || st.Excluded[1].Number != 3 || st.Excluded[0].Reason != blacklist.ReasonAllowList {
			t.Errorf("listed %+v", st)
		}
	})
}

// TestReasonFits: a halt for many causes that do not list still has a reason that a statement takes.
func TestReasonFits(t *testing.T) {
	var causes []log.Cause
	for _, name := range []string{"live_vote", "dead_vote", "lease", "monitors", "artefact", "life", "witness", "engine", "expiry"} {
		causes = append(causes, log.Cause{Tripwire: name})
		why, lists := listing(causes)
		if lists || why == "" || len(why) > log.MaxExclusion {
			t.Errorf("%d causes: %q of %d bytes", len(causes), why, len(why))
		}
	}
}
