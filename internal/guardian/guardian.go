package guardian

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/guard"
	"github.com/haltlog/haltlog/log"
)

// ErrConfig is the family of configuration problems.
var ErrConfig = errors.New("guard settings")

// Address is where a log is served, and which engine grants leases there.
type Address struct {
	URL string
	// Engine is the engine's key id. It may be empty where the log has exactly one engine and one address is given.
	Engine string
}

// Config is everything that the operator says. All else comes from the log, verified.
type Config struct {
	Run     string
	Logs    []Address
	Quorum  []byte   // C2SP tlog-policy
	Genesis log.Hash // of entry 0
	// Granting is k of the engines; 0 takes the policy's engine quorum, at most all engines.
	Granting int
	// MaxLease and MaxAge bound a lease and the age of its checkpoint; 0 takes what the policy says that the run was
	// registered under. After a loosening the operator has to say so here.
	MaxLease, MaxAge time.Duration
	// Renew and Heartbeat are the pauses between requests and heartbeats; 0 is a third of the lease.
	Renew, Heartbeat time.Duration
	Token            string // bearer token of the evaluate route; empty is anonymous
	Base             []byte // labels of the declared base, see ParseLabels; nil without one
	// Guard is how the command is held. What the log says of a run is filled in.
	Guard guard.Config
}

// Deps is the outside world; Listener and Report may be nil, all else is required.
type Deps struct {
	Key      log.Signer // the guard's
	Verifier log.Verifier
	Clock    guard.Clock
	Logger   *slog.Logger
	HTTP     *http.Client // nil: one for each address
	Listener net.Listener // of the guard's own address
	Report   func(Event)  // called from many goroutines, one at a time
}

// Guardian is one run's guard, tied to its log.
type Guardian struct {
	config  Config
	deps    Deps
	trust   *trust
	sources *sources
	anchors *anchors
	run     *guarded
	checker *checker
	signer  *signer
	submit  *submitter
	changes uint64 // index from which authority statements were not looked at
	guard   *guard.Guard
}

// base is what every use of a guard's key needs: the addresses, and the log's identity.
func base(ctx context.Context, c Config, d Deps) (*Guardian, error) {
	var errs []error
	bad := func(format string, a ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{ErrConfig}, a...)...))
	}
	if d.Key == nil || d.Verifier == nil || d.Clock == nil || d.Logger == nil {
		bad("a required dependency is missing")
	}
	if c.Run == "" {
		bad("no run")
	}
	if len(c.Logs) == 0 || len(c.Logs) > maxSources {
		bad("1 to %d addresses, not %d", maxSources, len(c.Logs))
	}
	g := &Guardian{config: c, deps: d, sources: &sources{token: c.Token}}
	for _, a := range c.Logs {
		one, err := client.New(client.Config{URL: a.URL, HTTP: d.HTTP, Token: c.Token})
		if err != nil {
			bad("%w", err)
			continue
		}
		g.sources.clients = append(g.sources.clients, one)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if report := d.Report; report == nil {
		g.deps.Report = func(Event) {}
	} else {
		var mu sync.Mutex
		g.deps.Report = func(e Event) {
			mu.Lock()
			defer mu.Unlock()
			report(e.at(c.Run, stampOf(d.Clock)))
		}
	}
	var err error
	g.trust, err = patiently(ctx, func(ctx context.Context) (*trust, error) {
		return first(ctx, g.sources, func(ctx context.Context, one *client.Client) (*trust, error) {
			leaf, err := one.Genesis(ctx)
			if err != nil {
				return nil, err
			}
			return newTrust(leaf, c.Genesis, c.Quorum, d.Verifier)
		})
	})
	if err != nil {
		return nil, fmt.Errorf("know the log: %w", err)
	}
	g.signer = &signer{origin: g.trust.origin, run: c.Run, key: d.Key, clock: d.Clock, tell: g.deps.Report}
	g.submit = &submitter{sources: g.sources, signer: g.signer, clock: d.Clock, tell: g.deps.Report, waiting: map[log.Hash]time.Duration{}}
	return g, nil
}

// Open fetches what a guard has to know and verifies it. While the log does not answer, or has not published what is
// asked for, it tries again for some time.
func Open(ctx context.Context, c Config, d Deps) (*Guardian, error) {
	ctx, cancel := context.WithTimeout(ctx, openWait)
	defer cancel()
	g, err := base(ctx, c, d)
	if err != nil {
		return nil, err
	}
	if _, err := patiently(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, g.look(ctx) }); err != nil {
		return nil, fmt.Errorf("read authority: %w", err)
	}
	// A run that was registered a moment ago may not be answered for yet.
	young := d.Clock.Boot() + youngWait
	g.run, err = patiently(ctx, func(ctx context.Context) (*guarded, error) {
		run, err := first(ctx, g.sources, func(ctx context.Context, one *client.Client) (*guarded, error) {
			return loadRun(ctx, g.trust, one, c.Run, d.Key.KeyID())
		})
		if errors.Is(err, client.ErrNotFound) && d.Clock.Boot() < young {
			err = fmt.Errorf("%w: %w", client.ErrUnavailable, err)
		}
		return run, err
	})
	if err != nil {
		return nil, fmt.Errorf("know the run: %w", err)
	}
	g.anchors = newAnchors(g.trust, g.sources, d.Logger)
	if _, err := patiently(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, g.anchors.refresh(ctx) }); err != nil {
		return nil, fmt.Errorf("know log time: %w", err)
	}
	g.signer.anchors, g.submit.anchors = g.anchors, g.anchors
	g.checker = &checker{trust: g.trust, anchors: g.anchors, run: g.run, tell: g.deps.Report}
	return g, g.complete()
}

