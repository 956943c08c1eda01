package audit

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/client"
)

// Source is a log's read side, C2SP tlog-tiles: it is anybody's, and nothing
// that it says is trusted. A partial tile or bundle that is gone because the
// full one is there is client.ErrNotFound. client.Client is one.
type Source interface {
	Checkpoint(ctx context.Context) ([]byte, error)
	// Bundle is an entry bundle of width entries (1 to 256), each after its
	// length as u16.
	Bundle(ctx context.Context, index uint64, width int) ([]byte, error)
	// Tile is a hash tile of width hashes.
	Tile(ctx context.Context, level int, index uint64, width int) ([]byte, error)
}

// Views reads what a witness serves: the checkpoint of an origin under its
// monitoring prefix (C2SP tlog-witness). ErrNoView is one that it never
// cosigned.
type Views interface {
	View(ctx context.Context, prefix, origin string) ([]byte, error)
	// Kept are the pairs of checkpoints that it kept because the log signed two
	// roots for one size (W3); none from a witness that serves no such thing.
	Kept(ctx context.Context, prefix, origin string) ([]Kept, error)
}

// Kept is what a witness cosigned, and what it refused.
type Kept struct {
	First  string `json:"first"`
	Second string `json:"second"`
}

// ErrNoView is a witness that never cosigned the log.
var ErrNoView = errors.New("the witness never cosigned this log")

// errServed is an answer that no log would give.
var errServed = errors.New("malformed answer")

const tileWidth = 256

