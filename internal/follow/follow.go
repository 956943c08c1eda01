// Package follow owns the one fold of a process: it reads a log's entries in
// order as they are integrated, before they are witnessed (stop first, prove
// after), applies them to a fold.Machine, and tells what each did to its sinks.
//
// Nothing else applies entries, so that admission, engine, projection and pages
// all see one state. Readers take View; a sink is called with the machine open,
// between two entries, in log order.
package follow

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"sync"

	"github.com/haltlog/haltlog/internal/fold"
)

// Source is a log to be followed. Entries yields entries with from <= index < to
// that are integrated; an error is the store's, and ends the follower: its state
// may not be guessed. Wait returns once the log holds an entry at index.
type Source interface {
	Size() uint64
	Wait(ctx context.Context, index uint64) error
	Entries(ctx context.Context, from, to uint64) iter.Seq2[[]byte, error]
}

// Entry is one applied entry. Leaf and Step must not be changed.
type Entry struct {
	Leaf []byte
	Step fold.Step
}

// Sink hears of every entry once, in order, after it was applied and before the
// next one is. It runs on the follower's own time: a slow sink delays halts.
type Sink func(e Entry)

// Config says where a follower starts.
type Config struct {
	Fold fold.Config
}

// Deps are a follower's ports.
type Deps struct {
	Source Source
	Fold   fold.Deps
	Logger *slog.Logger
	// Sinks are called in this order.
	Sinks []Sink
}

// Follower folds a log as it grows.
type Follower struct {
	source  Source
	logger  *slog.Logger
	sinks   []Sink
	mu      sync.RWMutex // over machine; Apply alone writes
	machine *fold.Machine

	grownMu sync.Mutex
	grown   chan struct{} // closed and replaced at each batch
	told    uint64        // entries of which every sink has heard
}

// New is a follower at size 0; Run or CatchUp folds what is there.
func New(cfg Config, d Deps) *Follower {
	return &Follower{
		source: d.Source, logger: d.Logger, sinks: d.Sinks,
		machine: fold.New(cfg.Fold, d.Fold), grown: make(chan struct{}),
	}
}

// View calls f with the machine, which f must only read and not keep.
func (f *Follower) View(fn func(m *fold.Machine)) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	fn(f.machine)
}

// Alone calls f with the machine while nobody else reads it: blacklist.Set builds
// trees when it is asked for one. f must change nothing else, and not keep it.
func (f *Follower) Alone(fn func(m *fold.Machine)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fn(f.machine)
}

// Reading is the lock under which the machine may be read beside View, for who
// holds on to parts of it: see admission.NewLedgerJudge.
func (f *Follower) Reading() sync.Locker { return f.mu.RLocker() }

// Size is how many entries were folded.
func (f *Follower) Size() (n uint64) {
	f.View(func(m *fold.Machine) { n = m.Size() })
	return n
}

// CatchUp folds up to the source's present size.
func (f *Follower) CatchUp(ctx context.Context) error {
	from, to := f.Size(), f.source.Size()
	if from >= to {
		return nil
	}
	defer f.broadcast()
	for leaf, err := range f.source.Entries(ctx, from, to) {
		if err != nil {
			return fmt.Errorf("follow: entry %d: %w", f.Size(), err)
		}
		f.apply(leaf)
	}
	return nil
}

func (f *Follower) apply(leaf []byte) {
	f.mu.Lock()
	step := f.machine.Apply(leaf)
	f.mu.Unlock()
	if step.Err != nil {
		f.logger.Error("entry could not be folded whole", "index", step.Index, "err", step.Err)
	}
	for _, sink := range f.sinks {
		sink(Entry{Leaf: leaf, Step: step})
	}
	f.grownMu.Lock()
	defer f.grownMu.Unlock()
	f.told = step.Index + 1
}

// Run follows until the context ends or the source fails; the error is never nil.
func (f *Follower) Run(ctx context.Context) error {
	for {
		if err := f.CatchUp(ctx); err != nil {
			return err
		}
		if err := f.source.Wait(ctx, f.Size()); err != nil {
			return fmt.Errorf("follow: %w", err)
		}
	}
}

// Wait returns once an entry at index was folded, and every sink was told: whoever
// waited finds it in the index and among the decisions.
func (f *Follower) Wait(ctx context.Context, index uint64) error {
	for {
		f.grownMu.Lock()
		grown, told := f.grown, f.told
		f.grownMu.Unlock()
		if told > index {
			return nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (f *Follower) broadcast() {
	f.grownMu.Lock()
	defer f.grownMu.Unlock()
	close(f.grown)
	f.grown = make(chan struct{})
}
