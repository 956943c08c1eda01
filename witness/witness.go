package witness

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/haltlog/haltlog/internal/checkpoint"
)

// A Log is a log that the witness cosigns: its origin, and every key that may
// sign for it.
type Log struct {
	Origin string
	// Keys are one or more; several while a log rotates its key, or where it
	// signs in two ways. Their names need not be the origin.
	Keys []checkpoint.VKey
}

// Config is what a witness is.
type Config struct {
	// Signers are the witness's own keys: one or two cosigners (types 04 and
	// 06). Every cosignature is made with all of them.
	Signers []checkpoint.Signer
	// Logs are the logs that it serves, each origin once.
	Logs []Log
}

// Deps is what a witness works with.
type Deps struct {
	Store Store
	// Clock returns seconds since 1970, not 0. It is asked at the moment of
	// signing, under the origin's lock, so that a larger tree of the same
	// origin never carries an earlier time than a smaller one by this
	// witness's own doing.
	Clock func() uint64
}

// A Witness cosigns checkpoints. It is safe for concurrent use.
type Witness struct {
	signers []checkpoint.Signer
	store   Store
	clock   func() uint64
	logs    map[string]*state // by origin
	hashes  map[string]*state // by lower-case hex SHA-256 of the origin
}

// state is what is held per log besides the store.
type state struct {
	origin string
	keys   []*checkpoint.Verifier
	// lock is held by whoever compares and swaps or signs for this origin. It
	// saves work that the compare-and-swap would refuse, and orders times; it
	// is a channel so that a waiting request can be given up.
	lock chan struct{}
	// served is the last cosigned checkpoint in memory: a cache, refilled from
	// the store. Guarded by lock.
	served served
}

type served struct {
	record []byte // the store's value that was signed
	note   []byte
	time   uint64
}

// New makes a witness. All problems of the configuration are returned at once.
func New(cfg Config, deps Deps) (*Witness, error) {
	w := &Witness{
		signers: slices.Clone(cfg.Signers), store: deps.Store, clock: deps.Clock,
		logs: map[string]*state{}, hashes: map[string]*state{},
	}
	var errs []error
	if deps.Store == nil || deps.Clock == nil {
		errs = append(errs, errors.New("no store or no clock"))
	}
	if len(cfg.Signers) == 0 {
		errs = append(errs, errors.New("no key"))
	}
	own := map[string]bool{}
	for _, s := range cfg.Signers {
		k := s.VKey()
		if k.Type != checkpoint.TypeEd25519Cosignature && k.Type != checkpoint.TypeMLDSA44Cosignature {
			errs = append(errs, fmt.Errorf("key %s: type 0x%02x is not a cosigner's", k.Name, k.Type))
		}
		if own[string(k.Key)] {
			errs = append(errs, fmt.Errorf("key %s: given twice", k.Name))
		}
		own[string(k.Key)] = true
	}
	for _, l := range cfg.Logs {
		s := &state{origin: l.Origin, lock: make(chan struct{}, 1)}
		if _, err := checkpoint.ParseCheckpoint((checkpoint.Checkpoint{Origin: l.Origin}).String()); err != nil {
			errs = append(errs, fmt.Errorf("log %q: origin: %w", l.Origin, err))
		}
		if len(l.Keys) == 0 {
			errs = append(errs, fmt.Errorf("log %q: no key", l.Origin))
		}
		for _, k := range l.Keys {
			if own[string(k.Key)] {
				errs = append(errs, fmt.Errorf("log %q: its key is the witness's own", l.Origin))
			}
			v, err := checkpoint.NewVerifier(k)
			if err != nil {
				errs = append(errs, fmt.Errorf("log %q: %w", l.Origin, err))
			}
			s.keys = append(s.keys, v)
		}
		if w.logs[l.Origin] != nil {
			errs = append(errs, fmt.Errorf("log %q: given twice", l.Origin))
		}
		w.logs[l.Origin] = s
		w.hashes[OriginHash(l.Origin)] = s
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("witness: %w", err)
	}
	return w, nil
}

