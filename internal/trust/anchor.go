package trust

import (
	"context"
	"fmt"
	"time"

	"github.com/haltlog/haltlog/log"
)

// Anchor is an anchor whose entry, quorum and place in the tree were verified.
type Anchor struct {
	Ref  log.AnchorRef
	Size uint64
	// Min and Max are the smallest and the largest time of its cosignatures.
	Min, Max time.Time
}

// Anchor is the newest anchor, verified: its entry stands in the log, it is
// exactly one quorum over a checkpoint, and that checkpoint is a prefix of the
// newest one seen.
func (l *Log) Anchor(ctx context.Context) (Anchor, error) {
	said, err := l.source.Anchor(ctx)
	if err != nil {
		return Anchor{}, fmt.Errorf("read anchor: %w", err)
	}
	s, err := l.Entry(ctx, said.Index)
	if err != nil {
		return Anchor{}, fmt.Errorf("anchor: %w", err)
	}
	st, ok := s.Statement.(*log.Anchor)
	if !ok {
		return Anchor{}, fmt.Errorf("entry %d is no anchor but %s: %w", said.Index, s.Kind(), ErrUnverified)
	}
	v, err := l.quorum.VerifyExact(st.Checkpoint)
	if err != nil {
		return Anchor{}, fmt.Errorf("anchor %d: %w: %w", said.Index, ErrUnverified, err)
	}
	if _, err := l.observe(ctx, st.Checkpoint); err != nil {
		return Anchor{}, fmt.Errorf("anchor %d: %w", said.Index, err)
	}
	// An anchor is of what stood before it.
	if v.Checkpoint.Size > said.Index {
		return Anchor{}, fmt.Errorf("anchor %d of size %d: %w", said.Index, v.Checkpoint.Size, ErrUnverified)
	}
	return Anchor{
		Ref:  log.AnchorRef{Index: said.Index, Root: log.Hash(v.Checkpoint.Root)},
		Size: v.Checkpoint.Size,
		Min:  time.Unix(int64(v.MinTime), 0).UTC(),
		Max:  time.Unix(int64(v.MaxTime), 0).UTC(),
	}, nil
}
