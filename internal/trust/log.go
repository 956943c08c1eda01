package trust

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"sync"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/log"
)

// Errors that say that a server is not to be believed. None of them is cured by
// asking again.
var (
	// ErrGenesis is a log whose entry 0 is not the pinned genesis, or not the one
	// that was seen first.
	ErrGenesis = errors.New("not the log that is pinned")
	// ErrUnverified is an answer without the proof that it needs.
	ErrUnverified = errors.New("not verified")
)

// ForkError holds two signed checkpoints of one log that cannot both be true.
type ForkError struct {
	Seen, Shown []byte // signed notes
	Cause       error
}

func (e *ForkError) Error() string {
	return fmt.Sprintf("the log shows a history that is not the one seen before: %v", e.Cause)
}

func (e *ForkError) Unwrap() []error { return []error{ErrUnverified, e.Cause} }

// Source is what is read of a log; *client.Client is one. Nothing that it returns
// is believed as it is.
type Source interface {
	Tiles
	Genesis(ctx context.Context) ([]byte, error)
	Checkpoint(ctx context.Context) ([]byte, error)
	Anchor(ctx context.Context) (api.Anchor, error)
	Entry(ctx context.Context, index uint64) (api.Entry, error)
	Entries(ctx context.Context, f client.Filter) iter.Seq2[api.Entry, error]
	Proof(ctx context.Context, index uint64) ([]byte, error)
}

// Config says what is believed beforehand.
type Config struct {
	// Quorum is the tlog-policy that checkpoints have to satisfy; nil takes the
	// one of the genesis, which its hash covers.
	Quorum []byte
	// Genesis is the pinned hash; nil trusts the first one seen.
	Genesis *log.Hash
}

// Log is a log as its reader believes it. It is safe for concurrent use.
type Log struct {
	source   Source
	store    Store
	quorum   *checkpoint.Quorum
	genesis  *log.Genesis
	leaf     []byte
	hash     log.Hash
	firstUse bool

	mu     sync.Mutex
	state  State
	newest *checkpoint.Verified // of state.Checkpoint; nil before the first
}

// Open reads a log's genesis, holds it against the pin and against what was seen
// before (TR3), and observes the published checkpoint (TR1).
func Open(ctx context.Context, cfg Config, source Source, store Store) (*Log, error) {
	state, known, err := store.Load()
	if err != nil {
		return nil, err
	}
	leaf, err := source.Genesis(ctx)
	if err != nil {
		return nil, fmt.Errorf("read genesis: %w", err)
	}
	l := &Log{source: source, store: store, leaf: leaf, hash: log.GenesisHash(leaf), state: state}
	switch {
	case cfg.Genesis != nil && l.hash != *cfg.Genesis:
		return nil, fmt.Errorf("%w: genesis is %s, pinned is %s", ErrGenesis, l.hash.Hex(), cfg.Genesis.Hex())
	case known && l.hash != state.Genesis:
		return nil, fmt.Errorf("%w: genesis is %s, the one seen before %s", ErrGenesis, l.hash.Hex(), state.Genesis.Hex())
	}
	l.firstUse = cfg.Genesis == nil && !known
	a, err := NewAuthority(leaf, l.verifier())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrGenesis, err)
	}
	l.genesis = a.Genesis
	text := cfg.Quorum
	if text == nil {
		text = []byte(l.genesis.Quorum)
	}
	if l.quorum, err = checkpoint.ParseQuorum(text); err != nil {
		return nil, fmt.Errorf("quorum: %w", err)
	}
	if l.quorum.Rule() == checkpoint.None {
		return nil, fmt.Errorf("quorum: %w: quorum none verifies nothing", ErrUnverified)
	}
	if !known {
		l.state = State{Origin: l.genesis.Origin, Genesis: l.hash}
	} else if len(state.Checkpoint) > 0 {
		v, err := l.quorum.Verify(state.Checkpoint)
		if err != nil {
			// After a change of the quorum: the signatures were checked when it
			// was stored, under the quorum of then.
			if v, err = unsigned(state.Checkpoint); err != nil {
				return nil, fmt.Errorf("%w: %w", ErrState, err)
			}
		}
		l.newest = &v
	}
	if _, err := l.Refresh(ctx); err != nil {
		return nil, err
	}
	// The pinned genesis is entry 0 of this very tree.
	if _, err := l.include(ctx, 0, leaf); err != nil {
		return nil, fmt.Errorf("%w: entry 0: %w", ErrGenesis, err)
	}
	return l, nil
}

