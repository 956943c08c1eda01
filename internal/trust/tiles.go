package trust

import (
	"context"
	"errors"
	"fmt"
	"math/bits"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/client"
)

// Tiles reads hash tiles (C2SP tlog-tiles); width is 1 to 256.
type Tiles interface {
	Tile(ctx context.Context, level int, index uint64, width int) ([]byte, error)
}

// tree computes hashes of one tree from its tiles. Nothing that it returns is
// trusted: it makes proofs, which are verified.
type tree struct {
	tiles Tiles
	size  uint64
	cache map[[2]uint64][]byte
}

// consistency makes the proof that the tree of size old is a prefix of the tree
// of size new (RFC 6962 section 2.1.2), both from 1.
func consistency(ctx context.Context, tiles Tiles, old, size uint64) ([]checkpoint.Hash, error) {
	t := &tree{tiles: tiles, size: size, cache: map[[2]uint64][]byte{}}
	return t.subproof(ctx, 0, old, size, true)
}

// subproof is RFC 6962's SUBPROOF over the leaves [from, to), of which the first
// up to old are the older tree's.
func (t *tree) subproof(ctx context.Context, from, old, to uint64, whole bool) ([]checkpoint.Hash, error) {
	if old == to {
		if whole {
			return nil, nil
		}
		h, err := t.hash(ctx, from, to)
		return []checkpoint.Hash{h}, err
	}
	mid := from + split(to-from)
	var proof []checkpoint.Hash
	var sibling checkpoint.Hash
	var err error
	if old <= mid {
		if proof, err = t.subproof(ctx, from, old, mid, whole); err == nil {
			sibling, err = t.hash(ctx, mid, to)
		}
	} else {
		if proof, err = t.subproof(ctx, mid, old, to, false); err == nil {
			sibling, err = t.hash(ctx, from, mid)
		}
	}
	return append(proof, sibling), err
}

// split is the largest power of two below n, n from 2.
func split(n uint64) uint64 { return 1 << (bits.Len64(n-1) - 1) }

// hash is the root over the leaves [from, to).
func (t *tree) hash(ctx context.Context, from, to uint64) (checkpoint.Hash, error) {
	n := to - from
	if n&(n-1) == 0 {
		return t.node(ctx, bits.TrailingZeros64(n), from/n)
	}
	mid := from + split(n)
	left, err := t.hash(ctx, from, mid)
	if err != nil {
		return left, err
	}
	right, err := t.hash(ctx, mid, to)
	return checkpoint.NodeHash(left, right), err
}

// node is the hash over the 2^level leaves from index·2^level, all of them there.
func (t *tree) node(ctx context.Context, level int, index uint64) (checkpoint.Hash, error) {
	inside := level % tileHeight
	first := index << inside // at the tile's lowest level
	tile, err := t.tile(ctx, level/tileHeight, first/tileWidth)
	if err != nil {
		return checkpoint.Hash{}, err
	}
	at := int(first%tileWidth) * 32
	end := at + 32<<inside
	if end > len(tile) {
		return checkpoint.Hash{}, fmt.Errorf("tile %d/%d is too short", level/tileHeight, first/tileWidth)
	}
	return fold(tile[at:end]), nil
}

// fold is the root over 2^n hashes.
func fold(b []byte) checkpoint.Hash {
	if len(b) == 32 {
		return checkpoint.Hash(b)
	}
	return checkpoint.NodeHash(fold(b[:len(b)/2]), fold(b[len(b)/2:]))
}

func (t *tree) tile(ctx context.Context, level int, index uint64) ([]byte, error) {
	key := [2]uint64{uint64(level), index}
	if b, ok := t.cache[key]; ok {
		return b, nil
	}
	width := int(min(tileWidth, t.size>>(tileHeight*level)-index*tileWidth))
	b, err := t.tiles.Tile(ctx, level, index, width)
	// "a partial tile may vanish once the full one is there"
	if width < tileWidth && errors.Is(err, client.ErrNotFound) {
		b, err = t.tiles.Tile(ctx, level, index, tileWidth)
	}
	if err != nil {
		return nil, fmt.Errorf("tile %d/%d: %w", level, index, err)
	}
	t.cache[key] = b
	return b, nil
}
