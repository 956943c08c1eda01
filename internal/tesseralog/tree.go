package tesseralog

import (
	"context"
	"fmt"
	"math/bits"

	"github.com/haltlog/haltlog/internal/checkpoint"
)

// A tree computes roots and proofs over the tiles of one integrated size. It
// lives for one call, so its cache is bounded by that call's proof.
type tree struct {
	store store
	size  uint64 // integrated: decides the widths of tiles on disk
	tiles map[[2]uint64][]Hash
}

func newTree(s store, size uint64) *tree {
	return &tree{store: s, size: size, tiles: map[[2]uint64][]Hash{}}
}

func (t *tree) tile(level, index uint64) ([]Hash, error) {
	k := [2]uint64{level, index}
	if hs, ok := t.tiles[k]; ok {
		return hs, nil
	}
	hs, err := t.store.tile(level, index, width(level, index, t.size))
	if err != nil {
		return nil, err
	}
	t.tiles[k] = hs
	return hs, nil
}

// subtree is the root of the perfect subtree over the leaves from
// index<<level to (index+1)<<level.
func (t *tree) subtree(level uint, index uint64) (Hash, error) {
	row, span := uint64(level/8), uint64(1)<<(level%8)
	first := index * span
	hs, err := t.tile(row, first/tileWidth)
	if err != nil {
		return Hash{}, err
	}
	off := first % tileWidth
	if uint64(len(hs)) < off+span {
		return Hash{}, fmt.Errorf("subtree beyond tile %d/%d: %w", row, first/tileWidth, ErrCorrupt)
	}
	nodes := make([]Hash, span)
	copy(nodes, hs[off:])
	return fold(nodes), nil
}

// edge is the right edge of the tree at size n.
func (t *tree) edge(n uint64) (edge, error) {
	e := edge{size: n}
	for pos := uint64(0); pos < n; {
		level := uint(bits.Len64(n-pos)) - 1
		h, err := t.subtree(level, pos>>level)
		if err != nil {
			return edge{}, err
		}
		e.hashes = append(e.hashes, h)
		pos += 1 << level
	}
	return e, nil
}

// span is MTH(D[lo:hi]) of RFC 6962 section 2.1; lo is a multiple of the
// largest power of two not above hi-lo.
func (t *tree) span(lo, hi uint64) (Hash, error) {
	n := hi - lo
	if n&(n-1) == 0 {
		level := uint(bits.TrailingZeros64(n))
		return t.subtree(level, lo>>level)
	}
	k := split(n)
	l, err := t.span(lo, lo+k)
	if err != nil {
		return Hash{}, err
	}
	r, err := t.span(lo+k, hi)
	if err != nil {
		return Hash{}, err
	}
	return checkpoint.NodeHash(l, r), nil
}

// split is the largest power of two below n, for n > 1.
func split(n uint64) uint64 { return 1 << (bits.Len64(n-1) - 1) }

// inclusion is PATH(m, D[lo:hi]) of RFC 6962 section 2.1.1.
func (t *tree) inclusion(m, lo, hi uint64) ([]Hash, error) {
	if hi-lo == 1 {
		return nil, nil
	}
	k := lo + split(hi-lo)
	inLo, inHi, outLo, outHi := lo, k, k, hi
	if m >= k {
		inLo, inHi, outLo, outHi = k, hi, lo, k
	}
	p, err := t.inclusion(m, inLo, inHi)
	if err != nil {
		return nil, err
	}
	h, err := t.span(outLo, outHi)
	return append(p, h), err
}

// consistency is SUBPROOF(m, D[lo:hi], whole) of RFC 6962 section 2.1.2, m
// counted from the tree's start.
func (t *tree) consistency(m, lo, hi uint64, whole bool) ([]Hash, error) {
	if m == hi {
		if whole {
			return nil, nil
		}
		h, err := t.span(lo, hi)
		return []Hash{h}, err
	}
	k := lo + split(hi-lo)
	inLo, inHi, outLo, outHi := lo, k, k, hi
	if m > k {
		inLo, inHi, outLo, outHi, whole = k, hi, lo, k, false
	}
	p, err := t.consistency(m, inLo, inHi, whole)
	if err != nil {
		return nil, err
	}
	h, err := t.span(outLo, outHi)
	return append(p, h), err
}

// verify recomputes every tile from the one below it, up to the right edge, so
// that no hash in the store differs from what the root says (L2).
func (t *tree) verify(ctx context.Context) error {
	for level := range uint64(maxTileLevel) {
		var above []Hash
		full := t.size >> (8 * level) / tileWidth
		for i := range full {
			if err := ctx.Err(); err != nil {
				return err
			}
			nodes, err := t.store.tile(level, i, tileWidth)
			if err != nil {
				return err
			}
			if i%tileWidth == 0 {
				if above, err = t.store.tile(level+1, i/tileWidth, width(level+1, i/tileWidth, t.size)); err != nil {
					return err
				}
			}
			if fold(nodes) != above[i%tileWidth] {
				return fmt.Errorf("tile %d/%d does not hash to the tile above it: %w", level, i, ErrCorrupt)
			}
		}
	}
	return nil
}
