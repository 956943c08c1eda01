// Package app is the daemon's composition root: it reads what the configuration
// names, opens the parts in the order in which they may be trusted, joins them,
// and runs them until one fails or somebody says stop.
//
// What it adds to the parts is order alone. The journal is read before the log is
// opened, so that a log older than what was acted on is refused (L6); the log is
// folded to its end before anything is served; what the engine persisted is
// submitted before anything else is decided. A part that fails takes the daemon
// down: leases dry up, and every run stops (fail closed).
package app

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/admission"
	"github.com/haltlog/haltlog/internal/boltstore"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/config"
	"github.com/haltlog/haltlog/internal/engine"
	"github.com/haltlog/haltlog/internal/evaluate"
	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/follow"
	"github.com/haltlog/haltlog/internal/httpapi"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/lister"
	"github.com/haltlog/haltlog/internal/obs"
	"github.com/haltlog/haltlog/internal/projection"
	"github.com/haltlog/haltlog/internal/tesseralog"
	"github.com/haltlog/haltlog/log"
)

// stopTime is how long requests under way may take when the daemon stops.
const stopTime = 3 * time.Second

// idleFlush is how long the log may rest before the index is made durable as far
// as it is, so that a restart after a quiet night applies nothing again.
const idleFlush = time.Second

// Deps are what a daemon gets from its process.
type Deps struct {
	Logger *slog.Logger
	Now    func() time.Time
}

// Daemon is an open log with everything around it.
type Daemon struct {
	cfg     *config.Config
	deps    Deps
	files   *loaded
	metrics *obs.Metrics

	log       *tesseralog.Log
	verifier  *keys.Verifier
	warming   sync.WaitGroup // rings that are being prepared
	kv        *boltstore.KV
	index     *projection.Projection
	indexMu   sync.Mutex // over index.Apply and index.Flush
	follower  *follow.Follower
	admission *admission.Admission
	engine    *engine.Engine    // nil without its key
	lister    *lister.Lister    // nil without engine or escrow
	evaluate  *evaluate.Service // nil without evaluator key
	hub       *httpapi.Hub
	decisions *httpapi.Decisions
	runs      *httpapi.Runs
	quorums   *quorums
	server    *httpapi.Server

	caughtUp atomic.Bool
	inForce  *checkpoint.Quorum // that the publisher was told of; of the follower alone

	listener net.Listener
	metricsL net.Listener // nil if metrics are not served
}

// Open opens everything and binds the listeners, but serves nothing yet. Every
// error is one sentence that says what is wrong; nothing is left open then.
func Open(ctx context.Context, cfg *config.Config, deps Deps) (d *Daemon, err error) {
	d = &Daemon{cfg: cfg, deps: deps, metrics: obs.NewMetrics(), hub: httpapi.NewHub(), decisions: httpapi.NewDecisions(), runs: httpapi.NewRuns()}
	if d.files, err = load(cfg); err != nil {
		return nil, err
	}
	if d.quorums, err = newQuorums(cfg.Log.WitnessURL); err != nil {
		return nil, fmt.Errorf("%w: %w", config.ErrInvalid, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
			d = nil
		}
	}()
	// The port first: a daemon that cannot serve leaves the log alone.
	if d.listener, err = net.Listen("tcp", cfg.HTTP.Listen); err != nil {
		return d, fmt.Errorf("http.listen: %w", err)
	}
	if cfg.HTTP.Metrics != "" {
		if d.metricsL, err = net.Listen("tcp", cfg.HTTP.Metrics); err != nil {
			return d, fmt.Errorf("http.metrics: %w", err)
		}
	}
	if err = os.MkdirAll(d.files.state, 0o700); err != nil {
		return d, fmt.Errorf("log.state: %w", err)
	}
	var journal *engine.Dir
	if journal, err = engine.OpenDir(filepath.Join(d.files.state, "engine")); err != nil {
		return d, err
	}
	if err = d.openLog(ctx, journal); err != nil {
		return d, err
	}
	if err = d.openFold(ctx, journal); err != nil {
		return d, err
	}
	if err = d.openServices(); err != nil {
		return d, err
	}
	return d, nil
}

