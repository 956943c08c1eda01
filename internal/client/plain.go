package client

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/bits"
	"net/http"
	"strconv"
	"sync"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/log"
)

// ErrServed is an answer that no log would give.
var ErrServed = errors.New("malformed answer")

// Head is the head of the newest witnessed epoch, [ErrNotFound] before the first.
func (c *Client) Head(ctx context.Context) (api.Head, error) {
	return getJSON[api.Head](ctx, c, api.RouteHead, nil, maxHead)
}

// HeadOf is the head of one epoch, by its number.
func (c *Client) HeadOf(ctx context.Context, number uint64) (api.Head, error) {
	return getJSON[api.Head](ctx, c, fill(api.RouteHeadOf, "number", strconv.FormatUint(number, 10)), nil, maxHead)
}

// ObjectFrom opens what an epoch commits to under a hash, from an offset on, which
// a server may ignore: from is where the answer begins. Nothing is checked. The
// body is the caller's to close.
func (c *Client) ObjectFrom(ctx context.Context, hash [32]byte, offset int64) (body io.ReadCloser, from int64, err error) {
	name := hex.EncodeToString(hash[:])
	path := fill(fill(api.RouteObject, "head", name[:2]), "hash", name)
	header := http.Header{}
	if offset > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	}
	res, err := c.sendWith(ctx, http.MethodGet, path, nil, nil, header)
	if p, ok := errors.AsType[*ProblemError](err); ok && offset > 0 && p.Status == http.StatusRequestedRangeNotSatisfiable {
		return c.ObjectFrom(ctx, hash, 0)
	}
	if err != nil {
		return nil, 0, err
	}
	if res.StatusCode == http.StatusPartialContent {
		from = offset
		var first, last int64
		if n, err := fmt.Sscanf(res.Header.Get("Content-Range"), "bytes %d-%d/", &first, &last); err != nil || n != 2 || first != offset {
			res.Body.Close()
			return nil, 0, fmt.Errorf("object %s: %w: another range than asked for", name, ErrServed)
		}
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(res.Body, maxObject), res.Body}, from, nil
}

// Plain reads a log by what plain files can serve: checkpoint, tiles, bundles,
// genesis, and the heads of epochs, at the same paths as the daemon's. Entries and
// proofs are made of tiles, as they are under the checkpoint that was read last. It
// verifies nothing either.
type Plain struct {
	*Client

	mu        sync.Mutex
	note      []byte
	size      uint64
	authority []uint64
	tiles     map[[3]uint64][]byte // by level, index and width
}

// NewPlain reads from a server of plain files, or from a daemon.
func NewPlain(c *Client) *Plain { return &Plain{Client: c, tiles: map[[3]uint64][]byte{}} }

// Checkpoint is the published checkpoint, under which everything is read from then on.
func (p *Plain) Checkpoint(ctx context.Context) ([]byte, error) {
	note, err := p.Client.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	n, err := checkpoint.ParseNote(note)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w: %w", ErrServed, err)
	}
	c, err := checkpoint.ParseCheckpoint(n.Text)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w: %w", ErrServed, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.Size != p.size {
		clear(p.tiles)
	}
	p.note, p.size = note, c.Size
	return note, nil
}

// Head is the newest head; it says where authority statements stand, too.
func (p *Plain) Head(ctx context.Context) (api.Head, error) {
	h, err := p.Client.Head(ctx)
	if err == nil && len(h.Authority) > maxAuthority {
		return h, fmt.Errorf("head names %d authority statements: %w", len(h.Authority), ErrServed)
	}
	if err == nil {
		p.mu.Lock()
		p.authority = h.Authority
		p.mu.Unlock()
	}
	return h, err
}

// Anchor is not among plain files.
func (p *Plain) Anchor(context.Context) (api.Anchor, error) {
	return api.Anchor{}, fmt.Errorf("anchor: %w", ErrNotFound)
}

func (p *Plain) at() (note []byte, size uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.note, p.size
}

// Size is the size of the checkpoint that was read last.
func (p *Plain) Size() uint64 {
	_, size := p.at()
	return size
}

// Entry is an entry's bytes alone, out of its bundle.
func (p *Plain) Entry(ctx context.Context, index uint64) (api.Entry, error) {
	_, size := p.at()
	if index >= size {
		return api.Entry{}, fmt.Errorf("entry %d of %d: %w", index, size, ErrNotFound)
	}
	leaves, err := p.Leaves(ctx, index/256, size)
	if err != nil {
		return api.Entry{}, err
	}
	leaf := leaves[index%256]
	e := api.Entry{Index: index, Leaf: leaf}
	if s, err := log.Parse(leaf); err == nil {
		e.Kind, e.Identity = string(s.Kind()), s.Identity
	}
	return e, nil
}

// Leaves are the entries of one bundle of a log of a size.
func (p *Plain) Leaves(ctx context.Context, bundle, size uint64) ([][]byte, error) {
	width := int(min(size-bundle*256, 256))
	raw, err := p.Bundle(ctx, bundle, width)
	if errors.Is(err, ErrNotFound) && width < 256 {
		raw, err = p.Bundle(ctx, bundle, 256)
	}
	if err != nil {
		return nil, err
	}
	return CutBundle(raw, width)
}

