package tesseralog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/transparency-dev/tessera"

	"github.com/haltlog/haltlog/internal/checkpoint"
)

// A tail is the tree's right edge in memory: what the store must hold there.
type tail struct {
	edge   edge
	leaves [][]byte // of the last bundle if it is partial; never changed, only appended to
	raw    []byte   // the same as stored
}

type request struct {
	entry *tessera.Entry
	leaf  []byte
	done  chan result // holds one
}

type result struct {
	index uint64
	err   error
}

// Append stores an entry and returns its index from 0. When it returns nil the
// entry is durable and integrated (L1). Errors: [ErrLeaf], [ErrClosed];
// [ErrStorage], [ErrCorrupt] or the context's, after which the entry may yet be
// in the log.
func (l *Log) Append(ctx context.Context, leaf []byte) (index uint64, err error) {
	if len(leaf) == 0 || len(leaf) > MaxLeaf {
		return 0, fmt.Errorf("append %d bytes: %w", len(leaf), ErrLeaf)
	}
	leaf = bytes.Clone(leaf)
	r := &request{leaf: leaf, entry: tessera.NewEntry(leaf), done: make(chan result, 1)}
	select {
	case <-l.stopping:
		return 0, ErrClosed
	default:
	}
	select {
	case l.in <- r:
	case <-l.stopping:
		return 0, ErrClosed
	case <-ctx.Done():
		return 0, fmt.Errorf("append: %w", ctx.Err())
	}
	select {
	case a := <-r.done:
		return a.index, a.err
	case <-ctx.Done():
		return 0, fmt.Errorf("append, outcome unknown: %w", ctx.Err())
	case <-l.drained:
		// Accepted in the very moment of closing: settled, or never taken up.
		select {
		case a := <-r.done:
			return a.index, a.err
		default:
			return 0, ErrClosed
		}
	}
}

// sequence takes up entries until Close. One goroutine writes, so that the
// order of indices is its order.
func (l *Log) sequence() {
	defer close(l.drained)
	var ended time.Time // of the last batch
	for {
		var first *request
		select {
		case first = <-l.in:
		case <-l.stopping:
			select {
			case first = <-l.in:
			default:
				return
			}
		}
		batch := []*request{first}
		// An entry that finds the log idle is written at once; under load the
		// batch is collected for as long as it takes others to follow.
		if time.Since(ended) < l.cfg.BatchAge {
			batch = l.linger(batch)
		}
		batch = l.take(batch)
		l.settle(batch)
		ended = time.Now()
	}
}

func (l *Log) linger(batch []*request) []*request {
	t := time.NewTimer(l.cfg.BatchAge)
	defer t.Stop()
	for len(batch) < l.cfg.BatchSize {
		select {
		case r := <-l.in:
			batch = append(batch, r)
		case <-t.C:
			return batch
		case <-l.stopping:
			return batch
		}
	}
	return batch
}

func (l *Log) take(batch []*request) []*request {
	for len(batch) < l.cfg.BatchSize {
		select {
		case r := <-l.in:
			batch = append(batch, r)
		default:
			return batch
		}
	}
	return batch
}

// settle writes a batch and answers each of its entries.
func (l *Log) settle(batch []*request) {
	from, err := l.write(batch)
	for i, r := range batch {
		if err != nil {
			r.done <- result{err: err}
			continue
		}
		r.done <- result{index: from + uint64(i)}
	}
	if err == nil {
		l.pub.poke()
	}
}

// write appends a batch and returns the index of its first entry. An error
// leaves the outcome unknown: the store is looked at again before the next.
func (l *Log) write(batch []*request) (from uint64, err error) {
	if l.fatal != nil {
		return 0, l.fatal
	}
	if err := l.prepare(); err != nil {
		return 0, l.judge(err)
	}
	from = l.tail.edge.size
	// Crash here, or anywhere below before the new tree state is in place: the
	// store is at from, and what was written beyond it is overwritten later.
	l.doubt = true
	futures := make([]tessera.IndexFuture, len(batch))
	for i, r := range batch {
		futures[i] = l.inner.Add(context.Background(), r.entry)
	}
	var failed error
	for i, f := range futures {
		// A future knows no context, but it always comes: the lifecycle ends
		// only after the sequencer.
		idx, err := f()
		switch {
		case err != nil:
			failed = err
		case failed == nil && idx.Index != from+uint64(i):
			failed = fmt.Errorf("index %d where %d was next", idx.Index, from+uint64(i))
		}
	}
	if failed != nil {
		// Tessera keeps only the text of causes.
		err := fmt.Errorf("append: %w: %w", failed, ErrStorage)
		l.deps.Logger.Error("append", "err", err, "size", from)
		// Look now, so that what was applied all the same is seen by readers
		// before the caller submits it again.
		return 0, l.judge(errors.Join(err, l.resync()))
	}
	leaves := make([][]byte, len(batch))
	for i, r := range batch {
		leaves[i] = r.leaf
	}
	if err := l.advance(leaves); err != nil {
		return 0, l.judge(err)
	}
	l.doubt = false
	return from, nil
}

