package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/log"
)

// seal signs a decision and the halts that follow from it.
func (e *Engine) seal(p plan) (Record, error) {
	r := Record{Size: p.size, Root: p.root, Halts: [][]byte{}}
	var err error
	if r.Decision, err = log.Seal(p.proposal.Decision, e.deps.Signer); err != nil {
		return r, err
	}
	decision, err := log.ParseWhole(r.Decision)
	if err != nil {
		return r, err
	}
	for _, h := range p.proposal.Halts(decision.Identity) {
		leaf, err := log.Seal(h, e.deps.Signer)
		if err != nil {
			return r, err
		}
		r.Halts = append(r.Halts, leaf)
	}
	return r, nil
}

// carryOut acts on a record that is durable: halts are pushed at once and kept,
// then decision and halts go into the log, in this order, until each has its
// index and was folded. It is the same before and after a crash.
func (e *Engine) carryOut(ctx context.Context, r Record) error {
	halts := make([]*log.Halt, len(r.Halts))
	// The record, durable by now, holds every halt: all are acted on before anything
	// waits for the disk again, so that of many runs the last is stopped as soon as
	// the first. They are kept for ever before the next record replaces this one.
	for i, leaf := range r.Halts {
		halt, err := parseHalt(leaf)
		if err != nil {
			return fmt.Errorf("persisted halt: %w", err)
		}
		halts[i] = halt
		e.mu.Lock()
		e.halts[halt.Run] = leaf
		e.mu.Unlock()
		e.deps.Push(halt.Run, leaf)
	}
	for i, leaf := range r.Halts {
		if err := e.deps.Journal.KeepHalt(ctx, halts[i].Run, leaf); err != nil {
			return err
		}
		e.deps.Logger.Warn("halt", "run", halts[i].Run, "cause", causes(halts[i].Causes))
	}
	index, err := e.log(ctx, r.Decision)
	if err != nil {
		return err
	}
	// Admission holds a halt against the decision that it names: that has to be folded first.
	if err := e.deps.Follower.Wait(ctx, index); err != nil {
		return err
	}
	for _, leaf := range r.Halts {
		at, err := e.log(ctx, leaf)
		switch {
		case err == nil:
			index = at
		case refused(err) && e.over(leaf):
			// Another engine's decision closed the run before this halt got in.
			// The run is over either way, and the others still need an engine.
			e.deps.Logger.Warn("halt of a run that is over", "err", err)
		default:
			return err
		}
	}
	return e.deps.Follower.Wait(ctx, index)
}

// over says whether the log has ended the run of a halt.
func (e *Engine) over(halt []byte) (ended bool) {
	s, err := log.Parse(halt)
	if err != nil {
		return false
	}
	st, ok := s.Statement.(*log.Halt)
	if !ok {
		return false
	}
	e.deps.Follower.View(func(m *fold.Machine) {
		r, ok := m.Ledger().Run(st.Run)
		ended = ok && r.Ended()
	})
	return ended
}

// log submits a statement, in parts if need be, until the log has it.
func (e *Engine) log(ctx context.Context, whole []byte) (index uint64, err error) {
	leaves, err := log.Split(whole, e.deps.Signer)
	if err != nil {
		return 0, err
	}
	for _, leaf := range leaves {
		if index, err = e.submit(ctx, leaf); err != nil {
			return 0, err
		}
	}
	return index, nil
}

// submit repeats the same bytes until they are durable: what was persisted must
// get into the log, and nothing else may before it.
func (e *Engine) submit(ctx context.Context, leaf []byte) (uint64, error) {
	for {
		index, err := e.deps.Submit.Submit(ctx, leaf)
		switch {
		case err == nil:
			return index, nil
		case ctx.Err() != nil:
			return 0, context.Cause(ctx)
		case refused(err):
			return 0, fmt.Errorf("the log refuses this engine's statement: %w", err)
		}
		e.deps.Logger.Error("statement not logged yet", "err", err)
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-time.After(e.cfg.Retry):
		}
	}
}

// refused is a verdict on the statement itself: sending it again changes nothing.
func refused(err error) bool {
	if _, ok := errors.AsType[*log.VoidError](err); ok {
		return true
	}
	_, ok := errors.AsType[*log.SyntaxError](err)
	return ok
}

// anchor writes the newest published checkpoint back into the log when half of
// the anchor period has passed, so that one that fails leaves time for another.
// It is needed while anything but anchors, or a decision of this engine, lies
// beyond the last one, a run is armed, or a loosening waits for its time (E4).
func (e *Engine) anchor(ctx context.Context) {
	_, v := e.deps.Published.Published()
	if v.Raw == nil {
		return
	}
	e.mu.Lock()
	news := max(e.news, e.ownNewest)
	e.mu.Unlock()
	var note []byte
	var origin string
	var renew bool
	e.deps.Follower.View(func(m *fold.Machine) {
		l := m.Ledger()
		quorum := l.QuorumAt(v.Checkpoint.Size)
		if quorum == nil {
			return
		}
		if a, ok := l.NewestAnchor(); ok {
			c := m.Chain(e.id)
			armed := c != nil && len(c.Armed()) > 0
			if v.Checkpoint.Size <= a.Size || (news <= a.Size && !armed && !m.Waits()) || e.sinceAnchor(a, v) < l.Params().AnchorPeriod/2 {
				return
			}
		}
		minimal, err := quorum.Minimal(v.Raw)
		if err != nil {
			e.deps.Logger.Error("published checkpoint is no anchor", "err", err, "size", v.Checkpoint.Size)
			return
		}
		if l.CheckAnchor(minimal) == nil {
			note, origin = minimal, l.Origin()
			return
		}
		// Times are in whole seconds, and one that does not exceed the last
		// anchor's is void. An idle log would keep that checkpoint until its
		// refresh, and what waits for an anchor would wait as long.
		a, ok := l.NewestAnchor()
		renew = ok && v.MinTime <= uint64(a.Min.Unix()) && uint64(e.deps.Now().Unix()) > v.MinTime
	})
	if renew {
		e.deps.Published.Renew()
	}
	if note == nil {
		return
	}
	leaf, err := log.Seal(&log.Anchor{Origin: origin, Checkpoint: note})
	if err != nil {
		e.deps.Logger.Error("anchor", "err", err)
		return
	}
	// Another engine may have been first; the next turn looks again.
	if _, err := e.deps.Submit.Submit(ctx, leaf); err != nil && ctx.Err() == nil {
		e.deps.Logger.Info("anchor not logged", "err", err, "size", v.Checkpoint.Size)
	}
}

// sinceAnchor is how long ago the last anchor was, by this clock or by what the
// witnesses have said since: one that was put back must not stop witnessed time.
func (e *Engine) sinceAnchor(a log.AnchorInfo, v checkpoint.Verified) time.Duration {
	return max(e.deps.Now().Sub(a.Min), time.Unix(int64(v.MinTime), 0).Sub(a.Min))
}

func causes(cs []log.Cause) string {
	var s strings.Builder
	for i, c := range cs {
		if i > 0 {
			s.WriteString(",")
		}
		s.WriteString(c.Tripwire)
	}
	return s.String()
}
