package member

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/trust"
	"github.com/haltlog/haltlog/log"
)

// Errors that end a beeper.
var (
	// ErrHalted and ErrClosed say that the run is over.
	ErrHalted = errors.New("the run is halted")
	ErrClosed = errors.New("the run has ended by itself")
	// ErrNotCounted is a check-in that the log took and the fold does not count.
	ErrNotCounted = errors.New("the check-in was not counted")
)

// Log is the member's own view of the log: verified, and remembered.
type Log interface {
	// Anchor is the newest anchor, verified.
	Anchor(ctx context.Context) (trust.Anchor, error)
	// Sequence is the next number of a sequence, durable before it returns.
	Sequence(name string, counted uint64) (uint64, error)
}

// Server is what the daemon says and takes. Nothing of it is believed beyond when
// to check in again.
type Server interface {
	Member(ctx context.Context, run, member string) (api.Member, error)
	Submit(ctx context.Context, leaf []byte) (api.Accepted, error)
	SubmitFolded(ctx context.Context, leaf []byte) (api.Accepted, error)
}

// Config says who checks in on what.
type Config struct {
	Origin string
	Run    string
	Signer log.Signer // the check-in key
}

// Deps are what a beeper works with.
type Deps struct {
	Log    Log
	Server Server
	// Gap is max_gap of the policy in force.
	Gap func(ctx context.Context) (time.Duration, error)
	// Report is told whatever changes; it must not block for long.
	Report func(Report)
}

// Report is how a member stands, after something happened.
type Report struct {
	Time      time.Time    `json:"time"`
	Run       string       `json:"run"`
	State     api.RunState `json:"state,omitempty"`
	Sent      uint64       `json:"sent"`    // last sequence number sent; 0 for none
	Counted   bool         `json:"counted"` // it was folded and counts
	NextDue   time.Time    `json:"next_due,omitzero"`
	Next      time.Time    `json:"next_checkin,omitzero"`
	Misses    int          `json:"misses"` // of the group, that stand
	Threshold int          `json:"threshold"`
	Warning   bool         `json:"warning"` // one more miss of anybody halts the run
	Trouble   string       `json:"trouble,omitempty"`
}

// Beeper checks in on one run.
type Beeper struct {
	cfg  Config
	deps Deps

	anchor  *trust.Anchor // last one verified
	gap     time.Duration
	sent    uint64
	sentAt  time.Time
	last    Report
	waiting time.Duration // pause after trouble
}

// New checks that nothing is missing.
func New(cfg Config, d Deps) (*Beeper, error) {
	if !log.ValidOrigin(cfg.Origin) || !log.ValidName(cfg.Run) || cfg.Signer == nil {
		return nil, errors.New("member: origin, run and check-in key are needed")
	}
	if d.Log == nil || d.Server == nil || d.Gap == nil || d.Report == nil {
		return nil, errors.New("member: a dependency is missing")
	}
	return &Beeper{cfg: cfg, deps: d}, nil
}

