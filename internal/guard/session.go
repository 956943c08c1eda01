package guard

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// session is one Run: a single loop owns all its state, goroutines only bring it events. Nothing in the loop waits for
// network or disk, so that beats, deadlines and halts are never late because of them.
type session struct {
	Config
	deps  Deps
	stop  <-chan Notice
	store *store
	spool *Spool
	kept  *kept
	log   *slog.Logger

	leases   Leases
	inFlight map[string]int
	events   chan event
	wg       sync.WaitGroup

	watch     context.Context // of the checkpoint watcher: ends with the loop
	pair      *pair           // nil while waiting for leases
	rootEnd   *childEnd       // killed by nobody known yet, at rootEndAt
	rootEndAt time.Duration
	lastHeard time.Duration
	suspect   bool

	nextBeat, nextRenew, nextHeart time.Duration
	heartBusy                      bool

	stopping bool
	out      Outcome
	failure  error
	finished chan stopResult
}

// stopResult is the end of a kill or of the observation of the command's own end.
type stopResult struct {
	evidence Evidence
	err      error
}

// event is what a goroutine tells the loop: exactly one field besides engine is set.
type event struct {
	engine string  // whose request is over, if any
	judge  *judged // a verified lease: remember it durably
	commit *judged // remembered: now it may count
	notice *Notice // a verified halt
	heart  bool    // a heartbeat is through, or lost
	err    error   // worth a line in the log
}

type judged struct {
	lease   Lease
	checked Checked
}

func newSession(g *Guard, st *store) (*session, error) {
	sp, err := OpenSpool(spoolDir(g.config.StateDir))
	if err != nil {
		return nil, err
	}
	c := g.config
	l, err := NewLeases(Terms{
		Origin: c.Origin, Run: c.Run, GuardKey: c.GuardKey, Engines: c.Engines, Quorum: c.Quorum,
		MaxDuration: c.MaxDuration, MaxAge: c.MaxAge, Skew: c.Skew,
	}, st.memory(), false)
	if err != nil {
		return nil, err
	}
	return &session{
		Config: c, deps: g.deps, stop: g.stop, store: st, spool: sp, kept: &kept{dir: c.StateDir}, log: g.deps.Logger,
		leases: l, inFlight: map[string]int{}, events: make(chan event), finished: make(chan stopResult, 1),
	}, nil
}

func (s *session) now() Moment {
	return Moment{Boot: s.deps.Clock.Boot(), Wall: s.deps.Clock.Wall(), BootID: s.deps.Clock.BootID()}
}

// run is the whole life of the session. Background work outlives the operator's ctx, because stopping and its receipts
// come after it.
func (s *session) run(ctx context.Context) (Outcome, error) {
	bg, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer s.wg.Wait()
	defer cancel()
	s.wg.Go(func() { s.spool.Run(bg, s.deps.Submit, s.warn("deliver")) })
	if err := settle(bg, s.store, s.spool, s.deps.Signer); err != nil {
		s.log.Warn("settle earlier records", slog.Any("err", err))
	}
	halts, err := s.store.halts()
	if err != nil {
		return s.out, err
	}
	if len(halts) > 0 {
		// L6: what was learned once binds this guard too.
		s.out.Cause, s.out.Halt = Cause(halts[0].Kind), halts[0].Bytes
		return s.drain(bg)
	}
	watch, unwatch := context.WithCancel(bg)
	s.watch = watch
	s.loop(ctx, bg)
	unwatch() // an artefact logged after the end would be void
	if s.pair != nil {
		s.pair.part()
	}
	return s.drain(bg)
}

// loop returns when the run is over: never started, or seen dead, or given up on.
func (s *session) loop(ctx, bg context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	done := ctx.Done()
	for {
		var inbox chan received
		var ended chan childEnd
		var running chan struct{}
		if s.pair != nil {
			inbox, ended, running = s.pair.inbox, s.pair.ended, s.pair.running
		}
		select {
		case <-timer.C:
		case <-done:
			done = nil
			s.end(bg, CauseOperator)
		case n := <-s.stop:
			s.halt(bg, n)
		case e := <-s.events:
			s.event(bg, e)
		case in := <-inbox:
			s.hear(bg, in)
		case <-running:
			s.started()
		case e := <-ended:
			s.rootEnded(bg, e)
		case r := <-s.finished:
			s.conclude(bg, r)
			return
		}
		if s.stopping && s.pair == nil {
			return
		}
		now := s.now()
		s.due(bg, now)
		if s.stopping && s.pair == nil {
			return
		}
		timer.Reset(s.wait(now))
	}
}

// wait is how long nothing will be due, at most one beat.
func (s *session) wait(now Moment) time.Duration {
	next := now.Boot + s.Beat
	if s.pair != nil {
		next = min(next, s.nextBeat)
	}
	if end, ok := s.leases.Deadline(now); ok && !s.stopping {
		next = min(next, end)
	}
	return max(0, min(next, s.nextRenew)-s.deps.Clock.Boot())
}

// due does what time demands: the lease first, everything else after.
func (s *session) due(bg context.Context, now Moment) {
	live, why := s.leases.Live(now)
	switch {
	case s.stopping:
	case s.pair != nil && !live:
		s.end(bg, why)
	case s.pair == nil && live:
		s.start(bg)
	}
	if s.pair != nil {
		s.beat(bg, now)
	}
	if s.stopping {
		s.nextRenew = now.Boot + s.Renew
		return
	}
	if now.Boot >= s.nextRenew {
		s.nextRenew = now.Boot + s.Renew
		s.ask(bg)
	}
	if s.pair != nil && now.Boot >= s.nextHeart && !s.heartBusy {
		s.nextHeart = now.Boot + s.Heartbeat
		s.heart(bg)
	}
}