// complete makes the guard: the operator's settings and the log's.
func (g *Guardian) complete() error {
	named := make([]string, len(g.config.Logs))
	for i, a := range g.config.Logs {
		named[i] = a.Engine
	}
	engines, err := g.trust.engines(named)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	byKey := map[string]*client.Client{}
	for i, id := range engines {
		if byKey[id] != nil {
			return fmt.Errorf("%w: engine %s is named twice", ErrConfig, id)
		}
		byKey[id] = g.sources.clients[i]
	}
	doc := g.run.document
	lease := time.Duration(doc.Lease.DurationMS) * time.Millisecond
	longest := cmp.Or(g.config.MaxLease, lease)
	c := g.config.Guard
	c.Origin, c.Run, c.GuardKey = g.trust.origin, g.config.Run, g.deps.Key.KeyID()
	c.Engines = engines
	c.Quorum = cmp.Or(g.config.Granting, min(max(1, int(doc.Engine.Quorum)), len(engines)))
	c.MaxDuration = longest
	c.MaxAge = cmp.Or(g.config.MaxAge, time.Duration(doc.GuardMaxAgeMS)*time.Millisecond)
	c.Skew = time.Duration(g.trust.genesis.SkewMS) * time.Millisecond
	c.Renew = cmp.Or(g.config.Renew, lease/3)
	c.Heartbeat = cmp.Or(g.config.Heartbeat, lease/3)
	c.RequestTimeout = cmp.Or(c.RequestTimeout, min(lease/2, readTimeout))
	d := guard.Deps{
		Clock: g.deps.Clock, Checker: g.checker, Signer: g.signer, Submit: g.submit.submit, Logger: g.deps.Logger,
		Leases: &leaseClient{anchors: g.anchors, key: g.deps.Key, engines: byKey},
		Started: func(r guard.Running) {
			g.deps.Report(Event{Event: EventStarted, Mode: string(r.Mode), Strength: string(r.Strength), Pid: r.Pid, Reaper: r.Reaper})
		},
	}
	if c.Checkpoints != "" {
		e, err := newEscrower(g.trust, g.sources, g.run, g.deps.Key, g.config.Base)
		if err != nil {
			return err
		}
		if len(g.trust.evaluatorSet().Escrow) == 0 { // evaluators who open labels together need no other key
			if _, err := e.escrowKey(); err != nil {
				return err
			}
		}
		d.Artefact = e.artefact
	}
	if g.guard, err = guard.New(c, d); err != nil {
		return err
	}
	return nil
}

// Run holds the run until it is over, see guard.Guard.Run. Streams, anchors and the own address end with it.
func (g *Guardian) Run(ctx context.Context) (guard.Outcome, error) {
	bg, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { g.anchors.run(bg) })
	wg.Go(func() { g.watch(bg) })
	for _, c := range g.sources.clients {
		s := &stream{client: c, run: g.config.Run, notify: g.guard.Notify, logger: g.deps.Logger, silence: silence}
		wg.Go(func() { s.listen(bg, g.run.index) })
	}
	if g.deps.Listener != nil {
		d := newDoor(g.config.Run, g.guard.Notify, forward(g.sources))
		wg.Go(func() { d.serve(bg, g.deps.Listener) })
	}
	g.deps.Report(Event{Event: EventReady})
	out, err := g.guard.Run(ctx)
	over := Event{Event: EventOver, Cause: string(out.Cause), Mode: string(out.Mode), ExitCode: new(out.ExitCode()), Left: out.Undelivered}
	if err != nil {
		over.Error = err.Error()
	}
	g.deps.Report(over)
	return out, err
}

// look takes what officers changed since the last look, and whether the group was.
func (g *Guardian) look(ctx context.Context) error {
	next, err := first(ctx, g.sources, func(ctx context.Context, c *client.Client) (uint64, error) {
		return g.trust.changes(ctx, c, g.changes)
	})
	if err != nil {
		return err
	}
	g.changes = next
	if g.run == nil {
		return nil
	}
	yes, err := first(ctx, g.sources, func(ctx context.Context, c *client.Client) (bool, error) {
		return g.trust.succeeded(ctx, c, g.run.group)
	})
	if err == nil && yes {
		g.checker.changed.Store(true)
	}
	return err
}

func (g *Guardian) watch(ctx context.Context) {
	tick := time.NewTicker(authorityEvery)
	defer tick.Stop()
	for {
		if err := g.look(ctx); err != nil && ctx.Err() == nil {
			g.deps.Logger.Warn("read authority", slog.Any("err", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Deliver hands on what earlier guards of the run left behind, a reaper's records included, until nothing is left or ctx
// ends. It returns how many statements are left.
func Deliver(ctx context.Context, c Config, d Deps) (left int, err error) {
	g, err := base(ctx, c, d)
	if err != nil {
		return 0, err
	}
	gc := c.Guard
	gc.Origin, gc.Run = g.trust.origin, c.Run
	left, err = guard.Deliver(ctx, gc, guard.Deps{Signer: g.signer, Submit: g.submit.submit, Logger: d.Logger})
	g.deps.Report(Event{Event: EventOver, Left: left})
	return left, err
}
