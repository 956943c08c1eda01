package guardian

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/guard"
	"github.com/haltlog/haltlog/log"
)

// leaseClient is the guard's LeaseClient.
type leaseClient struct {
	anchors *anchors
	key     log.Signer
	engines map[string]*client.Client // by key id
}

// Request signs and sends one request. What comes back is told apart by its kind and judged by nobody here.
func (l *leaseClient) Request(ctx context.Context, engine string, req guard.LeaseRequest) (guard.Reply, error) {
	at, err := l.anchors.now()
	if err != nil {
		return guard.Reply{}, err
	}
	leaf, err := log.Seal(&log.LeaseRequest{
		Origin: req.Origin, Run: req.Run, BootID: req.BootID, Nonce: req.Nonce[:], Sequence: req.Sequence, Anchor: at.ref,
		SeenSize: req.SeenSize,
	}, l.key)
	if err != nil {
		return guard.Reply{}, err
	}
	c, ok := l.engines[engine]
	if !ok {
		return guard.Reply{}, fmt.Errorf("engine %q: no address", engine)
	}
	answer, err := c.Lease(ctx, leaf)
	if err != nil {
		l.anchors.nudge() // a stale anchor is the usual reason for a refusal
		return guard.Reply{}, err
	}
	if s, err := log.ParseMessage(answer); err == nil && s.Kind() == log.KindLease {
		return guard.Reply{Lease: answer}, nil
	}
	s, err := log.Parse(answer)
	if err != nil {
		return guard.Reply{}, fmt.Errorf("answer of engine: %w", err)
	}
	if s.Kind() != log.KindHalt {
		return guard.Reply{}, fmt.Errorf("answer of engine: %w: a %s", ErrForm, s.Kind())
	}
	return guard.Reply{Halt: answer}, nil
}

// signer is the guard's Signer.
type signer struct {
	origin  string
	run     string
	key     log.Signer
	anchors *anchors // nil where nothing that needs one is signed
	clock   guard.Clock
	tell    func(Event)
}

// Heartbeat names the newest anchor that was verified (S4).
func (s *signer) Heartbeat(_ context.Context, sequence uint64, alive bool, bootID string) ([]byte, error) {
	at, err := s.anchors.now()
	if err != nil {
		return nil, err
	}
	return log.Seal(&log.Heartbeat{
		Origin: s.origin, Run: &s.run, Sequence: sequence, Anchor: at.ref, Alive: alive, BootID: bootID,
	}, s.key)
}

// Actuation is the receipt of a stop. It names the halt that ordered it, if one did.
func (s *signer) Actuation(_ context.Context, sequence uint64, r guard.Record, halt []byte) ([]byte, error) {
	st := &log.Actuation{
		Origin: s.origin, Run: s.run, Sequence: sequence, State: log.ActuationUnconfirmed, Cause: causeOf(r.Cause),
		Evidence: s.evidence(r.Evidence),
	}
	if r.Evidence.Confirmed() {
		st.State = log.ActuationObservedDead
	}
	if r.Cause == guard.CauseHalt && len(halt) > 0 {
		h, err := log.Parse(halt)
		if err != nil {
			return nil, fmt.Errorf("halt of the receipt: %w", err)
		}
		st.Halt = &h.Identity
	}
	leaf, err := log.Seal(st, s.key)
	if err == nil {
		name := EventDead
		if st.State != log.ActuationObservedDead {
			name = EventUnconfirmed
		}
		s.tell(evidenceEvent(name, r.By, st.Cause, r.Evidence))
	}
	return leaf, err
}

// Close says that the command ended by itself.
func (s *signer) Close(_ context.Context, e guard.Ended) ([]byte, error) {
	st := &log.Close{Origin: s.origin, Run: s.run, ExitCode: e.Exit.Code, Signal: e.Exit.Signal, Evidence: s.evidence(e.Evidence)}
	if st.Signal != 0 {
		st.ExitCode = 0 // a signal leaves none; the guard's own form is the shell's 128 + n
	}
	leaf, err := log.Seal(st, s.key)
	if err == nil {
		s.tell(evidenceEvent(EventEnded, "keeper", string(guard.CauseEnded), e.Evidence))
	}
	return leaf, err
}

// causeOf is the statement's word for a cause. A vote is called as its kind is.
func causeOf(c guard.Cause) string {
	if c == guard.CauseVote {
		return string(log.KindLiveVote)
	}
	return string(c)
}

func (s *signer) evidence(e guard.Evidence) log.Evidence {
	out := log.Evidence{
		Mode: log.ModeNone, StopRequested: log.TimeOf(e.Ordered.Wall), Observed: log.TimeOf(e.Observed.Wall),
		ElapsedUS: max(0, (e.Observed.Boot - e.Ordered.Boot).Microseconds()), BootID: s.clock.BootID(),
	}
	switch e.Mode {
	case guard.ModeCgroup:
		out.Mode, out.PidfdExited, out.PopulatedZero = log.ModeCgroup, e.PidfdExited, e.PopulatedZero
	case guard.ModeNamespace:
		// There the guard's pidfd is that of the namespace's init.
		out.Mode, out.PidfdExited, out.InitExited = log.ModePIDNS, e.PidfdExited, e.PidfdExited
	}
	return out
}

// withoutHalt is the same receipt naming no halt: nil if it named none.
func (s *signer) withoutHalt(leaf []byte) ([]byte, error) {
	p, err := log.Parse(leaf)
	if err != nil {
		return nil, err
	}
	st, ok := p.Statement.(*log.Actuation)
	if !ok || st.Halt == nil {
		return nil, nil
	}
	again := *st
	again.Halt = nil
	b, err := log.Seal(&again, s.key)
	if err == nil && bytes.Equal(b, leaf) {
		return nil, nil
	}
	return b, err
}

// stampOf is one reading of both clocks.
func stampOf(c guard.Clock) guard.Stamp {
	return guard.Stamp{Wall: c.Wall().Round(time.Millisecond), Boot: c.Boot()}
}