// beat keeps the reaper quiet and watches it (G5).
func (s *session) beat(bg context.Context, now Moment) {
	if now.Boot < s.nextBeat {
		return
	}
	s.nextBeat = now.Boot + s.Beat
	end, _ := s.leases.Deadline(now)
	// A full buffer is the reaper's silence, judged below; its death shows in the inbox.
	_ = s.pair.link.send(message{verb: verbBeat, when: end}, s.Beat/2)
	silent := now.Boot-s.lastHeard > s.Miss
	if silent && s.suspect {
		s.end(bg, CauseReaperSilent)
	}
	s.suspect = silent
}

// start brings the command up once leases stand.
func (s *session) start(bg context.Context) {
	p, err := startPair(s.Config, s.deps.Clock, s.store.lock)
	if err == nil && strength(p.mode, os.Geteuid()) != StrengthFull && !s.Weak {
		p.abandon()
		err = fmt.Errorf("%w: only weak strength can be had here (%w); say so to accept it", ErrConfig, p.fallback)
	}
	if err != nil {
		s.failure, s.stopping, s.out.Cause = fmt.Errorf("start run: %w", err), true, CauseError
		return
	}
	s.pair = p
	s.out.Mode, s.out.Strength = p.mode, strength(p.mode, os.Geteuid())
	if p.fallback != nil {
		s.log.Warn("no cgroup: the run is held by its PID namespace", slog.Any("err", p.fallback))
	}
	now := s.now()
	s.lastHeard, s.nextBeat, s.nextHeart = now.Boot, now.Boot, now.Boot
	// Bringing the pair up took time: a lease or a halt may have changed meanwhile.
	if live, why := s.leases.Live(now); !live {
		s.end(bg, why)
		return
	}
	select {
	case n := <-s.stop: // it came meanwhile: the command must not run even for a moment
		s.halt(bg, n)
		return
	default:
	}
	if err := p.release(s.Config); err != nil {
		s.failure = err
		s.end(bg, CauseError)
	}
}

// started follows init's word that the command runs.
func (s *session) started() {
	p := s.pair
	p.running = nil
	s.out.Started = true
	if s.deps.Started != nil {
		s.deps.Started(Running{
			Pid: p.held.pid, Reaper: p.reaper.Pid, Mode: p.mode, Strength: s.out.Strength, Fallback: p.fallback,
			At: s.deps.Clock.Wall(),
		})
	}
	if s.Checkpoints != "" && !s.stopping {
		s.wg.Go(func() { s.watchCheckpoints(s.watch) })
	}
}

// ask sends the next request to all engines. The send time is read here, before the disk and the network (G1).
func (s *session) ask(bg context.Context) {
	var nonce [32]byte
	_, _ = rand.Read(nonce[:]) // never fails (crypto/rand)
	memory := s.leases.Memory()
	seen := Seen{memory.SeenSize, memory.SeenRoot}
	next, req, err := s.leases.Ask(s.now(), nonce)
	if err != nil {
		s.log.Warn("ask for leases", slog.Any("err", err))
		return
	}
	s.leases = next
	var engines []string
	for _, e := range s.Engines {
		if s.inFlight[e] < maxInFlight {
			s.inFlight[e]++
			engines = append(engines, e)
		}
	}
	s.wg.Go(func() {
		if err := s.store.save(next.Memory()); err != nil {
			// G3: a sequence that is not durable is never sent.
			for _, e := range engines {
				s.tell(bg, event{engine: e, err: err})
			}
			return
		}
		for _, e := range engines {
			s.wg.Go(func() { s.tell(bg, s.request(bg, e, req, seen)) })
		}
	})
}

// request asks one engine and verifies what it says.
func (s *session) request(bg context.Context, engine string, req LeaseRequest, seen Seen) event {
	ctx, cancel := context.WithTimeout(bg, s.RequestTimeout)
	defer cancel()
	fail := func(err error) event {
		return event{engine: engine, err: fmt.Errorf("lease of %s: %w", engine, err)}
	}
	reply, err := s.deps.Leases.Request(ctx, engine, req)
	switch {
	case err != nil:
		return fail(err)
	case reply.Halt != nil:
		n := Notice{NoticeHalt, reply.Halt}
		if err := verify(ctx, s.deps.Checker, n); err != nil {
			return fail(err)
		}
		return event{engine: engine, notice: &n}
	}
	lease, checked, err := s.deps.Checker.CheckLease(ctx, reply.Lease, seen)
	if err != nil {
		return fail(err)
	}
	if lease.Engine != engine {
		return fail(fmt.Errorf("%w: signed by %s", ErrBinding, lease.Engine))
	}
	// Beside, so that a slow disk delays no lease.
	s.wg.Go(func() {
		if err := s.kept.add(reply.Lease); err != nil {
			s.warn("evidence")(err)
		}
	})
	return event{engine: engine, judge: &judged{lease, checked}}
}

// tell gives the loop an event unless the session is over.
func (s *session) tell(bg context.Context, e event) {
	select {
	case s.events <- e:
	case <-bg.Done():
	}
}

func (s *session) warn(what string) func(error) {
	return func(err error) { s.log.Warn(what, slog.Any("err", err)) }
}
