package tesseralog

import (
	"context"
	"fmt"
	"iter"

	"github.com/haltlog/haltlog/internal/checkpoint"
)

// Size is the integrated size: the entries below it are durable, published or
// not.
func (l *Log) Size() uint64 { return l.size.Load() }

// Wait returns when the log holds an entry at that index, that is when Size is
// above it.
func (l *Log) Wait(ctx context.Context, index uint64) error {
	for {
		l.mu.RLock()
		size, grown := l.tail.edge.size, l.grown
		l.mu.RUnlock()
		if size > index {
			return nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return ctx.Err()
		case <-l.drained:
			// What was settled while closing is seen first.
			if l.Size() > index {
				return nil
			}
			return ErrClosed
		}
	}
}

// Head is the integrated tree's size and root.
func (l *Log) Head() Head {
	l.mu.RLock()
	e := l.tail.edge
	l.mu.RUnlock()
	return Head{Size: e.size, Root: e.root()}
}

// Entries yields the entries with from <= index < to in order, published or
// not, each held against its hash in the tree. It ends with an error where the
// store is not what it was, and with [ErrRange] if to is above Size. The slices
// must not be changed.
func (l *Log) Entries(ctx context.Context, from, to uint64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		l.mu.RLock()
		t := l.tail
		l.mu.RUnlock()
		if to > t.edge.size || from > to {
			yield(nil, fmt.Errorf("entries %d to %d of %d: %w", from, to, t.edge.size, ErrRange))
			return
		}
		tr := newTree(l.store, t.edge.size)
		for pos := from; pos < to; {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			index := pos / tileWidth
			leaves, err := l.bundle(tr, t, index)
			if err != nil {
				yield(nil, err)
				return
			}
			end := min(to, index*tileWidth+uint64(len(leaves)))
			for ; pos < end; pos++ {
				if !yield(leaves[pos%tileWidth], nil) {
					return
				}
			}
		}
	}
}

func (l *Log) bundle(tr *tree, t tail, index uint64) ([][]byte, error) {
	if index == t.edge.size/tileWidth {
		return t.leaves, nil
	}
	leaves, _, err := l.store.bundle(index, tileWidth)
	if err != nil {
		return nil, err
	}
	// Not kept: a walk through a long log must not keep its tiles.
	clear(tr.tiles)
	return leaves, matchTile(tr, index, leaves)
}

// matchTile holds entries against the hash tile above them.
func matchTile(t *tree, index uint64, leaves [][]byte) error {
	hs, err := t.tile(0, index)
	if err != nil {
		return err
	}
	for i, leaf := range leaves {
		if checkpoint.LeafHash(leaf) != hs[i] {
			return fmt.Errorf("entry %d does not hash to its tile: %w", index*tileWidth+uint64(i), ErrCorrupt)
		}
	}
	return nil
}

// Root is the tree's root at a size up to Size.
func (l *Log) Root(_ context.Context, size uint64) (Hash, error) {
	n := l.Size()
	if size > n {
		return Hash{}, fmt.Errorf("root at %d of %d: %w", size, n, ErrRange)
	}
	e, err := newTree(l.store, n).edge(size)
	if err != nil {
		return Hash{}, err
	}
	return e.root(), nil
}

// Consistency is the proof that the tree of size to extends the one of size
// from (RFC 6962 section 2.1.2), verified before it is returned. It is empty
// if from is 0 or to.
func (l *Log) Consistency(_ context.Context, from, to uint64) ([]Hash, error) {
	n := l.Size()
	if to > n || from > to {
		return nil, fmt.Errorf("consistency of %d with %d of %d: %w", from, to, n, ErrRange)
	}
	t := newTree(l.store, n)
	var proof []Hash
	var err error
	if from > 0 && from < to {
		if proof, err = t.consistency(from, 0, to, true); err != nil {
			return nil, err
		}
	}
	a, err := t.edge(from)
	if err != nil {
		return nil, err
	}
	b, err := t.edge(to)
	if err != nil {
		return nil, err
	}
	if err := checkpoint.VerifyConsistency(from, to, a.root(), b.root(), proof); err != nil {
		return nil, fmt.Errorf("own tiles: %w: %w", err, ErrCorrupt)
	}
	return proof, nil
}

// Proof is the receipt of an entry: a tlog-proof against the published
// checkpoint, verified before it is returned (L4). [ErrNotPublished] while the
// published checkpoint does not cover the index, [ErrRange] beyond Size.
func (l *Log) Proof(_ context.Context, index uint64) ([]byte, error) {
	n := l.Size()
	if index >= n {
		return nil, fmt.Errorf("proof of %d of %d: %w", index, n, ErrRange)
	}
	p := l.pub.current()
	if index >= p.cp.Size {
		return nil, fmt.Errorf("proof of %d, published are %d: %w", index, p.cp.Size, ErrNotPublished)
	}
	t := newTree(l.store, n)
	hashes, err := t.inclusion(index, 0, p.cp.Size)
	if err != nil {
		return nil, err
	}
	leaf, err := t.subtree(0, index)
	if err != nil {
		return nil, err
	}
	if err := checkpoint.VerifyInclusion(index, p.cp.Size, leaf, hashes, p.cp.Root); err != nil {
		return nil, fmt.Errorf("own tiles: %w: %w", err, ErrCorrupt)
	}
	return checkpoint.Proof{Index: index, Hashes: hashes, Checkpoint: p.note}.Format(), nil
}