// unsigned reads a note's checkpoint.
func unsigned(note []byte) (checkpoint.Verified, error) {
	n, err := checkpoint.ParseNote(note)
	if err != nil {
		return checkpoint.Verified{}, err
	}
	c, err := checkpoint.ParseCheckpoint(n.Text)
	return checkpoint.Verified{Checkpoint: c, Raw: note}, err
}

// FirstUse reports whether the genesis was believed because nothing was pinned
// and nothing known.
func (l *Log) FirstUse() bool { return l.firstUse }

// Genesis is entry 0.
func (l *Log) Genesis() *log.Genesis { return l.genesis }

// GenesisHash is what others pin.
func (l *Log) GenesisHash() log.Hash { return l.hash }

// Leaf is entry 0 as it stands in the log.
func (l *Log) Leaf() []byte { return l.leaf }

// Quorum is what checkpoints have to satisfy.
func (l *Log) Quorum() *checkpoint.Quorum { return l.quorum }

// Newest is the newest checkpoint that was verified.
func (l *Log) Newest() checkpoint.Verified {
	l.mu.Lock()
	defer l.mu.Unlock()
	return *l.newest
}

// Refresh observes the published checkpoint.
func (l *Log) Refresh(ctx context.Context) (checkpoint.Verified, error) {
	note, err := l.source.Checkpoint(ctx)
	if err != nil {
		return checkpoint.Verified{}, fmt.Errorf("read checkpoint: %w", err)
	}
	return l.observe(ctx, note)
}

