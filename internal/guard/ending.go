package guard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// event takes what a goroutine brought.
func (s *session) event(bg context.Context, e event) {
	if e.engine != "" {
		s.inFlight[e.engine]--
	}
	switch {
	case e.err != nil:
		s.log.Warn("guard", slog.Any("err", e.err))
	case e.heart:
		s.heartBusy = false
	case e.notice != nil:
		s.halt(bg, *e.notice)
	case e.judge != nil:
		// Persist, then count: the first pass only says what has to be remembered.
		next, err := s.leases.Grant(e.judge.lease, e.judge.checked, s.now())
		if err != nil {
			s.log.Warn("lease", slog.String("engine", e.judge.lease.Engine), slog.Any("err", err))
			return
		}
		s.wg.Go(func() {
			if err := s.store.save(next.Memory()); err != nil {
				s.tell(bg, event{err: err})
				return
			}
			s.tell(bg, event{commit: e.judge})
		})
	case e.commit != nil:
		next, err := s.leases.Grant(e.commit.lease, e.commit.checked, s.now())
		if err != nil {
			s.log.Warn("lease", slog.String("engine", e.commit.lease.Engine), slog.Any("err", err))
			return
		}
		s.leases = next
	}
}

// halt stops the run for ever (G2). The notice goes to disk first (L6), but a disk that does not answer must not keep
// the run alive: after haltPersistWait the kill goes ahead and the writing goes on beside it.
func (s *session) halt(bg context.Context, n Notice) {
	if s.leases.halted {
		return
	}
	s.leases = s.leases.Halt()
	s.out.Halt = n.Bytes
	written := make(chan error, 1)
	s.wg.Go(func() { written <- s.store.saveHalt(n) })
	patience := time.NewTimer(haltPersistWait)
	defer patience.Stop()
	select {
	case err := <-written:
		if err != nil {
			s.log.Error("write halt down", slog.Any("err", err))
		}
	case <-patience.C:
		s.log.Error("write halt down", slog.Any("err", context.DeadlineExceeded))
	}
	s.end(bg, Cause(n.Kind))
	if n.Kind == NoticeVote {
		// Whoever is handed a vote forwards it. A halt is its engine's to log, after its decision.
		s.wg.Go(func() {
			if err := s.spool.Put(n.Bytes); err != nil {
				s.log.Error("forward vote", slog.Any("err", err))
			}
		})
	}
}

// end starts the kill; the first cause stands.
func (s *session) end(bg context.Context, why Cause) {
	if s.stopping {
		return
	}
	s.stopping, s.out.Cause = true, why
	s.log.Info("stopping", slog.String("cause", string(why)))
	if s.pair == nil {
		return
	}
	s.kill(bg, why)
}

func (s *session) kill(bg context.Context, why Cause) {
	list := append(s.pair.held.actuators(), s.deps.Actuators...)
	s.wg.Go(func() {
		e, err := stopAll(bg, list, s.KillWait, killRounds, func(e Evidence, err error) {
			s.log.Error("kill unconfirmed", slog.String("actuator", e.Actuator), slog.Any("err", err))
			s.record(why, e)
		})
		s.finished <- stopResult{e, err}
	})
}

// record leaves what was seen on disk for settle.
func (s *session) record(why Cause, e Evidence) {
	if err := writeRecord(recordDir(s.StateDir), Record{Run: s.Run, By: "keeper", Cause: why, Evidence: e}); err != nil {
		s.log.Error("write record", slog.Any("err", err))
	}
}

// hear takes the reaper's word.
func (s *session) hear(bg context.Context, in received) {
	switch {
	case in.err != nil:
		s.pair.inbox = nil // nothing more will come
		if !errors.Is(in.err, io.EOF) {
			s.log.Warn("reaper", slog.Any("err", in.err))
		}
		s.end(bg, CauseReaperDied)
	case in.message.verb == verbKilling:
		// It found this keeper silent, or late. Both make sure.
		s.end(bg, Cause(in.message.body))
	default:
		s.lastHeard, s.suspect = s.deps.Clock.Boot(), false
		if s.rootEnd != nil && in.message.when >= s.rootEndAt && !s.stopping {
			s.rootDone(bg, *s.rootEnd)
		}
	}
}