// openLog opens the store, and holds it against the journal and the genesis.
func (d *Daemon) openLog(ctx context.Context, journal engine.Journal) error {
	var expect []tesseralog.Head
	switch r, err := journal.Load(ctx); {
	case errors.Is(err, engine.ErrNoRecord):
	case err != nil:
		return err
	default:
		expect = append(expect, tesseralog.Head{Size: r.Size, Root: tesseralog.Hash(r.Root)})
	}
	var err error
	d.log, err = tesseralog.New(tesseralog.Config{
		Dir: d.files.store, Origin: d.files.parsed.Origin, Signers: []checkpoint.Signer{d.files.logKey},
		Quorum: d.quorums.get, Skew: time.Duration(d.files.parsed.SkewMS) * time.Millisecond,
		BatchSize: d.cfg.Log.BatchSize, BatchAge: d.cfg.Log.BatchAge,
		WitnessTimeout: d.cfg.Log.Timeout, Interval: d.cfg.Log.Interval, Refresh: d.cfg.Log.Refresh, Expect: expect,
	}, tesseralog.Deps{Logger: d.deps.Logger, Now: d.deps.Now})
	if err != nil {
		return err
	}
	if d.log.Size() == 0 {
		if _, err := d.log.Append(ctx, d.files.genesis); err != nil {
			return fmt.Errorf("append genesis: %w", err)
		}
	}
	for leaf, err := range d.log.Entries(ctx, 0, 1) {
		if err != nil {
			return err
		}
		if !bytes.Equal(leaf, d.files.genesis) {
			return fmt.Errorf("log.genesis: the log in %s begins with another genesis, %s", d.files.store, log.GenesisHash(leaf).Hex())
		}
	}
	return nil
}

// openFold joins follower, index, admission, engine and lister, and folds the log to its end.
func (d *Daemon) openFold(ctx context.Context, journal engine.Journal) error {
	var err error
	if d.kv, err = boltstore.OpenKV(filepath.Join(d.files.state, "index.db")); err != nil {
		return err
	}
	if d.index, err = projection.Open(d.kv, hex.EncodeToString(d.files.hash[:]), d.log.Size()); err != nil {
		return err
	}
	d.verifier = keys.NewVerifier()
	verifier := newOnce(d.verifier)
	d.follower = follow.New(follow.Config{Fold: fold.Config{GenesisHash: &d.files.hash}}, follow.Deps{
		Source: d.log, Fold: fold.Deps{Verifier: verifier}, Logger: d.deps.Logger, Sinks: []follow.Sink{d.hear},
	})
	if err := d.openAdmission(verifier); err != nil {
		return err
	}
	if d.files.engine != nil {
		d.engine, err = engine.New(ctx, engine.Config{}, engine.Deps{
			Follower: d.follower, Submit: submitter{d.admission}, Published: published{d.log}, Signer: d.files.engine,
			Journal: journal, Push: d.hub.Halt, Now: d.deps.Now, Logger: d.deps.Logger,
		})
		if err != nil {
			return err
		}
	}
	if d.files.engine != nil && (d.files.escrow != nil || len(d.files.parsed.Evaluators.Escrow) > 0) {
		d.lister, err = lister.New(lister.Config{}, lister.Deps{
			Follower: d.follower, Submit: submitter{d.admission}, Signer: d.files.engine, Escrow: d.files.escrow, Part: holderPart, Logger: d.deps.Logger,
		})
		if err != nil {
			return err
		}
	}
	if err := d.follower.CatchUp(ctx); err != nil {
		return err
	}
	d.follower.View(func(m *fold.Machine) {
		warmed := map[log.Hash]bool{}
		for _, id := range m.Ledger().Runs() {
			if r, ok := m.Ledger().Run(id); ok && !r.Ended() && !warmed[r.Group.Hash] {
				warmed[r.Group.Hash] = true
				d.warm(r.Group)
			}
		}
	})
	d.caughtUp.Store(true)
	return d.files.agree(d.present())
}

// present is who holds which key at the log's present size.
func (d *Daemon) present() authority {
	a := authority{source: "the log"}
	d.follower.View(func(m *fold.Machine) {
		l := m.Ledger()
		a.quorum, a.evaluators = l.Quorum(), l.Evaluators()
		for _, role := range []log.Role{log.RoleOfficer, log.RoleRegistrar, log.RoleEngine, log.RoleMonitor, log.RoleActuator, log.RoleEvaluator, log.RoleEscrow} {
			for _, k := range l.Keys(role) {
				a.keys = append(a.keys, log.KeyGrant{Role: role, Name: k.Name, SPKI: k.SPKI})
			}
		}
	})
	return a
}

func (d *Daemon) openAdmission(verifier log.Verifier) (err error) {
	var ledger *log.Ledger
	d.follower.View(func(m *fold.Machine) { ledger = m.Ledger() })
	d.admission, err = admission.New(admission.Config{
		MaxLag: uint64(d.cfg.Log.MaxLag), Workers: d.cfg.Admission.Workers, VoteWorkers: d.cfg.Admission.VoteWorkers,
		FastRate: float64(d.cfg.Admission.FastRate), BulkRate: float64(d.cfg.Admission.BulkRate),
	}, admission.Deps{
		Log: d.log, Judge: admission.NewLedgerJudge(d.follower.Reading(), ledger, verifier),
		Index: admission.ProjectionIndex{Projection: d.index},
		Lag:   func() (uint64, time.Duration) { l := d.log.Lag(); return l.Entries, l.Behind },
		AnchorPeriod: func() (p time.Duration) {
			d.follower.View(func(m *fold.Machine) { p = m.Ledger().Params().AnchorPeriod })
			return p
		},
		Voted: d.hub.Vote, Now: d.deps.Now, Logger: d.deps.Logger,
	})
	return err
}

