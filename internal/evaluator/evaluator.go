package evaluator

import (
	"context"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/evaluate"
	"github.com/haltlog/haltlog/log"
)

// Config are an evaluator's settings.
type Config struct {
	Origin    string
	Genesis   log.Hash // pinned hash of entry 0
	Quorum    []byte   // tlog-policy that checkpoints must satisfy
	Tokens    []evaluate.Token
	Anonymous uint64        // elements per period for clients without a token
	Period    time.Duration // of quotas and logged counts
	Every     time.Duration // how often the log is looked at; 0: a second
	State     string        // file of the newest checkpoint seen; empty: none is kept
}

// Deps are an evaluator's ports. All are required.
type Deps struct {
	Source   Source
	Submit   func(ctx context.Context, leaf []byte) (uint64, error)
	Signer   log.Signer // a key of role evaluator
	Shares   []Shares   // one of each key version
	Verifier log.Verifier
	Now      func() time.Time
	Logger   *slog.Logger
}

// Evaluator is one holder of shares.
type Evaluator struct {
	cfg     Config
	deps    Deps
	service *evaluate.Service
	watch   *watch
	holders map[uint64]int // index by key version
}

// New checks what it is given; nothing is read of the log yet.
func New(cfg Config, d Deps) (*Evaluator, error) {
	if d.Source == nil || d.Submit == nil || d.Signer == nil || len(d.Shares) == 0 || d.Verifier == nil || d.Now == nil || d.Logger == nil {
		return nil, errors.New("evaluator: a required dependency is missing")
	}
	if cfg.Every == 0 {
		cfg.Every = time.Second
	}
	q, err := checkpoint.ParseQuorum(cfg.Quorum)
	if err != nil {
		return nil, fmt.Errorf("quorum: %w", err)
	}
	if q.Rule() == checkpoint.None {
		return nil, errors.New("quorum: asks for no witness, so that nothing is ever witnessed")
	}
	e := &Evaluator{cfg: cfg, deps: d, holders: map[uint64]int{}}
	evaluators := map[uint64]*voprf.Evaluator{}
	for _, s := range d.Shares {
		if s.Labels == nil || evaluators[s.Version] != nil {
			return nil, fmt.Errorf("%w: key version %d twice or without a share", ErrShares, s.Version)
		}
		evaluators[s.Version] = voprf.NewShareEvaluator(s.Labels)
		e.holders[s.Version] = s.Labels.Index()
	}
	e.watch, err = newWatch(&watch{
		source: d.Source, genesis: cfg.Genesis, quorum: q, verifier: d.Verifier, counts: d.Signer.KeyID(), store: store{cfg.State}, logger: d.Logger,
	})
	if err != nil {
		return nil, err
	}
	e.service, err = evaluate.New(evaluate.Config{
		Origin: cfg.Origin, Tokens: cfg.Tokens, Anonymous: cfg.Anonymous, Period: cfg.Period,
	}, evaluate.Deps{
		Evaluators: evaluators, Signer: d.Signer, Submit: d.Submit, LastSequence: e.watch.last, Now: d.Now, Logger: d.Logger,
	})
	return e, err
}

// Handler serves the routes.
func (e *Evaluator) Handler() http.Handler { return e.handler() }

// Run follows the log and serves until the context ends or a part fails.
func (e *Evaluator) Run(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	server := &http.Server{
		Handler: e.handler(), ReadHeaderTimeout: headerTime, ReadTimeout: requestTime, WriteTimeout: requestTime,
		IdleTimeout: idleTime, MaxHeaderBytes: maxHeader, ErrorLog: stdlog.New(io.Discard, "", 0),
	}
	var wg sync.WaitGroup
	part := func(name string, run func() error) {
		wg.Go(func() {
			if err := run(); ctx.Err() == nil {
				cancel(fmt.Errorf("%s: %w", name, err))
			}
		})
	}
	part("log", func() error { return e.watch.run(ctx, e.cfg.Every) })
	part("counts", func() error { return e.service.Run(ctx) })
	part("listener", func() error { return server.Serve(l) })
	<-ctx.Done()
	cause := context.Cause(ctx)
	stop, done := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer done()
	if server.Shutdown(stop) != nil {
		_ = server.Close()
	}
	wg.Wait()
	if errors.Is(cause, context.Canceled) {
		return nil
	}
	return cause
}

// Open is this holder's part of the opening of one artefact, of a halted run alone
// (EV1). It looks at the log once more before it refuses for want of a halt.
func (e *Evaluator) Open(ctx context.Context, r api.EscrowRequest) (api.EscrowAnswer, error) {
	a, err := e.watch.openable(r)
	if errors.Is(err, ErrNoHalt) || errors.Is(err, ErrUnfollowed) {
		if ferr := e.watch.follow(ctx); ferr != nil {
			return api.EscrowAnswer{}, fmt.Errorf("%w: %w", ErrUnfollowed, ferr)
		}
		a, err = e.watch.openable(r)
	}
	if err != nil {
		return api.EscrowAnswer{}, err
	}
	c := blacklist.Context{Origin: e.cfg.Origin, Run: r.Run, Number: a.number, Root: blacklist.Hash(a.root)}
	for _, s := range e.deps.Shares {
		if s.Escrow == nil || s.Escrow.Index() != r.Holder {
			continue
		}
		public, ok := e.watch.escrowKey(s)
		if !ok {
			continue
		}
		for _, w := range a.wraps {
			if w.Suite != blacklist.SuiteThreshold || w.KeyID != blacklist.ThresholdKeyID(public) {
				continue
			}
			p, err := blacklist.Partial(s.Escrow, public, c, blacklist.Wrap{Suite: w.Suite, KeyID: w.KeyID, Bytes: w.Bytes})
			if err != nil {
				return api.EscrowAnswer{}, fmt.Errorf("%w: %w", ErrWrap, err)
			}
			return api.EscrowAnswer{Holder: p.Index, S: p.S[:], Proof: p.Proof[:]}, nil
		}
	}
	return api.EscrowAnswer{}, ErrWrap
}

// escrowKey is the shared escrow key of which a share is one, as the log names it.
func (w *watch) escrowKey(s Shares) ([]byte, bool) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	set, ok := w.machine.Ledger().EvaluatorSet(s.Version)
	if !ok || len(set.Escrow) == 0 {
		return nil, false
	}
	commitments := make([][]byte, len(set.Escrow))
	for i, c := range set.Escrow {
		commitments[i] = c
	}
	if s.Escrow.Verify(commitments) != nil {
		return nil, false
	}
	return commitments[0], true
}