// CutBundle returns the first width entries of a bundle.
func CutBundle(raw []byte, width int) ([][]byte, error) {
	leaves := make([][]byte, 0, width)
	for len(leaves) < width {
		if len(raw) < 2 || len(raw) < 2+int(binary.BigEndian.Uint16(raw)) {
			return nil, fmt.Errorf("bundle ends within entry %d: %w", len(leaves), ErrServed)
		}
		n := 2 + int(binary.BigEndian.Uint16(raw))
		leaves, raw = append(leaves, raw[2:n:n]), raw[n:]
	}
	return leaves, nil
}

// Entries are the authority statements that the last head names; no other filter
// has an answer in plain files.
func (p *Plain) Entries(ctx context.Context, f Filter) iter.Seq2[api.Entry, error] {
	return func(yield func(api.Entry, error) bool) {
		if f.Kind != log.KindAuthority || f.Run != "" {
			yield(api.Entry{}, fmt.Errorf("entries by kind and run: %w", ErrNotFound))
			return
		}
		p.mu.Lock()
		indices := p.authority
		p.mu.Unlock()
		for _, i := range indices {
			if i < f.From {
				continue
			}
			e, err := p.Entry(ctx, i)
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// Proof makes the tlog-proof of an entry under the checkpoint read last.
func (p *Plain) Proof(ctx context.Context, index uint64) ([]byte, error) {
	note, size := p.at()
	if index >= size {
		return nil, fmt.Errorf("proof of %d in %d: %w", index, size, ErrNotFound)
	}
	hashes, err := p.path(ctx, index, 0, size)
	if err != nil {
		return nil, fmt.Errorf("proof of %d: %w", index, err)
	}
	return checkpoint.Proof{Index: index, Hashes: hashes, Checkpoint: note}.Format(), nil
}

// path is RFC 6962's PATH, sibling first.
func (p *Plain) path(ctx context.Context, index, from, to uint64) ([]checkpoint.Hash, error) {
	if to-from == 1 {
		return nil, nil
	}
	mid := from + 1<<(bits.Len64(to-from-1)-1)
	lo, hi, l, h := from, mid, mid, to
	if index >= mid {
		lo, hi, l, h = mid, to, from, mid
	}
	proof, err := p.path(ctx, index, lo, hi)
	if err != nil {
		return nil, err
	}
	sibling, err := p.Span(ctx, l, h)
	return append(proof, sibling), err
}

// Span is the root over the entries from ≤ i < to of the tree.
func (p *Plain) Span(ctx context.Context, from, to uint64) (checkpoint.Hash, error) {
	n := to - from
	if n&(n-1) == 0 {
		return p.node(ctx, bits.TrailingZeros64(n), from/n)
	}
	mid := from + 1<<(bits.Len64(n-1)-1)
	left, err := p.Span(ctx, from, mid)
	if err != nil {
		return left, err
	}
	right, err := p.Span(ctx, mid, to)
	return checkpoint.NodeHash(left, right), err
}

// node is the hash over 2^level entries, all of them there.
func (p *Plain) node(ctx context.Context, level int, index uint64) (checkpoint.Hash, error) {
	first := index << (level % 8)
	tile, err := p.kept(ctx, level/8, first/256)
	if err != nil {
		return checkpoint.Hash{}, err
	}
	at := int(first%256) * 32
	end := at + 32<<(level%8)
	if end > len(tile) {
		return checkpoint.Hash{}, fmt.Errorf("tile %d/%d is too short: %w", level/8, first/256, ErrServed)
	}
	return FoldTile(tile[at:end]), nil
}

// FoldTile is the root over 2^n hashes.
func FoldTile(b []byte) checkpoint.Hash {
	if len(b) == 32 {
		return checkpoint.Hash(b)
	}
	return checkpoint.NodeHash(FoldTile(b[:len(b)/2]), FoldTile(b[len(b)/2:]))
}

// kept reads a tile of the tree of the checkpoint.
func (p *Plain) kept(ctx context.Context, level int, index uint64) ([]byte, error) {
	_, size := p.at()
	width := int(min(256, size>>(8*level)-index*256))
	b, err := p.Tile(ctx, level, index, width)
	if errors.Is(err, ErrNotFound) && width < 256 {
		b, err = p.Tile(ctx, level, index, 256)
	}
	if err != nil {
		return nil, fmt.Errorf("tile %d/%d: %w", level, index, err)
	}
	return b, nil
}

// Tile is a hash tile; some are kept until the checkpoint changes, since proofs under
// one checkpoint are made of the same few.
func (p *Plain) Tile(ctx context.Context, level int, index uint64, width int) ([]byte, error) {
	key := [3]uint64{uint64(level), index, uint64(width)}
	p.mu.Lock()
	b, ok := p.tiles[key]
	size := p.size
	p.mu.Unlock()
	if ok {
		return b, nil
	}
	b, err := p.Client.Tile(ctx, level, index, width)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.tiles) >= maxKept {
		clear(p.tiles)
	}
	if size == p.size {
		p.tiles[key] = b
	}
	return b, nil
}
