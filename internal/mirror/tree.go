package mirror

import (
	"context"
	"errors"
	"fmt"
	"math/bits"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/trust"
)

// source is what is read of the log; *client.Plain is one.
type source interface {
	Tile(ctx context.Context, level int, index uint64, width int) ([]byte, error)
	Bundle(ctx context.Context, index uint64, width int) ([]byte, error)
}

// tree gives the hash tiles of one signed tree, each verified (MI1): those at the
// right edge make the root together, and every full one folds to a hash of the tile
// above it.
type tree struct {
	src   source
	size  uint64
	edge  map[int][]byte // by level, partial
	tiles map[[2]uint64][]byte
}

func newTree(ctx context.Context, src source, size uint64, root checkpoint.Hash) (*tree, error) {
	t := &tree{src: src, size: size, edge: map[int][]byte{}, tiles: map[[2]uint64][]byte{}}
	var peaks []checkpoint.Hash // perfect subtrees, smallest first
	for level := 0; size>>(8*level) > 0; level++ {
		width := int(size >> (8 * level) % tileWidth)
		if width == 0 {
			continue
		}
		raw, err := t.read(ctx, level, size>>(8*level)/tileWidth, width)
		if err != nil {
			return nil, err
		}
		t.edge[level] = raw
		for rest := width; rest > 0; {
			n := 1 << bits.TrailingZeros(uint(rest))
			peaks = append(peaks, client.FoldTile(raw[32*(rest-n):32*rest]))
			rest -= n
		}
	}
	have := checkpoint.EmptyRoot()
	for i, h := range peaks {
		if i == 0 {
			have = h
		} else {
			have = checkpoint.NodeHash(h, have)
		}
	}
	if have != root {
		return nil, fmt.Errorf("tiles do not make the root that is signed for size %d: %w", size, trust.ErrUnverified)
	}
	return t, nil
}

// read reads a tile of width hashes, unverified.
func (t *tree) read(ctx context.Context, level int, index uint64, width int) ([]byte, error) {
	raw, err := t.src.Tile(ctx, level, index, width)
	// "a partial tile may vanish once the full one is there"
	if width < tileWidth && errors.Is(err, client.ErrNotFound) {
		raw, err = t.src.Tile(ctx, level, index, tileWidth)
	}
	if err != nil {
		return nil, fmt.Errorf("tile %d/%d: %w", level, index, err)
	}
	if len(raw) < 32*width {
		return nil, fmt.Errorf("tile %d/%d is too short: %w", level, index, client.ErrServed)
	}
	return raw[:32*width], nil
}

// width is how many hashes a tile has.
func (t *tree) width(level int, index uint64) int {
	return int(min(tileWidth, t.size>>(8*level)-index*tileWidth))
}

// tile returns a verified tile.
func (t *tree) tile(ctx context.Context, level int, index uint64) ([]byte, error) {
	if t.width(level, index) < tileWidth {
		return t.edge[level], nil
	}
	key := [2]uint64{uint64(level), index}
	if raw, ok := t.tiles[key]; ok {
		return raw, nil
	}
	want, err := t.above(ctx, level, index)
	if err != nil {
		return nil, err
	}
	raw, err := t.read(ctx, level, index, tileWidth)
	if err != nil {
		return nil, err
	}
	if client.FoldTile(raw) != want {
		return nil, fmt.Errorf("tile %d/%d is not the tree's: %w", level, index, trust.ErrUnverified)
	}
	if len(t.tiles) >= maxTiles {
		clear(t.tiles)
	}
	t.tiles[key] = raw
	return raw, nil
}

// above is what a full tile folds to.
func (t *tree) above(ctx context.Context, level int, index uint64) (checkpoint.Hash, error) {
	raw, err := t.tile(ctx, level+1, index/tileWidth)
	if err != nil {
		return checkpoint.Hash{}, err
	}
	return checkpoint.Hash(raw[32*(index%tileWidth):][:32]), nil
}

// bundle returns a verified bundle and the tile over it.
func (t *tree) bundle(ctx context.Context, index uint64) (bundle, hashes []byte, err error) {
	width := t.width(0, index)
	raw, err := t.src.Bundle(ctx, index, width)
	if width < tileWidth && errors.Is(err, client.ErrNotFound) {
		raw, err = t.src.Bundle(ctx, index, tileWidth)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("bundle %d: %w", index, err)
	}
	leaves, err := client.CutBundle(raw, width)
	if err != nil {
		return nil, nil, fmt.Errorf("bundle %d: %w", index, err)
	}
	n := 0
	for _, leaf := range leaves {
		h := checkpoint.LeafHash(leaf)
		hashes = append(hashes, h[:]...)
		n += 2 + len(leaf)
	}
	ok := string(hashes) == string(t.edge[0])
	if width == tileWidth {
		want, err := t.above(ctx, 0, index)
		if err != nil {
			return nil, nil, err
		}
		ok = client.FoldTile(hashes) == want
	}
	if !ok {
		return nil, nil, fmt.Errorf("bundle %d is not the tree's: %w", index, trust.ErrUnverified)
	}
	return raw[:n], hashes, nil
}