// judge remembers an error after which nothing may be appended.
func (l *Log) judge(err error) error {
	if errors.Is(err, ErrCorrupt) || errors.Is(err, ErrRollback) {
		l.fatal = fmt.Errorf("%s: stop, and restore the folder from its newest copy: %w", l.cfg.Dir, err)
		l.deps.Logger.Error("log store was changed", "err", l.fatal)
		return l.fatal
	}
	return err
}

// prepare refuses to build on a store that is not what was left in it (L2).
func (l *Log) prepare() error {
	if l.doubt {
		if err := l.resync(); err != nil {
			return err
		}
	}
	if err := l.store.writable(); err != nil {
		return err
	}
	size, root, _, err := l.store.state()
	if err != nil {
		return err
	}
	if e := l.tail.edge; size != e.size || root != e.root() {
		return fmt.Errorf("recorded size %d, %d was left: %w", size, e.size, ErrCorrupt)
	}
	return l.holds(l.tail)
}

// holds reads the right edge back from the store and compares it.
func (l *Log) holds(t tail) error {
	e, err := newTree(l.store, t.edge.size).edge(t.edge.size)
	if err != nil {
		return err
	}
	if !slices.Equal(e.hashes, t.edge.hashes) {
		return fmt.Errorf("tiles at size %d: %w", t.edge.size, ErrCorrupt)
	}
	if len(t.leaves) == 0 {
		return nil
	}
	_, raw, err := l.store.bundle(t.edge.size/tileWidth, len(t.leaves))
	if err != nil {
		return err
	}
	if !bytes.Equal(raw, t.raw) {
		return fmt.Errorf("last bundle at size %d: %w", t.edge.size, ErrCorrupt)
	}
	return nil
}

// advance computes the tree with the leaves appended, holds the store against
// it, and only then lets readers see it.
func (l *Log) advance(leaves [][]byte) error {
	t := l.tail
	e := edge{size: t.edge.size, hashes: slices.Clone(t.edge.hashes)}
	raw := slices.Clip(t.raw)
	held := t.leaves
	for _, leaf := range leaves {
		e = e.append(checkpoint.LeafHash(leaf))
		raw = appendBundle(raw, leaf)
		held = append(held, leaf)
		if e.size%tileWidth == 0 {
			_, stored, err := l.store.bundle(e.size/tileWidth-1, tileWidth)
			if err != nil {
				return err
			}
			if !bytes.Equal(stored, raw) {
				return fmt.Errorf("bundle %d: %w", e.size/tileWidth-1, ErrCorrupt)
			}
			raw, held = nil, nil
		}
	}
	next := tail{edge: e, leaves: held, raw: raw}
	size, root, _, err := l.store.state()
	if err != nil {
		return err
	}
	if size != e.size || root != e.root() {
		return fmt.Errorf("recorded size %d, %d was written: %w", size, e.size, ErrCorrupt)
	}
	if err := l.holds(next); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tail = next
	l.size.Store(e.size)
	close(l.grown)
	l.grown = make(chan struct{})
	return nil
}

// resync looks at the store after a batch of unknown outcome: forget and
// refetch. What was applied although it was reported as failed becomes part of
// the log here; what was not is overwritten by the next batch. The folders are
// synced again, since one whose sync failed looks durable to Tessera.
func (l *Log) resync() error {
	if err := syncRightEdge(l.deps.dirs, l.root.Name()); err != nil {
		return err
	}
	size, _, ok, err := l.store.state()
	if err != nil {
		return err
	}
	if from := l.tail.edge.size; !ok || size < from {
		return fmt.Errorf("recorded size %d, %d was left: %w", size, from, ErrCorrupt)
	} else if size > from {
		var leaves [][]byte
		for pos := from; pos < size; {
			index := pos / tileWidth
			w := width(0, index, size)
			b, _, err := l.store.bundle(index, w)
			if err != nil {
				return err
			}
			leaves = append(leaves, b[pos%tileWidth:]...)
			pos = index*tileWidth + uint64(w)
		}
		if err := l.advance(leaves); err != nil {
			return err
		}
		l.pub.poke()
	}
	l.doubt = false
	return nil
}
