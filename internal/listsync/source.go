package listsync

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/trust"
	"github.com/haltlog/haltlog/log"
)

// Source is a mirror or a daemon.
type Source struct {
	Name string // by which it is reported
	Log  *client.Plain
}

// union is one source, with the others' tiles where it has none: whoever lags behind
// cannot show that what others served extends it, and no tile is believed anyway.
type union struct {
	*client.Plain
	others []Source
}

func (u union) Tile(ctx context.Context, level int, index uint64, width int) ([]byte, error) {
	b, err := u.Plain.Tile(ctx, level, index, width)
	for _, o := range u.others {
		if err == nil || ctx.Err() != nil {
			break
		}
		if x, e := o.Log.Tile(ctx, level, index, width); e == nil {
			return x, nil
		}
		// "a partial tile may vanish once the full one is there"
		if x, e := o.Log.Tile(ctx, level, index, 256); e == nil {
			return x[:32*width], nil
		}
	}
	return b, err
}

// candidate is what one source serves, verified (LS2).
type candidate struct {
	source   *Source
	report   *SourceReport
	log      *trust.Log
	evidence Evidence // Epoch.Number is 0 before the first epoch
	proven   Proven
	note     checkpoint.Verified
}

// errAhead is a head whose entry the source's checkpoint does not cover yet.
var errAhead = errors.New("the head is ahead of the checkpoint")

// consult asks one source for what it serves as the newest.
func (s *syncer) consult(ctx context.Context, source *Source, report *SourceReport) (*candidate, error) {
	var others []Source
	for i := range s.sources {
		if &s.sources[i] != source {
			others = append(others, s.sources[i])
		}
	}
	l, err := trust.Open(ctx, trust.Config{Quorum: s.cfg.Quorum, Genesis: s.cfg.Genesis}, union{source.Log, others}, s.store)
	if err != nil {
		return nil, err
	}
	s.firstUse = s.firstUse || l.FirstUse()
	for try := 1; ; try++ {
		c, err := s.read(ctx, l, source, report)
		// A log that grows under the reader's hands: its files are of two moments.
		if err == nil || try == maxTries || ctx.Err() != nil || !(errors.Is(err, errAhead) || errors.Is(err, client.ErrNotFound)) {
			return c, err
		}
		if err := pause(ctx, time.Duration(try)*retryPause); err != nil {
			return nil, err
		}
	}
}

func (s *syncer) read(ctx context.Context, l *trust.Log, source *Source, report *SourceReport) (*candidate, error) {
	c := &candidate{source: source, report: report, log: l}
	served, err := source.Log.Head(ctx)
	if err != nil && !errors.Is(err, client.ErrNotFound) {
		return nil, fmt.Errorf("head: %w", err)
	}
	none := err != nil
	// After the head, so that it is covered.
	if c.note, err = l.Refresh(ctx); err != nil {
		return nil, err
	}
	report.Seen = new(time.Unix(int64(c.note.MinTime), 0).UTC())
	if none {
		return c, nil
	}
	report.Number, report.Index = served.Number, served.Index
	c.evidence, c.proven, err = Prove(ctx, l, source.Log, served)
	return c, err
}

// Prove verifies a head and gives every entry a receipt under the checkpoint that the
// source showed last.
func Prove(ctx context.Context, l *trust.Log, source *client.Plain, served api.Head) (Evidence, Proven, error) {
	e := Evidence{Quorum: l.Quorum().String(), Epoch: served, Authority: []api.HeadEntry{}}
	e.Epoch.Entries = nil
	if len(served.Entries) > log.MaxParts {
		return e, Proven{}, fmt.Errorf("head of %d entries: %w", len(served.Entries), errEvidence)
	}
	e.Genesis = l.Leaf()
	size := source.Size()
	if served.Index >= size {
		return e, Proven{}, fmt.Errorf("entry %d of %d: %w", served.Index, size, errAhead)
	}
	receipt := func(index uint64, leaf []byte) (api.HeadEntry, error) {
		x := api.HeadEntry{Index: index, Leaf: leaf}
		if _, err := l.Include(ctx, index, leaf); err != nil {
			return x, err
		}
		p, err := source.Proof(ctx, index)
		x.Proof = string(p)
		return x, err
	}
	for _, x := range served.Entries {
		p, err := checkpoint.ParseProof([]byte(x.Proof))
		if err == nil && p.Index != x.Index {
			err = fmt.Errorf("it is of entry %d", p.Index)
		}
		if err == nil {
			_, err = p.Verify(l.Quorum(), x.Leaf)
		}
		if err != nil {
			return e, Proven{}, fmt.Errorf("proof of entry %d: %w: %w", x.Index, errEvidence, err)
		}
		y, err := receipt(x.Index, x.Leaf)
		if err != nil {
			return e, Proven{}, err
		}
		e.Epoch.Entries = append(e.Epoch.Entries, y)
	}
	for _, index := range served.Authority {
		x, err := source.Entry(ctx, index)
		if err != nil {
			return e, Proven{}, fmt.Errorf("authority at %d: %w", index, err)
		}
		y, err := receipt(index, x.Leaf)
		if err != nil {
			return e, Proven{}, err
		}
		e.Authority = append(e.Authority, y)
	}
	p, err := e.Verify()
	return e, p, err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
