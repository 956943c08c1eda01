// Package memlog owns a log in memory with the behaviour of the real one: real
// trees, real signatures, real quorums, no disk and no network. It is for the
// tests of whoever reads or appends, and the naive model that the real log is
// held against: roots and proofs are computed from the leaves by the recursive
// definitions of RFC 6962.
package memlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/bits"
	"slices"
	"sync"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/tesseralog"
)

// Config is what a log in memory is made of. All but Now is required; Cosigners
// may be empty under "quorum none".
type Config struct {
	Origin    string
	Signers   []checkpoint.Signer
	Cosigners []checkpoint.Signer
	Quorum    func() *checkpoint.Quorum
	Now       func() time.Time // nil for the system's
}

// A Log is a log in memory. Its methods are safe for concurrent use and mean
// what those of [tesseralog.Log] mean.
type Log struct {
	cfg Config

	mu      sync.Mutex
	leaves  [][]byte
	hashes  []checkpoint.Hash
	held    bool
	closed  bool
	now     checkpoint.Verified
	behind  time.Time
	changed chan struct{} // closed and replaced at every change
}

// New makes an empty log.
func New(cfg Config) (*Log, error) {
	if cfg.Origin == "" || len(cfg.Signers) == 0 || cfg.Quorum == nil {
		return nil, errors.New("memlog: origin, signers and quorum are required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Log{cfg: cfg, changed: make(chan struct{})}, nil
}

// Hold stops publication, as if the witnesses were away, or lets it go on.
func (l *Log) Hold(held bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = held
	return l.publish()
}

func (l *Log) signal() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// Append is [tesseralog.Log.Append]. The entry is published at once unless
// publication is held.
func (l *Log) Append(ctx context.Context, leaf []byte) (uint64, error) {
	if len(leaf) == 0 || len(leaf) > tesseralog.MaxLeaf {
		return 0, fmt.Errorf("append %d bytes: %w", len(leaf), tesseralog.ErrLeaf)
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("append: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return 0, tesseralog.ErrClosed
	}
	l.leaves = append(l.leaves, bytes.Clone(leaf))
	l.hashes = append(l.hashes, checkpoint.LeafHash(leaf))
	if l.behind.IsZero() {
		l.behind = l.cfg.Now()
	}
	l.signal()
	return uint64(len(l.leaves)) - 1, l.publish()
}

func (l *Log) publish() error {
	size := uint64(len(l.leaves))
	q := l.cfg.Quorum()
	if l.held || q == nil || size == 0 || size == l.now.Checkpoint.Size {
		return nil
	}
	cp := checkpoint.Checkpoint{Origin: l.cfg.Origin, Size: size, Root: l.mth(0, size)}
	n := checkpoint.Note{Text: cp.String()}
	for _, s := range slices.Concat(l.cfg.Signers, l.cfg.Cosigners) {
		line, err := s.Sign(cp, uint64(l.cfg.Now().Unix()))
		if err != nil {
			return fmt.Errorf("sign checkpoint: %w", err)
		}
		sigs, err := checkpoint.ParseSignatures(line)
		if err != nil {
			return fmt.Errorf("sign checkpoint: %w", err)
		}
		n.Sigs = append(n.Sigs, sigs...)
	}
	v, err := q.Verify(n.Bytes())
	if err != nil {
		// Below its quorum a log stays unpublished (L3).
		return nil
	}
	l.now, l.behind = v, time.Time{}
	l.signal()
	return nil
}

// Size is [tesseralog.Log.Size].
func (l *Log) Size() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return uint64(len(l.leaves))
}

// until waits for a change that makes ok true; ok is called with the lock.
func (l *Log) until(ctx context.Context, ok func() bool) error {
	for {
		l.mu.Lock()
		done, closed, changed := ok(), l.closed, l.changed
		l.mu.Unlock()
		switch {
		case done:
			return nil
		case closed:
			return tesseralog.ErrClosed
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Wait is [tesseralog.Log.Wait].
func (l *Log) Wait(ctx context.Context, index uint64) error {
	return l.until(ctx, func() bool { return uint64(len(l.leaves)) > index })
}

// WaitPublished is [tesseralog.Log.WaitPublished].
func (l *Log) WaitPublished(ctx context.Context, size uint64) (v checkpoint.Verified, err error) {
	err = l.until(ctx, func() bool {
		v = l.now
		return v.Raw != nil && v.Checkpoint.Size >= size
	})
	if err != nil {
		return checkpoint.Verified{}, err
	}
	return v, nil
}

// Entries is [tesseralog.Log.Entries].
func (l *Log) Entries(ctx context.Context, from, to uint64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		l.mu.Lock()
		leaves := l.leaves
		l.mu.Unlock()
		if n := uint64(len(leaves)); to > n || from > to {
			yield(nil, fmt.Errorf("entries %d to %d of %d: %w", from, to, n, tesseralog.ErrRange))
			return
		}
		for _, leaf := range leaves[from:to] {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			if !yield(leaf, nil) {
				return
			}
		}
	}
}

// Head is [tesseralog.Log.Head].
func (l *Log) Head() tesseralog.Head {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := uint64(len(l.leaves))
	return tesseralog.Head{Size: n, Root: l.mth(0, n)}
}

// Published is [tesseralog.Log.Published].
func (l *Log) Published() ([]byte, checkpoint.Verified) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now.Raw, l.now
}

// Root is [tesseralog.Log.Root].
func (l *Log) Root(_ context.Context, size uint64) (checkpoint.Hash, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := uint64(len(l.leaves)); size > n {
		return checkpoint.Hash{}, fmt.Errorf("root at %d of %d: %w", size, n, tesseralog.ErrRange)
	}
	return l.mth(0, size), nil
}

// Consistency is [tesseralog.Log.Consistency].
func (l *Log) Consistency(_ context.Context, from, to uint64) ([]checkpoint.Hash, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := uint64(len(l.leaves)); to > n || from > to {
		return nil, fmt.Errorf("consistency of %d with %d of %d: %w", from, to, n, tesseralog.ErrRange)
	}
	if from == 0 || from == to {
		return nil, nil
	}
	return l.subproof(from, 0, to, true), nil
}

// Proof is [tesseralog.Log.Proof].
func (l *Log) Proof(_ context.Context, index uint64) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := uint64(len(l.leaves)); index >= n {
		return nil, fmt.Errorf("proof of %d of %d: %w", index, n, tesseralog.ErrRange)
	}
	size := l.now.Checkpoint.Size
	if index >= size {
		return nil, fmt.Errorf("proof of %d, published are %d: %w", index, size, tesseralog.ErrNotPublished)
	}
	return checkpoint.Proof{Index: index, Hashes: l.path(index, 0, size), Checkpoint: l.now.Raw}.Format(), nil
}

// Lag is [tesseralog.Log.Lag].
func (l *Log) Lag() tesseralog.Lag {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.cfg.Now()
	lag := tesseralog.Lag{Entries: uint64(len(l.leaves)) - l.now.Checkpoint.Size, Age: math.MaxInt64}
	if !l.behind.IsZero() {
		lag.Behind = max(0, now.Sub(l.behind))
	}
	if l.now.Raw != nil {
		lag.Age = max(0, now.Sub(time.Unix(int64(l.now.MinTime), 0)))
	}
	return lag
}

// Close is [tesseralog.Log.Close].
func (l *Log) Close(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		l.signal()
	}
	return nil
}

// mth is MTH(D[lo:hi]) of RFC 6962 section 2.1.
func (l *Log) mth(lo, hi uint64) checkpoint.Hash {
	switch hi - lo {
	case 0:
		return checkpoint.EmptyRoot()
	case 1:
		return l.hashes[lo]
	}
	k := lo + split(hi-lo)
	return checkpoint.NodeHash(l.mth(lo, k), l.mth(k, hi))
}

// path is PATH(m, D[lo:hi]) of section 2.1.1.
func (l *Log) path(m, lo, hi uint64) []checkpoint.Hash {
	if hi-lo == 1 {
		return nil
	}
	k := lo + split(hi-lo)
	if m < k {
		return append(l.path(m, lo, k), l.mth(k, hi))
	}
	return append(l.path(m, k, hi), l.mth(lo, k))
}

// subproof is SUBPROOF(m, D[lo:hi], whole) of section 2.1.2.
func (l *Log) subproof(m, lo, hi uint64, whole bool) []checkpoint.Hash {
	if m == hi {
		if whole {
			return nil
		}
		return []checkpoint.Hash{l.mth(lo, hi)}
	}
	k := lo + split(hi-lo)
	if m <= k {
		return append(l.subproof(m, lo, k, whole), l.mth(k, hi))
	}
	return append(l.subproof(m, k, hi, false), l.mth(lo, k))
}

func split(n uint64) uint64 { return 1 << (bits.Len64(n-1) - 1) }