// Run checks in until the run ends (ErrHalted, ErrClosed) or the context does
// (its cause).
func (b *Beeper) Run(ctx context.Context) error {
	for {
		pause, err := b.step(ctx)
		if errors.Is(err, ErrHalted) || errors.Is(err, ErrClosed) {
			return err
		}
		if err != nil {
			b.waiting = backoff(b.waiting)
			pause = b.waiting
			b.report(Report{State: b.last.State, NextDue: b.last.NextDue, Next: b.last.Next, Misses: b.last.Misses, Threshold: b.last.Threshold, Warning: b.last.Warning, Trouble: err.Error()})
		} else {
			b.waiting = 0
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}

// step looks how the member stands, checks in if it is time, and returns how long
// to wait.
func (b *Beeper) step(ctx context.Context) (time.Duration, error) {
	m, err := b.deps.Server.Member(ctx, b.cfg.Run, b.cfg.Signer.KeyID())
	if err != nil {
		// A daemon that cannot say how the member stands may still take check-ins.
		if b.due(time.Now()) {
			return pollMin, errors.Join(err, b.checkin(ctx, 0))
		}
		return 0, err
	}
	switch m.State {
	case api.RunHalted:
		b.standing(m, time.Time{})
		return 0, ErrHalted
	case api.RunClosed:
		b.standing(m, time.Time{})
		return 0, ErrClosed
	}
	interval := time.Duration(m.Interval) * time.Millisecond
	if m.State != api.RunArmed || interval <= 0 {
		b.standing(m, time.Time{})
		return pollMin, nil
	}
	if gap, err := b.deps.Gap(ctx); err == nil {
		b.gap = gap
	} else if b.gap == 0 {
		return 0, fmt.Errorf("max_gap: %w", err)
	}
	next := Next(m.NextDue, interval, b.gap)
	if b.sent > m.Sequence {
		// One is under way: the due time will move once it is folded. If it never
		// is, another one follows in time.
		next = later(next, b.sentAt.Add(min(b.gap+spare, interval/3)))
	}
	b.standing(m, next)
	now := time.Now()
	if now.Before(next) {
		return max(min(next.Sub(now), poll(interval)), 0), nil
	}
	if err := b.checkin(ctx, m.Sequence); err != nil {
		return 0, err
	}
	return poll(interval), nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// due is whether a check-in is due by what was last heard.
func (b *Beeper) due(now time.Time) bool {
	return !b.last.Next.IsZero() && !now.Before(b.last.Next) && now.Sub(b.sentAt) >= retryMax
}

// checkin signs and submits one check-in.
func (b *Beeper) checkin(ctx context.Context, counted uint64) error {
	leaf, n, err := b.seal(ctx, counted)
	if err != nil {
		return err
	}
	a, err := b.deps.Server.Submit(ctx, leaf)
	if err != nil {
		return fmt.Errorf("check in: %w", err)
	}
	b.sent, b.sentAt = n, time.Now()
	if v := log.Validity(a.Validity); v != "" && v != log.Valid && v != log.Pending {
		b.anchor = nil // a stale one is not named again
		return fmt.Errorf("%w: %s: %s", ErrNotCounted, a.Validity, a.Reason)
	}
	r := b.last
	r.Sent, r.Counted, r.Trouble = n, false, ""
	b.report(r)
	return nil
}

// seal makes the next check-in (MB1).
func (b *Beeper) seal(ctx context.Context, counted uint64) ([]byte, uint64, error) {
	a, err := b.deps.Log.Anchor(ctx)
	switch {
	case err == nil:
		b.anchor = &a
	case errors.Is(err, trust.ErrUnverified) || errors.Is(err, trust.ErrGenesis) || b.anchor == nil:
		return nil, 0, err
	}
	n, err := b.deps.Log.Sequence("checkin/"+b.cfg.Run+"/"+b.cfg.Signer.KeyID(), counted)
	if err != nil {
		return nil, 0, err
	}
	leaf, err := log.Seal(&log.Checkin{Origin: b.cfg.Origin, Run: b.cfg.Run, Sequence: n, Anchor: b.anchor.Ref}, b.cfg.Signer)
	return leaf, n, err
}

// Once checks in a single time and waits until the check-in counts. Errors:
// ErrNotCounted, ErrHalted, ErrClosed, the server's and the log's.
func (b *Beeper) Once(ctx context.Context) (api.Accepted, error) {
	m, err := b.deps.Server.Member(ctx, b.cfg.Run, b.cfg.Signer.KeyID())
	if err != nil {
		return api.Accepted{}, err
	}
	switch m.State {
	case api.RunHalted:
		return api.Accepted{}, ErrHalted
	case api.RunClosed:
		return api.Accepted{}, ErrClosed
	}
	leaf, n, err := b.seal(ctx, m.Sequence)
	if err != nil {
		return api.Accepted{}, err
	}
	a, err := b.deps.Server.SubmitFolded(ctx, leaf)
	if err != nil {
		return a, fmt.Errorf("check in: %w", err)
	}
	b.sent, b.sentAt = n, time.Now()
	if log.Validity(a.Validity) != log.Valid {
		return a, fmt.Errorf("%w: %s: %s", ErrNotCounted, a.Validity, a.Reason)
	}
	return a, nil
}

// standing reports what the daemon says, if it is news.
func (b *Beeper) standing(m api.Member, next time.Time) {
	b.report(Report{
		State: m.State, Counted: b.sent > 0 && m.Sequence >= b.sent, NextDue: m.NextDue, Next: next,
		Misses: m.Misses, Threshold: m.Threshold, Warning: m.Warning,
	})
}

// report passes on what differs from the last report.
func (b *Beeper) report(r Report) {
	r.Run, r.Sent = b.cfg.Run, b.sent
	old := b.last
	b.last = r
	old.Time = r.Time
	if old == r {
		return
	}
	r.Time = time.Now()
	b.deps.Report(r)
}
