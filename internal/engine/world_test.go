package engine

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/follow"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/obs"
	"github.com/haltlog/haltlog/log"
	"github.com/haltlog/haltlog/policy"
)

// world is a log in memory with all keys, for engines that run in a synctest
// bubble: every entry is real, only the disk and the sockets are not there.
type world struct {
	t  *testing.T
	mu sync.Mutex
	l  *foldtest.Log

	grown chan struct{}
	note  []byte
	seen  checkpoint.Verified
	held  bool                    // witnesses are away: nothing is published
	fail  func(leaf []byte) error // asked before an append
	shift atomic.Int64            // how far the engines' wall clock is off
}

func newWorld(t *testing.T, o foldtest.Options) *world {
	w := &world{t: t, l: foldtest.New(t, o), grown: make(chan struct{})}
	time.Sleep(time.Until(foldtest.Start)) // in the bubble
	w.do(func(l *foldtest.Log) { l.Setup() })
	time.Sleep(time.Until(w.l.Now))
	return w
}

// do runs f on the log at the present time, and publishes what it appended.
func (w *world) do(f func(l *foldtest.Log)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := time.Now(); now.After(w.l.Now) {
		w.l.Now = now
	}
	f(w.l)
	close(w.grown)
	w.grown = make(chan struct{})
	w.publish()
}

// look reads the log while engines run on it.
func (w *world) look(f func(l *foldtest.Log)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(w.l)
}

// steps is what the fold made of each entry so far.
func (w *world) steps() (all []fold.Step) {
	w.look(func(l *foldtest.Log) { all = slices.Clone(l.Steps) })
	return all
}

// leaves is the log so far.
func (w *world) leaves() (all [][]byte) {
	w.look(func(l *foldtest.Log) { all = slices.Clone(l.Leaves) })
	return all
}

// policy is the one in force.
func (w *world) policy() (doc *policy.Document) {
	w.look(func(l *foldtest.Log) { doc, _ = l.Machine.Policy(foldtest.Chain) })
	return doc
}

// now is the engines' wall clock: without a monotonic reading, as one that was set.
func (w *world) now() time.Time { return time.Now().Round(0).Add(time.Duration(w.shift.Load())) }

func (w *world) publish() {
	if w.held {
		return
	}
	q := w.l.Machine.Ledger().QuorumAt(w.l.Size())
	if q == nil {
		return
	}
	w.note = w.l.Checkpoint(w.l.Size())
	v, err := q.Verify(w.note)
	if err != nil {
		w.t.Errorf("publish: %v", err)
	}
	w.seen = v
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

var errDown = errors.New("log is down")

// Submit is what admission does: a repeat gets its first index, what would be void is refused.
func (w *world) Submit(_ context.Context, leaf []byte) (index uint64, err error) {
	w.mu.Lock()
	fail := w.fail
	for i, l := range w.l.Leaves {
		if slices.Equal(l, leaf) {
			w.mu.Unlock()
			return uint64(i), nil
		}
	}
	w.mu.Unlock()
	if fail != nil {
		if err := fail(leaf); err != nil {
			return 0, err
		}
	}
	w.do(func(l *foldtest.Log) {
		if err = l.Machine.Ledger().Admit(leaf); err == nil {
			index = l.Append(leaf).Index
		}
	})
	return index, err
}

func (w *world) Published() ([]byte, checkpoint.Verified) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.note, w.seen
}

func (w *world) Renew() { w.do(func(*foldtest.Log) {}) }

func (w *world) Consistency(_ context.Context, from, to uint64) ([]log.Hash, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var tree checkpoint.Tree
	for _, leaf := range w.l.Leaves[:to] {
		if err := tree.Append(leaf); err != nil {
			return nil, err
		}
	}
	if from == 0 || from == to {
		return []log.Hash{}, nil
	}
	proof, err := tree.Consistency(from, to)
	out := make([]log.Hash, len(proof))
	for i, h := range proof {
		out[i] = log.Hash(h)
	}
	return out, err
}

// memJournal is a Journal in memory that can fail before or after a step took effect.
type memJournal struct {
	mu     sync.Mutex
	record *Record
	halts  map[string][]byte
	fail   func(step string) (before, after error)
}

func (j *memJournal) step(name string, apply func()) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.fail != nil {
		before, after := j.fail(name)
		if before != nil {
			return before
		}
		apply()
		return after
	}
	apply()
	return nil
}

func (j *memJournal) Save(_ context.Context, r Record) error {
	return j.step("save", func() { j.record = &r })
}

func (j *memJournal) Load(context.Context) (Record, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.record == nil {
		return Record{}, ErrNoRecord
	}
	return *j.record, nil
}

func (j *memJournal) KeepHalt(_ context.Context, run string, leaf []byte) error {
	return j.step("keep", func() {
		if j.halts == nil {
			j.halts = map[string][]byte{}
		}
		j.halts[run] = leaf
	})
}

func (j *memJournal) Halts(context.Context) (map[string][]byte, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := map[string][]byte{}
	maps.Copy(out, j.halts)
	return out, nil
}

// running is an engine and its follower under way.
type running struct {
	*Engine
	cancel context.CancelFunc
	done   chan struct{}
	err    error // of the engine, after done
	mu     sync.Mutex
	pushed map[string][]byte
}

// start lets an engine of the log run until stop, or the end of the test.
func (w *world) start(key *foldtest.Key, j Journal) *running {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	r := &running{cancel: cancel, done: make(chan struct{}), pushed: map[string][]byte{}}
	f := follow.New(follow.Config{}, follow.Deps{
		Source: w, Fold: fold.Deps{Verifier: keys.NewVerifier()}, Logger: obs.Discard(),
		Sinks: []follow.Sink{func(e follow.Entry) { r.Hear(e) }},
	})
	e, err := New(ctx, Config{}, Deps{
		Follower: f, Submit: w, Published: w, Signer: key, Journal: j, Now: w.now, Logger: obs.Discard(),
		Push: func(run string, halt []byte) { r.mu.Lock(); r.pushed[run] = halt; r.mu.Unlock() },
	})
	if err != nil {
		cancel()
		w.t.Fatal(err)
	}
	r.Engine = e
	if err := f.CatchUp(ctx); err != nil {
		cancel()
		w.t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { _ = f.Run(ctx) })
	wg.Go(func() { r.err = e.Run(ctx); cancel() })
	go func() { wg.Wait(); close(r.done) }()
	return r
}

func (r *running) stop() {
	r.cancel()
	<-r.done
}

func (r *running) push(run string) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pushed[run]
}
