// Package engine owns the loop of one halt engine: it follows the log, keeps
// time, appends anchors, decisions and halts, and grants leases. What it decides
// is fold.Chain's proposal and nothing else; what it knows is in the log, and in
// its journal.
//
// Invariants:
//
//   - E1: a decision is the chain's own proposal, so that a reader who folds the
//     same entries gets the same bytes; the next one is made only after the last
//     came back from the log.
//   - E3: decisions follow one another within the shortest evaluation period of
//     the policies in force; without armed runs, within genesis' decision period
//     after any entry that is neither anchor nor decision.
//   - L6: folded size, root, decision and halts are durable before anything acts
//     on them; after a restart they are submitted first, unchanged, decision
//     before halts, and nothing is decided or granted before they are in the log.
//   - G3: no lease is granted for a run of which a halt was folded or kept.
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/dsse"
	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/follow"
	"github.com/haltlog/haltlog/log"
)

// Submitter puts a statement into the log. It returns the index once the entry is
// durable; for a repeat, the first index. It may be called again with the same
// bytes after any error.
type Submitter interface {
	Submit(ctx context.Context, leaf []byte) (index uint64, err error)
}

// Published is the log as it is published.
type Published interface {
	// Published is the newest published checkpoint with all its cosignatures, nil before the first.
	Published() (note []byte, v checkpoint.Verified)
	// Consistency proves that the tree of size to extends that of size from.
	Consistency(ctx context.Context, from, to uint64) ([]log.Hash, error)
	// Renew has the witnesses asked again although the log has not grown. It does not block.
	Renew()
}

// Push hands a halt to whoever can stop the run, before it is logged. It must not block.
type Push func(run string, halt []byte)

// Config names the engine.
type Config struct {
	// Retry is how long the engine waits after the log refused a statement
	// before it submits the same bytes again; 0 for 50 ms.
	Retry time.Duration
}

// Deps are an engine's ports. All are required but Push.
type Deps struct {
	Follower  *follow.Follower
	Submit    Submitter
	Published Published
	Signer    log.Signer
	Journal   Journal
	Push      Push
	Now       func() time.Time
	Logger    *slog.Logger
}

// Engine is one halt engine. Hear must be among the follower's sinks.
type Engine struct {
	cfg  Config
	deps Deps
	id   string // keyid

	wake chan struct{} // holds one token when something wants a decision

	mu sync.Mutex
	// Every halt known, own or not, by run. It grows with the log's halted runs, by
	// one statement each: a halt binds for ever (L6, G3).
	halts     map[string][]byte
	news      uint64                       // entries below it hold one that is neither anchor nor decision
	urgent    bool                         // something was folded that can trip at once
	seen      map[string]map[string]uint64 // last lease sequence by run that lives, and guard's key
	ready     bool                         // what was persisted is in the log
	ownNewest uint64                       // entries below it hold all own decisions

	turned time.Time // of the last proposal, for its monotonic reading; of Run alone
}

// New loads the journal: a damaged one is an error, for it may hold a halt.
func New(ctx context.Context, cfg Config, d Deps) (*Engine, error) {
	if d.Follower == nil || d.Submit == nil || d.Published == nil || d.Signer == nil || d.Journal == nil || d.Now == nil || d.Logger == nil {
		return nil, errors.New("engine: a required dependency is missing")
	}
	if cfg.Retry == 0 {
		cfg.Retry = 50 * time.Millisecond
	}
	if d.Push == nil {
		d.Push = func(string, []byte) {}
	}
	halts, err := d.Journal.Halts(ctx)
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	return &Engine{
		cfg: cfg, deps: d, id: d.Signer.KeyID(), wake: make(chan struct{}, 1),
		halts: halts, seen: map[string]map[string]uint64{},
	}, nil
}

// KeyID names the engine.
func (e *Engine) KeyID() string { return e.id }

// Hear is the engine's follow.Sink: it notes what an entry means for the next
// turn, and wakes the loop if the entry can trip.
func (e *Engine) Hear(entry follow.Entry) {
	s := entry.Step
	e.mu.Lock()
	switch {
	case s.Signed == nil:
		e.news = s.Index + 1
	case s.Signed.Kind() == log.KindDecision:
		if s.Signed.Signer() == e.id {
			e.ownNewest = s.Index + 1
		}
	case s.Signed.Kind() != log.KindAnchor:
		e.news = s.Index + 1
	}
	if s.Halt != nil && s.Halt.First {
		if _, kept := e.halts[s.Halt.Run]; !kept {
			e.halts[s.Halt.Run] = entry.Leaf
		}
	}
	if s.Halt != nil {
		delete(e.seen, s.Halt.Run)
	}
	if s.Decision != nil {
		for _, v := range s.Decision.Decision.Changed {
			if v.State == log.StateClosed {
				delete(e.seen, v.Run)
			}
		}
	}
	// A run is armed, and a close takes effect, by the next decision: their
	// guards wait for it, so it does not wait for its period.
	urgent := s.Trips
	for _, effect := range s.Effects {
		if _, ok := effect.(log.RunRegistered); ok {
			urgent = true
		}
	}
	if s.Signed != nil && s.Validity == log.Valid && s.Signed.Kind() == log.KindClose {
		urgent = true
	}
	e.urgent = e.urgent || urgent
	e.mu.Unlock()
	if urgent {
		select {
		case e.wake <- struct{}{}:
		default: // a token is there already
		}
	}
}