// openServices makes what only answers.
func (d *Daemon) openServices() (err error) {
	if d.files.evaluator != nil {
		var version uint64
		d.follower.View(func(m *fold.Machine) { version = m.Ledger().Evaluators().Version })
		d.evaluate, err = evaluate.New(evaluate.Config{
			Origin: d.files.parsed.Origin, Tokens: d.files.tokens,
			Anonymous: uint64(d.cfg.Blacklist.Anonymous), Period: d.cfg.Blacklist.Period,
		}, evaluate.Deps{
			Evaluators: map[uint64]*voprf.Evaluator{version: voprf.NewEvaluator(d.files.evaluator)}, Signer: d.files.counts, Now: d.deps.Now, Logger: d.deps.Logger,
			Submit: submitter{d.admission}.Submit, LastSequence: d.lastCount,
		})
		if err != nil {
			return err
		}
	}
	d.gauges()
	d.server, err = httpapi.New(httpapi.Deps{
		Log: d.log, Submit: d.admission.Submit, Follower: d.follower, Index: d.index, Hub: d.hub, Decisions: d.decisions,
		Runs: d.runs, Engine: d.engine, Evaluate: d.evaluate, Metrics: d.metrics, Ready: d.ready, Now: d.deps.Now, Logger: d.deps.Logger,
	})
	return err
}

// RouteLogs sends what the tree's library logs by itself to the process's own
// logger. It changes the process's default loggers, so it is for main alone.
func RouteLogs(logger *slog.Logger) { tesseralog.RouteLogs(logger) }

// Address is where the public listener listens.
func (d *Daemon) Address() string { return d.listener.Addr().String() }

// GenesisHash is what verifiers pin.
func (d *Daemon) GenesisHash() string { return hex.EncodeToString(d.files.hash[:]) }

// Run serves until the context ends or a part fails, and closes everything. The
// error is nil only if the context ended and all was closed well.
func (d *Daemon) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	part := func(name string, run func(context.Context) error) {
		wg.Go(func() {
			if err := run(ctx); ctx.Err() == nil {
				cancel(fmt.Errorf("%s: %w", name, err))
			}
		})
	}
	part("follower", d.follower.Run)
	part("index", d.flushIdle)
	if d.engine != nil {
		part("engine", d.engine.Run)
	}
	if d.lister != nil {
		part("lister", d.lister.Run)
	}
	public := httpapi.HTTPServer(d.server.Handler())
	public.ReadTimeout, public.WriteTimeout = d.cfg.HTTP.Timeout, d.cfg.HTTP.Timeout
	part("listener", func(context.Context) error { return public.Serve(d.listener) })
	servers := []*http.Server{public}
	if d.metricsL != nil {
		m := httpapi.HTTPServer(d.metrics.Handler())
		m.ReadTimeout, m.WriteTimeout = d.cfg.HTTP.Timeout, d.cfg.HTTP.Timeout
		part("metrics", func(context.Context) error { return m.Serve(d.metricsL) })
		servers = append(servers, m)
	}
	// The count of evaluations is logged at the end: its part outlives the others by that.
	counted := make(chan struct{})
	go func() {
		defer close(counted)
		if d.evaluate != nil {
			_ = d.evaluate.Run(ctx) // ends with the context
		}
	}()
	<-ctx.Done()
	cause := context.Cause(ctx)
	<-counted
	stop, done := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer done()
	for _, s := range servers {
		if s.Shutdown(stop) != nil {
			_ = s.Close() // streams have no end of their own
		}
	}
	wg.Wait()
	err := d.close()
	if !errors.Is(cause, context.Canceled) {
		err = errors.Join(cause, err)
	}
	return err
}

// close ends what is open, in the reverse order.
func (d *Daemon) close() error {
	var errs []error
	for _, l := range []net.Listener{d.listener, d.metricsL} {
		if l != nil {
			if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
				errs = append(errs, err)
			}
		}
	}
	d.warming.Wait()
	if d.admission != nil {
		d.admission.Close()
	}
	if d.log != nil {
		ctx, cancel := context.WithTimeout(context.Background(), stopTime)
		defer cancel()
		errs = append(errs, d.log.Close(ctx))
	}
	switch {
	case d.index != nil:
		errs = append(errs, d.index.Close())
	case d.kv != nil:
		errs = append(errs, d.kv.Close())
	}
	return errors.Join(errs...)
}
