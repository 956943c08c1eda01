package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/log"
)

// Errors of Grant beside the request's own (*log.SyntaxError, *log.VoidError).
var (
	// ErrNotNow is a request that may be granted later: the run is not armed yet,
	// nothing is published, or the engine's last decision is too old.
	ErrNotNow = errors.New("no lease now")
	// ErrReplayed is a request whose sequence is not above the last one granted.
	ErrReplayed = errors.New("lease request replayed")
)

// Grant answers a guard's lease request with a signed lease, or with the halt
// that ended the run: leaf is the one or the other. It grants only what the
// engine's own newest logged decision says, only while that decision is younger
// than the policy's largest gap, and never after a halt of the run was folded or
// kept (G3).
func (e *Engine) Grant(ctx context.Context, request []byte) (leaf []byte, err error) {
	message, err := log.ParseMessage(request)
	if err != nil {
		return nil, err
	}
	asked, ok := message.Statement.(*log.LeaseRequest)
	if !ok {
		return nil, &log.VoidError{Class: log.Forbidden, Reason: fmt.Sprintf("kind %s asks for no lease", message.Kind())}
	}
	e.mu.Lock()
	halt, halted := e.halts[asked.Run]
	ready := e.ready
	e.mu.Unlock()
	if halted {
		return halt, nil
	}
	if !ready {
		return nil, fmt.Errorf("%w: the engine is resuming", ErrNotNow)
	}
	note, published := e.deps.Published.Published()
	if published.Raw == nil || published.Checkpoint.Size < asked.SeenSize {
		return nil, fmt.Errorf("%w: nothing is published that the guard has not seen", ErrNotNow)
	}
	var lease *log.Lease
	var guard string
	e.deps.Follower.View(func(m *fold.Machine) {
		// G3: what the guard is shown as granted under, the engine has folded. An
		// auditor holds the lease against every halt below that size.
		if m.Size() < published.Checkpoint.Size {
			err = fmt.Errorf("%w: folded %d of %d entries", ErrNotNow, m.Size(), published.Checkpoint.Size)
			return
		}
		lease, guard, err = e.judge(m, request)
	})
	if err != nil {
		return nil, err
	}
	lease.Checkpoint = note
	if lease.Consistency, err = e.deps.Published.Consistency(ctx, asked.SeenSize, published.Checkpoint.Size); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotNow, err)
	}
	// Signed before the lock is taken: the fold waits for the lock (Hear), and a key
	// may live in a KMS.
	if leaf, err = log.Seal(lease, e.deps.Signer); err != nil {
		return nil, fmt.Errorf("grant lease: %w", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	// Looked at last, under the lock that a halt takes: a lease that a halt has
	// overtaken is thrown away.
	if halt, halted := e.halts[asked.Run]; halted {
		return halt, nil
	}
	last := e.seen[asked.Run]
	if asked.Sequence <= last[guard] {
		return nil, fmt.Errorf("%w: sequence %d after %d", ErrReplayed, asked.Sequence, last[guard])
	}
	if last == nil {
		last = map[string]uint64{}
		e.seen[asked.Run] = last
	}
	last[guard] = asked.Sequence
	return leaf, nil
}

// judge holds a request against the engine's own chain.
func (e *Engine) judge(m *fold.Machine, request []byte) (*log.Lease, string, error) {
	signed, asked, err := m.Ledger().JudgeRequest(request)
	if err != nil {
		return nil, "", err
	}
	run, ok := m.Ledger().Run(asked.Run)
	if !ok || run.Ended() {
		return nil, "", &log.VoidError{Class: log.Conflict, Reason: fmt.Sprintf("run %s has ended", asked.Run)}
	}
	rules, ok := m.Ledger().Rules(run.Statement.Chain)
	if !ok {
		return nil, "", &log.VoidError{Class: log.Conflict, Reason: "no policy in force"}
	}
	c := m.Chain(e.id)
	if c == nil {
		return nil, "", fmt.Errorf("%w: this engine holds no role", ErrNotNow)
	}
	last, decided := c.Last()
	if _, armed := slices.BinarySearch(c.Armed(), asked.Run); !decided || !armed {
		return nil, "", fmt.Errorf("%w: run %s is not armed yet", ErrNotNow, asked.Run)
	}
	if age := e.deps.Now().Sub(last.AsOf); age > rules.MaxGap {
		return nil, "", fmt.Errorf("%w: the newest decision is %v old, more than %v", ErrNotNow, age, rules.MaxGap)
	}
	// What cannot be said to be young is not: on a clock that was put back, an
	// engine that decides nothing would look fresh for as long.
	if ahead := last.AsOf.Sub(e.deps.Now()); ahead > m.Ledger().Params().Skew {
		return nil, "", fmt.Errorf("%w: this clock is %v behind the newest decision", ErrNotNow, ahead)
	}
	return &log.Lease{
		Origin: asked.Origin, Run: asked.Run, Guard: signed.Signer(), BootID: asked.BootID,
		Nonce: asked.Nonce, Sequence: asked.Sequence, DurationMS: rules.Lease.Milliseconds(),
		Policy: rules.Number, PolicyHash: rules.Hash, DecisionIndex: last.Index, DecisionSize: last.To,
	}, signed.Signer(), nil
}

// Halt is the halt of a run that the engine knows of, logged or only kept.
func (e *Engine) Halt(run string) ([]byte, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	leaf, ok := e.halts[run]
	return leaf, ok
}