// bundle reads the entries of one bundle of a log of a size.
func bundle(ctx context.Context, src Source, index, size uint64) ([][]byte, error) {
	width := int(min(size-index*tileWidth, tileWidth))
	raw, err := again(ctx, func() ([]byte, error) { return src.Bundle(ctx, index, width) })
	if errors.Is(err, client.ErrNotFound) && width < tileWidth {
		// "a partial tile may vanish once the full one is there"
		raw, err = src.Bundle(ctx, index, tileWidth)
	} else if err == nil {
		if n := countEntries(raw); n != width {
			return nil, fmt.Errorf("bundle %d holds %d entries, want %d: %w", index, n, width, errServed)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("bundle %d: %w", index, err)
	}
	leaves := make([][]byte, 0, width)
	for len(leaves) < width {
		leaf, rest, ok := cutEntry(raw)
		if !ok {
			return nil, fmt.Errorf("bundle %d ends within entry %d: %w", index, len(leaves), errServed)
		}
		leaves, raw = append(leaves, leaf), rest
	}
	return leaves, nil
}

func cutEntry(raw []byte) (leaf, rest []byte, ok bool) {
	if len(raw) < 2 {
		return nil, nil, false
	}
	n := int(binary.BigEndian.Uint16(raw))
	if len(raw) < 2+n {
		return nil, nil, false
	}
	return raw[2 : 2+n], raw[2+n:], true
}

// countEntries is -1 for bytes that are no entries.
func countEntries(raw []byte) int {
	n := 0
	for len(raw) > 0 {
		_, rest, ok := cutEntry(raw)
		if !ok {
			return -1
		}
		raw = rest
		n++
	}
	return n
}

// hashes reads a tree of one size by its hash tiles, and makes proofs of it.
// What it gives is only what the server says: a proof holds when it verifies.
type hashes struct {
	src   Source
	size  uint64
	tiles map[tileKey][]byte
	order []tileKey
}

type tileKey struct {
	level int
	index uint64
}

func newHashes(src Source, size uint64) *hashes {
	return &hashes{src: src, size: size, tiles: map[tileKey][]byte{}}
}

func (h *hashes) tile(ctx context.Context, level int, index uint64) ([]byte, error) {
	k := tileKey{level, index}
	if t, ok := h.tiles[k]; ok {
		return t, nil
	}
	width := int(min(h.size>>(8*level)-index*tileWidth, tileWidth))
	t, err := again(ctx, func() ([]byte, error) { return h.src.Tile(ctx, level, index, width) })
	if errors.Is(err, client.ErrNotFound) && width < tileWidth {
		t, err = h.src.Tile(ctx, level, index, tileWidth)
	}
	if err != nil {
		return nil, fmt.Errorf("tile %d/%d: %w", level, index, err)
	}
	if len(t) < width*32 {
		return nil, fmt.Errorf("tile %d/%d: %w", level, index, errServed)
	}
	if len(h.order) == maxTiles {
		delete(h.tiles, h.order[0])
		h.order = h.order[1:]
	}
	h.tiles[k], h.order = t[:width*32], append(h.order, k)
	return h.tiles[k], nil
}

// node is the root of the perfect subtree of 2^level leaves, number index.
func (h *hashes) node(ctx context.Context, level int, index uint64) (checkpoint.Hash, error) {
	tileLevel, within := level/8, level%8
	first := index << within
	t, err := h.tile(ctx, tileLevel, first/tileWidth)
	if err != nil {
		return checkpoint.Hash{}, err
	}
	offset := int(first % tileWidth)
	row := make([]checkpoint.Hash, 1<<within)
	for i := range row {
		at := (offset + i) * 32
		if at+32 > len(t) {
			return checkpoint.Hash{}, fmt.Errorf("tile %d/%d is too short: %w", tileLevel, first/tileWidth, errServed)
		}
		row[i] = checkpoint.Hash(t[at : at+32])
	}
	for len(row) > 1 {
		for i := range len(row) / 2 {
			row[i] = checkpoint.NodeHash(row[2*i], row[2*i+1])
		}
		row = row[:len(row)/2]
	}
	return row[0], nil
}

// span is the root of the leaves lo <= i < hi (RFC 6962 section 2.1).
func (h *hashes) span(ctx context.Context, lo, hi uint64) (checkpoint.Hash, error) {
	if n := hi - lo; n&(n-1) == 0 && lo%n == 0 {
		level := 0
		for 1<<level < n {
			level++
		}
		return h.node(ctx, level, lo>>level)
	}
	k := split(hi - lo)
	l, err := h.span(ctx, lo, lo+k)
	if err != nil {
		return l, err
	}
	r, err := h.span(ctx, lo+k, hi)
	return checkpoint.NodeHash(l, r), err
}

// split is the largest power of two below n, for n > 1.
func split(n uint64) uint64 {
	k := uint64(1)
	for k*2 < n {
		k *= 2
	}
	return k
}

// root is the root at a size up to the tree's.
func (h *hashes) root(ctx context.Context, size uint64) (checkpoint.Hash, error) {
	if size == 0 {
		return checkpoint.EmptyRoot(), nil
	}
	return h.span(ctx, 0, size)
}

// inclusion is the proof of a leaf, sibling first (RFC 6962 section 2.1.1).
func (h *hashes) inclusion(ctx context.Context, index uint64) ([]checkpoint.Hash, error) {
	return h.path(ctx, index, 0, h.size)
}

func (h *hashes) path(ctx context.Context, index, lo, hi uint64) ([]checkpoint.Hash, error) {
	if hi-lo == 1 {
		return nil, nil
	}
	k := lo + split(hi-lo)
	inLo, inHi, outLo, outHi := lo, k, k, hi
	if index >= k {
		inLo, inHi, outLo, outHi = k, hi, lo, k
	}
	p, err := h.path(ctx, index, inLo, inHi)
	if err != nil {
		return nil, err
	}
	s, err := h.span(ctx, outLo, outHi)
	return append(p, s), err
}

// consistency is the proof from an earlier size (RFC 6962 section 2.1.2).
func (h *hashes) consistency(ctx context.Context, old uint64) ([]checkpoint.Hash, error) {
	if old == 0 || old == h.size {
		return nil, nil
	}
	return h.subproof(ctx, old, 0, h.size, true)
}

func (h *hashes) subproof(ctx context.Context, m, lo, hi uint64, whole bool) ([]checkpoint.Hash, error) {
	if m == hi-lo {
		if whole {
			return nil, nil
		}
		s, err := h.span(ctx, lo, hi)
		return []checkpoint.Hash{s}, err
	}
	k := split(hi - lo)
	if m <= k {
		p, err := h.subproof(ctx, m, lo, lo+k, whole)
		if err != nil {
			return nil, err
		}
		s, err := h.span(ctx, lo+k, hi)
		return append(p, s), err
	}
	p, err := h.subproof(ctx, m-k, lo+k, hi, false)
	if err != nil {
		return nil, err
	}
	s, err := h.span(ctx, lo, lo+k)
	return append(p, s), err
}
