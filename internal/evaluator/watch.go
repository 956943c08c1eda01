package evaluator

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/log"
)

// Source is a log's read side, C2SP tlog-tiles. Nothing that it says is trusted.
type Source interface {
	Checkpoint(ctx context.Context) ([]byte, error)
	Bundle(ctx context.Context, index uint64, width int) ([]byte, error)
}

// Errors of the log that is followed.
var (
	// ErrFork is a log that shows two histories, both witnessed. It ends the
	// process: which of them is the log is for people to find out (EV3).
	ErrFork = errors.New("the log shows two histories")
	// ErrUnfit is a share that is not one of the evaluators in force: of before a
	// refresh, or of one that waits for its force (EV4).
	ErrUnfit = errors.New("this holder's share is not of the set in force")
	// errServed is what no honest server gives; it is asked again.
	errServed = errors.New("malformed or unwitnessed answer of the log")
)

// escrowed is what is kept of an artefact: all but its sealed labels.
type escrowed struct {
	number uint64
	root   log.Hash
	wraps  []log.Wrap
}

// seen is the newest checkpoint that was witnessed and folded up to.
type seen struct {
	size uint64
	root checkpoint.Hash
	note []byte
}

// watch follows a log by its witnessed checkpoints.
type watch struct {
	source   Source
	genesis  log.Hash
	quorum   *checkpoint.Quorum
	verifier log.Verifier
	counts   string // key ID whose counts of evaluations are followed
	store    store
	logger   *slog.Logger

	round sync.Mutex // one at a time

	mu        sync.RWMutex // over all below
	machine   *fold.Machine
	verified  bool // the whole of machine stands under a witnessed checkpoint
	newest    seen
	artefacts map[string]escrowed // the newest of each run
	sequence  uint64              // of the last count
}

func newWatch(w *watch) (*watch, error) {
	note, err := w.store.load()
	if err != nil {
		return nil, err
	}
	if note != nil {
		cp, err := checkpointOf(note)
		if err != nil {
			return nil, fmt.Errorf("state: %w", err)
		}
		w.newest = seen{cp.Size, cp.Root, note}
	}
	w.reset()
	return w, nil
}

// reset forgets what was folded. What was seen stays.
func (w *watch) reset() {
	w.machine = fold.New(fold.Config{GenesisHash: &w.genesis}, fold.Deps{Verifier: w.verifier})
	w.verified, w.artefacts, w.sequence = false, map[string]escrowed{}, 0
}

func checkpointOf(note []byte) (checkpoint.Checkpoint, error) {
	n, err := checkpoint.ParseNote(note)
	if err != nil {
		return checkpoint.Checkpoint{}, err
	}
	return checkpoint.ParseCheckpoint(n.Text)
}