// VKeys are the witness's own public keys.
func (w *Witness) VKeys() []checkpoint.VKey {
	var ks []checkpoint.VKey
	for _, s := range w.signers {
		ks = append(ks, s.VKey())
	}
	return ks
}

// Origins are the logs it serves, sorted.
func (w *Witness) Origins() []string { return slices.Sorted(maps.Keys(w.logs)) }

// OriginHash is how tlog-witness names a log in a path: lower-case hex SHA-256
// of its origin.
func OriginHash(origin string) string {
	h := sha256.Sum256([]byte(origin))
	return hex.EncodeToString(h[:])
}

// Origin is the inverse of [OriginHash] over the logs that the witness serves.
func (w *Witness) Origin(hash string) (string, bool) {
	s, ok := w.hashes[hash]
	if !ok {
		return "", false
	}
	return s.origin, true
}

func (s *state) acquire(ctx context.Context) error {
	select {
	case s.lock <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrStore, ctx.Err())
	}
}

func (s *state) release() { <-s.lock }

// latest is what the store holds for an origin: record is the exact value, nil
// if none, and cp the checkpoint in it, of size 0 if none.
func (w *Witness) latest(ctx context.Context, s *state) (record []byte, cp checkpoint.Checkpoint, err error) {
	return load(ctx, w.store, s.origin)
}

func load(ctx context.Context, store Store, origin string) (record []byte, cp checkpoint.Checkpoint, err error) {
	record, err = store.Load(ctx, latestKey(origin))
	if errors.Is(err, ErrNotFound) {
		// "(or zero if it never cosigned a checkpoint for that origin)"
		return nil, checkpoint.Checkpoint{Origin: origin, Root: checkpoint.EmptyRoot()}, nil
	}
	if err != nil {
		return nil, checkpoint.Checkpoint{}, fmt.Errorf("%w: %w", ErrStore, err)
	}
	n, err := checkpoint.ParseNote(record)
	if err == nil {
		cp, err = checkpoint.ParseCheckpoint(n.Text)
	}
	if err == nil && cp.Origin != origin {
		err = errors.New("another origin")
	}
	if err != nil {
		// Nothing is signed on a memory that cannot be read.
		return nil, checkpoint.Checkpoint{}, fmt.Errorf("%w: damaged record: %w", ErrStore, err)
	}
	return record, cp, nil
}

// Last is the checkpoint last cosigned for an origin that the witness serves;
// ErrNeverCosigned if there is none.
func (w *Witness) Last(ctx context.Context, origin string) (checkpoint.Checkpoint, error) {
	if w.logs[origin] == nil {
		return checkpoint.Checkpoint{}, ErrUnknownLog
	}
	return Stored(ctx, w.store, origin)
}

// Stored is the checkpoint last cosigned for an origin as a store holds it, for
// who has the store and not the keys; ErrNeverCosigned if there is none.
func Stored(ctx context.Context, store Store, origin string) (checkpoint.Checkpoint, error) {
	record, cp, err := load(ctx, store, origin)
	if err != nil {
		return checkpoint.Checkpoint{}, err
	}
	if record == nil {
		return checkpoint.Checkpoint{}, ErrNeverCosigned
	}
	return cp, nil
}

// cosign signs with every key. The signers print the checkpoint anew from its
// fields (W2).
func (w *Witness) cosign(c checkpoint.Checkpoint) (lines string, time uint64, err error) {
	// "timestamps not 0": a cosignature of time 0 says nothing about the tree
	// being the largest seen.
	if time = w.clock(); time == 0 {
		return "", 0, fmt.Errorf("%w: no clock", ErrStore)
	}
	for _, s := range w.signers {
		l, err := s.Sign(c, time)
		if err != nil {
			return "", 0, fmt.Errorf("cosign: %w", err)
		}
		lines += l
	}
	return lines, time, nil
}