// observe verifies a checkpoint, holds it against the newest one seen, and
// remembers the larger of both before it returns (TR1, TR2).
func (l *Log) observe(ctx context.Context, note []byte) (checkpoint.Verified, error) {
	v, err := l.quorum.Verify(note)
	if err != nil {
		return v, fmt.Errorf("checkpoint: %w: %w", ErrUnverified, err)
	}
	if v.Checkpoint.Origin != l.genesis.Origin {
		return v, fmt.Errorf("%w: checkpoint of %q, genesis of %q", ErrGenesis, v.Checkpoint.Origin, l.genesis.Origin)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.newest != nil {
		if err := l.consistent(ctx, v); err != nil {
			return v, err
		}
		if v.Checkpoint.Size == l.newest.Checkpoint.Size && v.MinTime > l.newest.MinTime {
			l.newest = &v // the same tree, witnessed again: how old it is counts from then
		}
		if v.Checkpoint.Size <= l.newest.Checkpoint.Size {
			return v, nil
		}
	}
	next := l.state
	next.Checkpoint = v.Raw
	if err := l.store.Save(next); err != nil {
		return v, err
	}
	l.state, l.newest = next, &v
	return v, nil
}

// consistent holds a verified checkpoint against the newest one seen.
func (l *Log) consistent(ctx context.Context, v checkpoint.Verified) error {
	old, large := l.newest.Checkpoint, v.Checkpoint
	if old.Size > large.Size {
		old, large = large, old
	}
	if old.Size == large.Size {
		if old.Root == large.Root {
			return nil
		}
		return &ForkError{Seen: l.newest.Raw, Shown: v.Raw, Cause: fmt.Errorf("two roots at size %d", old.Size)}
	}
	if old.Size == 0 {
		return nil
	}
	proof, err := consistency(ctx, l.source, old.Size, large.Size)
	if err != nil {
		return fmt.Errorf("consistency of %d with %d: %w", old.Size, large.Size, err)
	}
	if err := checkpoint.VerifyConsistency(old.Size, large.Size, old.Root, large.Root, proof); err != nil {
		return &ForkError{Seen: l.newest.Raw, Shown: v.Raw, Cause: err}
	}
	return nil
}

// include verifies that a leaf stands at an index (TR4).
func (l *Log) include(ctx context.Context, index uint64, leaf []byte) (checkpoint.Verified, error) {
	text, err := l.source.Proof(ctx, index)
	if err != nil {
		return checkpoint.Verified{}, fmt.Errorf("read proof of %d: %w", index, err)
	}
	p, err := checkpoint.ParseProof(text)
	if err != nil {
		return checkpoint.Verified{}, fmt.Errorf("proof of %d: %w: %w", index, ErrUnverified, err)
	}
	if p.Index != index {
		return checkpoint.Verified{}, fmt.Errorf("proof of %d is one of %d: %w", index, p.Index, ErrUnverified)
	}
	if _, err := p.Verify(l.quorum, leaf); err != nil {
		return checkpoint.Verified{}, fmt.Errorf("proof of %d: %w: %w", index, ErrUnverified, err)
	}
	return l.observe(ctx, p.Checkpoint)
}

// Include verifies that a statement stands at an index, and parses it.
func (l *Log) Include(ctx context.Context, index uint64, leaf []byte) (*log.Signed, error) {
	if _, err := l.include(ctx, index, leaf); err != nil {
		return nil, err
	}
	s, err := log.Parse(leaf)
	if err != nil {
		return nil, fmt.Errorf("entry %d: %w: %w", index, ErrUnverified, err)
	}
	if o := log.OriginOf(s.Statement); o != l.genesis.Origin {
		return nil, fmt.Errorf("entry %d is for %q: %w", index, o, ErrUnverified)
	}
	s.Index = index
	return s, nil
}

// Entry reads an entry and verifies that it stands there. That it is valid is
// the fold's to judge, and not said.
func (l *Log) Entry(ctx context.Context, index uint64) (*log.Signed, error) {
	e, err := l.source.Entry(ctx, index)
	if err != nil {
		return nil, fmt.Errorf("read entry %d: %w", index, err)
	}
	return l.Include(ctx, index, e.Leaf)
}

// Sequence takes the next number of a sequence, from 1, durably before it
// returns (TR2): a crash may waste a number, and never uses one twice. A number
// that the log has already counted is passed over.
func (l *Log) Sequence(name string, counted uint64) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := l.state
	next.Sequences = make(map[string]uint64, len(l.state.Sequences)+1)
	maps.Copy(next.Sequences, l.state.Sequences)
	n := max(l.state.Sequences[name], counted) + 1
	next.Sequences[name] = n
	if err := l.store.Save(next); err != nil {
		return 0, err
	}
	l.state = next
	return n, nil
}

// Rise remembers the largest of what counts upwards in the log, such as the place of
// the newest epoch (TR2). A smaller one than was seen is [ErrUnverified]: what is
// shown as the newest is old.
func (l *Log) Rise(name string, n uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch seen := l.state.Sequences[name]; {
	case n < seen:
		return fmt.Errorf("%s %d is shown as the newest, %d was seen before: %w", name, n, seen, ErrUnverified)
	case n == seen:
		return nil
	}
	next := l.state
	next.Sequences = make(map[string]uint64, len(l.state.Sequences)+1)
	maps.Copy(next.Sequences, l.state.Sequences)
	next.Sequences[name] = n
	if err := l.store.Save(next); err != nil {
		return err
	}
	l.state = next
	return nil
}

func (l *Log) verifier() log.Verifier { return keys.NewVerifier() }