// run follows until the context ends or the log forks.
func (w *watch) run(ctx context.Context, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := w.follow(ctx); errors.Is(err, ErrFork) {
			return err
		} else if err != nil && ctx.Err() == nil {
			w.logger.Warn("log not followed", "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// follow folds up to the checkpoint that is published now.
func (w *watch) follow(ctx context.Context) error {
	w.round.Lock()
	defer w.round.Unlock()
	note, err := w.source.Checkpoint(ctx)
	if err != nil {
		return fmt.Errorf("read checkpoint: %w", err)
	}
	cp, err := checkpointOf(note)
	if err != nil {
		return fmt.Errorf("%w: checkpoint: %w", errServed, err)
	}
	w.mu.RLock()
	size, verified := w.machine.Size(), w.verified
	w.mu.RUnlock()
	if cp.Size < size || cp.Size == size && verified {
		return w.older(note, cp)
	}
	for n := size / tileWidth; n*tileWidth < cp.Size; n++ {
		leaves, err := bundle(ctx, w.source, n, cp.Size)
		if err != nil {
			return err
		}
		if err := w.take(leaves[max(size, n*tileWidth)-n*tileWidth:]); err != nil {
			return err
		}
	}
	return w.close(note, cp)
}

// older is a checkpoint of a tree that was folded already: it must be one of its own.
func (w *watch) older(note []byte, cp checkpoint.Checkpoint) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if root, ok := w.machine.Ledger().RootAt(cp.Size); ok && log.Hash(cp.Root) != root && w.witnessed(note) == nil {
		return fmt.Errorf("%w: two roots at size %d", ErrFork, cp.Size)
	}
	return nil
}

// take folds entries, and holds the tree against the newest checkpoint seen when it
// comes by its size.
func (w *watch) take(leaves [][]byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, leaf := range leaves {
		w.verified = false
		w.entry(w.machine.Apply(leaf))
		if w.machine.Size() == w.newest.size {
			if root, _ := w.machine.Ledger().RootAt(w.newest.size); root != log.Hash(w.newest.root) {
				w.reset()
				return fmt.Errorf("%w: another tree at size %d than was seen", errServed, w.newest.size)
			}
		}
	}
	return nil
}

// entry keeps what opening needs.
func (w *watch) entry(s fold.Step) {
	if s.Validity != log.Valid || s.Signed == nil {
		return
	}
	switch st := s.Signed.Statement.(type) {
	case *log.Artefact:
		w.artefacts[st.Run] = escrowed{st.Number, st.Root, slices.Clone(st.Wraps)}
	case *log.Evaluations:
		if s.Signed.Signer() == w.counts {
			w.sequence = max(w.sequence, st.Sequence)
		}
	}
	for _, e := range s.Effects {
		if c, ok := e.(log.RunClosed); ok {
			delete(w.artefacts, c.Run)
		}
	}
}

// witnessed checks a note under the quorum that its size calls for.
func (w *watch) witnessed(note []byte) error {
	q := w.quorum
	cp, err := checkpointOf(note)
	if err != nil {
		return err
	}
	if l := w.machine.Ledger(); l.Genesis() != nil {
		if cp.Origin != l.Origin() {
			return fmt.Errorf("of log %q", cp.Origin)
		}
		if in := l.QuorumAt(cp.Size); in != nil && len(l.Quorums()) > 1 {
			q = in // the officers changed it, under the witnesses given
		}
	}
	_, err = q.Verify(note)
	return err
}

// close lets what was folded count, if the checkpoint is of it and witnessed (EV3).
func (w *watch) close(note []byte, cp checkpoint.Checkpoint) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.machine.Ledger().Genesis() == nil {
		w.reset()
		return fmt.Errorf("%w: entry 0 is not the pinned genesis", errServed)
	}
	if err := w.witnessed(note); err != nil {
		// Nothing says that these entries are the log's: they are read again.
		w.reset()
		return fmt.Errorf("%w: checkpoint: %w", errServed, err)
	}
	if root, ok := w.machine.Ledger().RootAt(cp.Size); !ok || log.Hash(cp.Root) != root {
		w.reset()
		return fmt.Errorf("%w: the entries make another root at size %d", errServed, cp.Size)
	}
	if cp.Size < w.newest.size {
		// An older one than was seen: what is missing of it may matter.
		return fmt.Errorf("%w: size %d, seen was %d", errServed, cp.Size, w.newest.size)
	}
	if cp.Size > w.newest.size {
		if err := w.store.save(note); err != nil {
			return err
		}
		w.newest = seen{cp.Size, cp.Root, note}
	}
	w.verified = true
	return nil
}

// bundle reads the entries of one bundle of a log of a size.
func bundle(ctx context.Context, src Source, index, size uint64) ([][]byte, error) {
	width := int(min(size-index*tileWidth, tileWidth))
	raw, err := src.Bundle(ctx, index, width)
	if errors.Is(err, client.ErrNotFound) && width < tileWidth {
		// "a partial tile may vanish once the full one is there"
		raw, err = src.Bundle(ctx, index, tileWidth)
	}
	if err != nil {
		return nil, fmt.Errorf("bundle %d: %w", index, err)
	}
	leaves := make([][]byte, 0, width)
	for len(leaves) < width {
		if len(raw) < 2 || len(raw) < 2+int(binary.BigEndian.Uint16(raw)) {
			return nil, fmt.Errorf("%w: bundle %d ends within entry %d", errServed, index, len(leaves))
		}
		n := 2 + int(binary.BigEndian.Uint16(raw))
		leaves, raw = append(leaves, raw[2:n]), raw[n:]
	}
	return leaves, nil
}

// fits holds a share against the evaluators in force, as far as the log was followed. A
// holder that answered by another one would sign what blames it.
func (w *watch) fits(s Shares) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	set, ok := w.machine.Ledger().EvaluatorSet(s.Version)
	if !w.verified || !ok {
		return nil // a share of a set that is not in force yet harms nobody
	}
	commitments := make([][]byte, len(set.Commitments))
	for i, c := range set.Commitments {
		commitments[i] = c
	}
	if err := s.Labels.Verify(commitments); err != nil {
		return fmt.Errorf("%w: key version %d: %w", ErrUnfit, s.Version, err)
	}
	return nil
}

// ready reports whether everything folded is witnessed.
func (w *watch) ready() bool {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.verified
}

// last is the sequence of the evaluator's last count in the log.
func (w *watch) last() uint64 {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.sequence
}
