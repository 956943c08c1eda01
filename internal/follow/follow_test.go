package follow

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/obs"
)

// source is a log that grows when a test says so, and whose store can break.
type source struct {
	mu     sync.Mutex
	leaves [][]byte
	shown  int // of leaves
	broken int // index that cannot be read; -1 for none
	grown  chan struct{}
}

var errStore = errors.New("store")

func (s *source) show(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shown = n
	close(s.grown)
	s.grown = make(chan struct{})
}

func (s *source) Size() uint64 { s.mu.Lock(); defer s.mu.Unlock(); return uint64(s.shown) }

func (s *source) Wait(ctx context.Context, index uint64) error {
	for {
		s.mu.Lock()
		n, grown := s.shown, s.grown
		s.mu.Unlock()
		if uint64(n) > index {
			return nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (s *source) Entries(_ context.Context, from, to uint64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for i := from; i < to; i++ {
			if int(i) == s.broken {
				yield(nil, errStore)
				return
			}
			if !yield(s.leaves[i], nil) {
				return
			}
		}
	}
}

func newSource(t *testing.T, broken int) *source {
	l := foldtest.New(t, foldtest.Options{})
	l.Setup()
	l.Run("run-1")
	return &source{leaves: l.Leaves, broken: broken, grown: make(chan struct{})}
}

func newFollower(s Source, sinks ...Sink) *Follower {
	return New(Config{}, Deps{Source: s, Fold: fold.Deps{Verifier: keys.NewVerifier()}, Logger: obs.Discard(), Sinks: sinks})
}

// TestOrder: every sink hears of each entry once, in log order, one sink after
// the other, and the machine stands right behind the entry then.
func TestOrder(t *testing.T) {
	t.Attr("invariant", "S3")
	synctest.Test(t, func(t *testing.T) {
		s := newSource(t, -1)
		var f *Follower
		var heard []uint64
		sink := func(e Entry) {
			if f.Size() != e.Step.Index+1 || !slices.Equal(e.Leaf, s.leaves[e.Step.Index]) {
				t.Errorf("entry %d is told at size %d", e.Step.Index, f.Size())
			}
			heard = append(heard, e.Step.Index)
		}
		f = newFollower(s, sink, sink)
		ctx, cancel := context.WithCancelCause(t.Context())
		ended := make(chan error)
		go func() { ended <- f.Run(ctx) }()
		for n := range len(s.leaves) + 1 {
			s.show(n)
			synctest.Wait()
			if f.Size() != uint64(n) || len(heard) != 2*n {
				t.Fatalf("%d entries: folded %d, told %d", n, f.Size(), len(heard))
			}
		}
		for i, index := range heard {
			if index != uint64(i/2) {
				t.Fatalf("told in the order %v", heard)
			}
		}
		stop := errors.New("stop")
		cancel(stop)
		if err := <-ended; !errors.Is(err, stop) {
			t.Errorf("ended with %v", err)
		}
	})
}

// TestBroken: an entry that cannot be read ends the follower before it, and what
// comes after is never guessed.
func TestBroken(t *testing.T) {
	t.Attr("invariant", "S3")
	s := newSource(t, 2)
	told := 0
	f := newFollower(s, func(Entry) { told++ })
	s.show(len(s.leaves))
	if err := f.Run(t.Context()); !errors.Is(err, errStore) {
		t.Errorf("ended with %v", err)
	}
	if f.Size() != 2 || told != 2 {
		t.Errorf("folded %d, told %d", f.Size(), told)
	}
	s.broken = -1
	if err := f.CatchUp(t.Context()); err != nil || f.Size() != uint64(len(s.leaves)) || told != len(s.leaves) {
		t.Errorf("goes on to %d: %v", f.Size(), err)
	}
	if err := f.CatchUp(t.Context()); err != nil || told != len(s.leaves) {
		t.Errorf("told twice: %v", err)
	}
}

// TestWait: whoever waits for an entry goes on once the last sink was told, and not before.
func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSource(t, -1)
		told := 0
		f := newFollower(s, func(Entry) { time.Sleep(time.Second); told++ })
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		done := make(chan struct{})
		go func() { defer close(done); _ = f.Run(ctx) }()
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if err := f.Wait(ctx, 1); err != nil || told < 2 {
					t.Errorf("%d entries are told: %v", told, err)
				}
			})
		}
		synctest.Wait()
		s.show(2)
		wg.Wait()
		if err := f.Wait(ctx, 0); err != nil {
			t.Error(err)
		}
		short, stop := context.WithTimeout(ctx, time.Minute)
		defer stop()
		if err := f.Wait(short, 2); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("an entry that is not there: %v", err)
		}
		cancel()
		<-done
	})
}

// TestReaders: readers see the machine between two entries, however many read.
func TestReaders(t *testing.T) {
	s := newSource(t, -1)
	f := newFollower(s)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			lock := f.Reading()
			for ctx.Err() == nil {
				switch i {
				case 0:
					f.Alone(func(m *fold.Machine) { _ = m.List().EpochAt(1, 0, m.Size()) })
				case 1:
					lock.Lock()
					_ = f.machine.Ledger().Size()
					lock.Unlock()
				default:
					f.View(func(m *fold.Machine) {
						if m.Size() != m.Ledger().Size() {
							t.Errorf("machine at %d, ledger at %d", m.Size(), m.Ledger().Size())
						}
					})
				}
			}
		})
	}
	for n := range len(s.leaves) + 1 {
		s.show(n)
		if err := f.CatchUp(ctx); err != nil {
			t.Error(err)
		}
	}
	cancel()
	wg.Wait()
}