// rootEnded decides whether the command ended by itself. A SIGKILL may have been the reaper's. It says so before it
// kills, but that word may still be on its way: a beat that it sent after the end shows that there is none. Its death
// or silence meanwhile is a cause of its own.
func (s *session) rootEnded(bg context.Context, e childEnd) {
	s.pair.ended = nil
	s.pair.root = nil
	if e.started && !s.out.Started {
		s.started() // both came at once
	}
	switch killed := e.exit == nil || e.exit.Signal == sigkill; {
	case s.stopping:
	case killed && e.problem == "":
		s.rootEnd, s.rootEndAt = &e, s.deps.Clock.Boot()
	default:
		s.rootDone(bg, e)
	}
}

// rootDone takes the command's end as its own and collects the evidence.
func (s *session) rootDone(bg context.Context, e childEnd) {
	s.stopping, s.out.Cause = true, CauseEnded
	switch {
	case e.problem != "":
		s.failure, s.out.Cause = fmt.Errorf("run command: %s", e.problem), CauseError
	case e.exit != nil:
		s.out.Exit = *e.exit
	default:
		// Killed from outside the guard (out of memory, an administrator): it is over all the same, and says how.
		s.out.Exit = Exit{Code: 128 + sigkill, Signal: sigkill}
	}
	s.wg.Go(func() {
		ctx, cancel := context.WithTimeout(bg, s.KillWait)
		ev, err := s.pair.held.observe(ctx, "none", stamp(s.deps.Clock))
		cancel()
		if err != nil {
			// Init is gone and yet something is seen alive: make sure.
			ev, err = stopAll(bg, s.pair.held.actuators(), s.KillWait, killRounds, nil)
		}
		s.finished <- stopResult{ev, err}
	})
}

const sigkill = 9

// conclude writes the receipt of the end.
func (s *session) conclude(bg context.Context, r stopResult) {
	s.out.Evidence = r.evidence
	s.failure = errors.Join(s.failure, r.err)
	if s.out.Cause == CauseError && !s.out.Started {
		return // the command never ran: there is nothing to report
	}
	if s.out.Cause != CauseEnded {
		s.record(s.out.Cause, r.evidence)
		if err := settle(bg, s.store, s.spool, s.deps.Signer); err != nil {
			s.log.Error("settle records", slog.Any("err", err))
		}
		return
	}
	if !r.evidence.Confirmed() {
		// G4: an end that was not seen whole is no close. The receipt says unconfirmed.
		s.record(CauseEnded, r.evidence)
		if err := settle(bg, s.store, s.spool, s.deps.Signer); err != nil {
			s.log.Error("settle records", slog.Any("err", err))
		}
		return
	}
	b, err := s.deps.Signer.Close(bg, Ended{Exit: s.out.Exit, Evidence: r.evidence, BootID: s.deps.Clock.BootID()})
	if err == nil {
		err = s.spool.Put(b)
	}
	if err != nil {
		s.failure = errors.Join(s.failure, fmt.Errorf("close run: %w", err))
	}
}

// heart signs and sends one heartbeat. One that is lost is not kept: it would be stale, and the next one says the same.
func (s *session) heart(bg context.Context) {
	s.heartBusy = true
	alive := !s.pair.held.exited()
	s.wg.Go(func() {
		ctx, cancel := context.WithTimeout(bg, s.RequestTimeout)
		defer cancel()
		err := func() error {
			n, err := s.store.number()
			if err != nil {
				return err
			}
			b, err := s.deps.Signer.Heartbeat(ctx, n, alive, s.deps.Clock.BootID())
			if err != nil {
				return err
			}
			return s.deps.Submit(ctx, b)
		}()
		if err != nil {
			s.log.Warn("heartbeat", slog.Any("err", err))
		}
		s.tell(bg, event{heart: true})
	})
}

// drain gives the spool a last bounded chance and completes the outcome.
func (s *session) drain(bg context.Context) (Outcome, error) {
	ctx, cancel := context.WithTimeout(bg, s.Drain)
	defer cancel()
	poll := time.NewTicker(deliverMinWait)
	defer poll.Stop()
	for {
		left, err := s.spool.Len()
		s.out.Undelivered = left
		if err != nil || left == 0 || ctx.Err() != nil {
			return s.out, errors.Join(s.failure, err)
		}
		select {
		case <-ctx.Done():
		case <-poll.C:
		}
	}
}
