package guardian

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/log"
)

// ErrNoAnchor means that no anchor was verified yet, so that nothing can be signed.
var ErrNoAnchor = errors.New("no verified anchor")

// anchor is an entry that gives log time.
type anchor struct {
	ref log.AnchorRef
	// earliest is the smallest time of its cosignatures: what log time is at least.
	earliest time.Time
}

// anchors keeps the newest anchor that was verified.
type anchors struct {
	trust   *trust
	sources *sources
	logger  *slog.Logger
	wake    chan struct{}

	mu     sync.Mutex
	newest anchor
	known  bool
	size   uint64
}

func newAnchors(t *trust, s *sources, l *slog.Logger) *anchors {
	return &anchors{trust: t, sources: s, logger: l, wake: make(chan struct{}, 1)}
}

func (a *anchors) now() (anchor, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.known {
		return anchor{}, ErrNoAnchor
	}
	return a.newest, nil
}

// nudge asks for a look at once: something that was signed turned out stale.
func (a *anchors) nudge() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// errKnown is an address that has no newer anchor than what is known.
var errKnown = errors.New("no newer anchor")

// refresh takes the newest anchor of the log if it verifies. One that is not newer than what is known changes nothing,
// and the next address is asked: one that lags must not hold the others back.
func (a *anchors) refresh(ctx context.Context) error {
	_, err := first(ctx, a.sources, func(ctx context.Context, c *client.Client) (struct{}, error) {
		return struct{}{}, a.take(ctx, c)
	})
	if errors.Is(err, errKnown) && !errors.Is(err, ErrSplitView) {
		return nil
	}
	return err
}

func (a *anchors) take(ctx context.Context, c *client.Client) error {
	said, err := c.Anchor(ctx)
	if err != nil {
		return err
	}
	a.mu.Lock()
	old, known, size := a.newest, a.known, a.size
	a.mu.Unlock()
	if known && said.Index <= old.ref.Index {
		return errKnown
	}
	v, err := a.trust.quorum.VerifyExact(said.Checkpoint)
	if err != nil {
		return fmt.Errorf("anchor: %w: %w", ErrProof, err)
	}
	if err := a.trust.head(v); err != nil {
		return fmt.Errorf("anchor: %w", err)
	}
	next := anchor{
		ref:      log.AnchorRef{Index: said.Index, Root: log.Hash(v.Checkpoint.Root)},
		earliest: time.Unix(int64(v.MinTime), 0).UTC(),
	}
	// An anchor stands behind everything that it covers, and neither size nor time goes back.
	if v.Checkpoint.Size > said.Index || known && (v.Checkpoint.Size <= size || !next.earliest.After(old.earliest)) {
		return fmt.Errorf("anchor: %w: entry %d for size %d after size %d", ErrForm, said.Index, v.Checkpoint.Size, size)
	}
	// Nobody signs an anchor: its leaf follows from the checkpoint, and the proof shows that just this stands there.
	leaf, err := log.Seal(&log.Anchor{Origin: a.trust.origin, Checkpoint: said.Checkpoint})
	if err != nil {
		return fmt.Errorf("anchor: %w", err)
	}
	proof, err := c.Proof(ctx, said.Index)
	if err != nil {
		return err
	}
	if _, err := a.trust.included(said.Index, leaf, proof); err != nil {
		return fmt.Errorf("anchor: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.known || next.ref.Index > a.newest.ref.Index {
		a.newest, a.known, a.size = next, true, v.Checkpoint.Size
	}
	return nil
}

// run looks often enough that what is signed is at most about one anchor behind (S4).
func (a *anchors) run(ctx context.Context) {
	every := min(max(time.Duration(a.trust.genesis.AnchorPeriodMS)*time.Millisecond/2, minRefresh), maxRefresh)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-a.wake:
		}
		// An anchor whose entry is not published yet is the normal case of a young one: the next look finds it.
		if err := a.refresh(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, client.ErrUnavailable) {
			a.logger.Warn("refresh anchor", slog.Any("err", err))
		}
	}
}