// Run decides until the context ends or the journal fails; the error is never
// nil. A journal that cannot be written stops the engine: leases then dry up, and
// every run stops (fail closed).
func (e *Engine) Run(ctx context.Context) error {
	if err := e.resume(ctx); err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-e.wake:
		case <-timer.C:
		}
		next, err := e.turn(ctx)
		if err != nil {
			return fmt.Errorf("engine: %w", err)
		}
		timer.Reset(next)
	}
}

// resume submits what an earlier life persisted, before anything else (L6).
func (e *Engine) resume(ctx context.Context) error {
	r, err := e.deps.Journal.Load(ctx)
	switch {
	case errors.Is(err, ErrNoRecord):
	case err != nil:
		return err
	default:
		if err := e.carryOut(ctx, r); err != nil {
			return err
		}
	}
	e.mu.Lock()
	e.ready = true
	e.mu.Unlock()
	return nil
}

// plan is what a turn does, settled with the machine open.
type plan struct {
	proposal fold.Proposal
	decide   bool
	size     uint64 // that was folded, and its root: the decision's range ends there or before
	root     log.Hash
	wait     time.Duration // until the next turn, if nothing wakes it
}

// turn anchors and decides if it is time, and says how long to wait.
func (e *Engine) turn(ctx context.Context) (time.Duration, error) {
	e.anchor(ctx)
	p, err := e.plan()
	if err != nil || !p.decide {
		return p.wait, err
	}
	r, err := e.seal(p)
	if err != nil {
		return 0, err
	}
	if err := e.deps.Journal.Save(ctx, r); err != nil {
		return 0, err
	}
	if err := e.carryOut(ctx, r); err != nil {
		return 0, err
	}
	return 0, nil
}

// idleWait is the longest time between two turns: an anchor may be due without
// any entry to wake the loop, since publication comes after folding.
const idleWait = 100 * time.Millisecond

// plan asks whether a decision is due, and which.
func (e *Engine) plan() (plan, error) {
	now := e.deps.Now()
	e.mu.Lock()
	urgent, news := e.urgent, e.news
	e.mu.Unlock()
	p := plan{wait: idleWait}
	var err error
	e.deps.Follower.View(func(m *fold.Machine) {
		c := m.Chain(e.id)
		if c == nil {
			return // no engine of this log at this size; a frozen log still has runs to end
		}
		last, decided := c.Last()
		period := m.Ledger().Params().DecisionPeriod
		armed := len(c.Armed()) > 0
		if armed {
			period = evaluationPeriod(m, period)
		}
		due := last.AsOf.Add(period)
		if t, ok := c.NextDue(); ok && t.Before(due) && t.After(last.AsOf) {
			due = t
		}
		if !decided {
			due = now
		}
		switch {
		case urgent && last.To < m.Size():
		case !armed && news <= last.To:
			return // an idle log stays as it is
		case now.Before(due) && time.Since(e.turned) < period:
			// A clock that was put back stops no period: until it has caught up,
			// witnessed time moves as_of (E2).
			p.wait = min(p.wait, due.Sub(now))
			return
		}
		p.decide, e.turned = true, time.Now()
		if p.proposal, err = fitting(c, m.Size(), last.To, maxPayload, now); err != nil {
			return
		}
		p.size = m.Size()
		root, ok := m.Ledger().RootAt(m.Size())
		if !ok {
			err = fmt.Errorf("no root at size %d", m.Size())
			return
		}
		p.root = root
		e.mu.Lock()
		e.urgent = p.proposal.Decision.To < m.Size() // the rest goes into the next one, at once
		e.mu.Unlock()
	})
	if err == nil && p.proposal.Unknown != nil {
		e.deps.Logger.Error("a policy in force cannot be judged here: its runs are halted", "err", p.proposal.Unknown)
	}
	return p, err
}

// fitting is the proposal up to a size, or up to a smaller one where what changed
// is more than one statement holds: an engine that was away long finds thousands
// of runs ended, and logs them in consecutive decisions. What all live runs come
// to at one moment always fits (log.MaxLiveRuns).
func fitting(c *fold.Chain, to, from uint64, limit int, now time.Time) (fold.Proposal, error) {
	for {
		p, err := c.Propose(to, now)
		if err != nil {
			return p, err
		}
		payload, err := log.Encode(p.Decision)
		if err == nil && len(payload) <= limit {
			return p, nil
		}
		if to == from {
			return p, errors.Join(fmt.Errorf("a decision with %d changed verdicts fits no statement of %d bytes", len(p.Decision.Changed), limit), err)
		}
		to = from + (to-from)/2
	}
}

// maxPayload is what base64 and one signature leave of a whole.
const maxPayload = (dsse.MaxWhole - 4096) / 4 * 3

// evaluationPeriod is the shortest of the policies in force.
func evaluationPeriod(m *fold.Machine, longest time.Duration) time.Duration {
	for _, chain := range m.Policies().Chains() {
		if doc, ok := m.Policy(chain); ok && doc.Supported() == nil {
			longest = min(longest, time.Duration(doc.EvaluationPeriodMS)*time.Millisecond)
		}
	}
	return longest
}
