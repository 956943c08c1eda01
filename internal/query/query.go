package query

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/log"
)

// Errors of a query.
var (
	// ErrFew is too few evaluators that answered, and truly.
	ErrFew = errors.New("too few evaluators answered")
	// ErrLied is an evaluator's answer that is proven wrong, where too few others
	// are left.
	ErrLied = errors.New("an evaluator's answer is proven wrong")
)

// Source asks one evaluator; *client.Client is one. The signature is the value of
// evaluate.Header, "" where there is none. An error that wraps
// client.ErrUnavailable may be tried again, after the time that a
// *client.ProblemError names. It returns soon after its context ends.
type Source interface {
	EvaluateSigned(ctx context.Context, version uint64, request []byte) (answer []byte, signature string, err error)
}

// Config says who evaluates, and how much at a time. Zero values are defaults.
type Config struct {
	Origin string
	Set    log.EvaluatorSet // as the log names it: the newest of its key version
	// Before are older sets of the same key version. While a refreshed set waits for
	// its force, holders answer with the shares before: that is no lie.
	Before   []log.EvaluatorSet
	Batch    int           // fingerprints in a request, up to voprf.MaxBatch
	Parallel int           // batches in memory at once
	Slow     time.Duration // until another evaluator is asked beside those that have not answered
	Timeout  time.Duration // until an evaluator that does not answer counts as down
	Wait     time.Duration // longest wait for a quota, in all, for a batch and evaluator
}

// Deps are the ports.
type Deps struct {
	// Sources are the set's N evaluators, holder i at place i−1; nil for one that
	// cannot be asked.
	Sources []Source
	// Keys are the evaluators' signing keys by ID, as the log grants them: a lie
	// with its signature is evidence. May be nil.
	Keys map[string]log.KeyGrant
	// Verifier checks those signatures; nil where Keys is.
	Verifier log.Verifier
	// Lie is told of each answer that is proven wrong, by several goroutines; may
	// be nil. Its error ends the query.
	Lie func(Lie) error
	// Cache answers what was asked before; may be nil.
	Cache *Cache
}

// Client asks the evaluators of one key version. It is safe for concurrent use.
type Client struct {
	cfg    Config
	deps   Deps
	set    voprf.Set
	before []voprf.Set
	key    *voprf.PublicKey
	stored *Version // of the cache; may be nil

	mu     sync.Mutex
	health []health // by place
	asked  int      // elements that were sent to be evaluated
	live   int      // batches in memory
	most   int
}

// health is what is known of an evaluator.
type health struct {
	failed int // answers that it owes, in a row
	lied   bool
}

// New checks what it is given; nobody is asked yet.
func New(cfg Config, d Deps) (*Client, error) {
	set := SetOf(cfg.Set)
	key, err := set.Key()
	if err != nil {
		return nil, fmt.Errorf("evaluators of key version %d: %w", cfg.Set.Version, err)
	}
	if cfg.Batch == 0 {
		cfg.Batch = DefaultBatch
	}
	if cfg.Parallel == 0 {
		cfg.Parallel = DefaultParallel
	}
	if cfg.Slow == 0 {
		cfg.Slow = DefaultSlow
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.Wait == 0 {
		cfg.Wait = DefaultWait
	}
	var problems []error
	if cfg.Batch < 0 || cfg.Batch > voprf.MaxBatch {
		problems = append(problems, fmt.Errorf("query: batch: want 1 to %d", voprf.MaxBatch))
	}
	if cfg.Parallel < 0 || cfg.Parallel > MaxParallel {
		problems = append(problems, fmt.Errorf("query: parallel: want 1 to %d", MaxParallel))
	}
	if cfg.Slow < 0 || cfg.Wait < 0 || cfg.Timeout < 0 {
		problems = append(problems, errors.New("query: times below zero"))
	}
	if len(d.Sources) != set.N {
		problems = append(problems, fmt.Errorf("query: %d sources for %d evaluators", len(d.Sources), set.N))
	}
	if d.Keys != nil && d.Verifier == nil {
		problems = append(problems, errors.New("query: keys without a verifier"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg, deps: d, set: set, key: key, health: make([]health, set.N)}
	for _, b := range cfg.Before {
		if b.Version == cfg.Set.Version && bytes.Equal(b.PublicKey, cfg.Set.PublicKey) {
			c.before = append(c.before, SetOf(b))
		}
	}
	if d.Cache != nil {
		if c.stored, err = d.Cache.Version(cfg.Set.Version, cfg.Set.PublicKey); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// SetOf is the log's set of evaluators as the label function takes it.
func SetOf(e log.EvaluatorSet) voprf.Set {
	s := voprf.Set{Version: e.Version, PublicKey: e.PublicKey, T: e.T, N: e.N}
	for _, c := range e.Commitments {
		s.Commitments = append(s.Commitments, c)
	}
	return s
}

// Asked is how many elements were sent to be evaluated so far, each once, by
// however many evaluators.
func (c *Client) Asked() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked
}

// MostBatches is the largest number of batches that were in memory at once (QU3).
func (c *Client) MostBatches() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.most
}

// batch is one on its way.
type batch struct {
	labels []voprf.Label
	err    error
	done   chan struct{}
}

// Labels gives the label of each fingerprint input, in order (QU2). The inputs are
// read as they are needed, and not kept; they are not changed until their label came.
// The last pair may be an error: ErrFew, ErrLied, the cache's, the context's.
func (c *Client) Labels(ctx context.Context, inputs iter.Seq[[]byte]) iter.Seq2[voprf.Label, error] {
	return func(yield func(voprf.Label, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		next, stop := iter.Pull(inputs)
		var wg sync.WaitGroup
		defer func() { stop(); cancel(); wg.Wait() }()
		var flying []*batch
		for {
			for len(flying) < c.cfg.Parallel {
				xs := c.take(next)
				if len(xs) == 0 {
					break
				}
				b := &batch{done: make(chan struct{})}
				flying = append(flying, b)
				c.hold(1)
				wg.Go(func() {
					b.labels, b.err = c.batch(ctx, xs)
					close(b.done)
				})
			}
			if len(flying) == 0 {
				return
			}
			b := flying[0]
			flying = flying[1:]
			<-b.done
			ok := c.give(b, yield)
			c.hold(-1)
			if !ok {
				c.hold(-len(flying))
				return
			}
		}
	}
}

// give hands out a batch's labels; false at its error, or if no more are wanted.
func (c *Client) give(b *batch, yield func(voprf.Label, error) bool) bool {
	if b.err != nil {
		yield(voprf.Label{}, b.err)
		return false
	}
	for _, l := range b.labels {
		if !yield(l, nil) {
			return false
		}
	}
	return true
}

// All is Labels of a few fingerprints at once.
func (c *Client) All(ctx context.Context, inputs [][]byte) ([]voprf.Label, error) {
	out := make([]voprf.Label, 0, len(inputs))
	for l, err := range c.Labels(ctx, func(yield func([]byte) bool) {
		for _, x := range inputs {
			if !yield(x) {
				return
			}
		}
	}) {
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

func (c *Client) take(next func() ([]byte, bool)) [][]byte {
	var xs [][]byte
	for len(xs) < c.cfg.Batch {
		x, ok := next()
		if !ok {
			break
		}
		xs = append(xs, x)
	}
	return xs
}

func (c *Client) hold(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.live += n
	c.most = max(c.most, c.live)
}

// batch has the labels of up to Batch fingerprints: out of the cache, or asked.
func (c *Client) batch(ctx context.Context, xs [][]byte) ([]voprf.Label, error) {
	if c.stored == nil {
		return c.ask(ctx, xs)
	}
	labels := make([]voprf.Label, len(xs))
	var missing [][]byte
	var at []int
	for i, x := range xs {
		l, ok := c.stored.Get(x)
		if !ok {
			missing, at = append(missing, x), append(at, i)
		}
		labels[i] = l
	}
	if len(missing) == 0 {
		return labels, ctx.Err()
	}
	fresh, err := c.ask(ctx, missing)
	if err != nil {
		return nil, err
	}
	for i, l := range fresh {
		labels[at[i]] = l
		c.stored.Put(missing[i], l)
	}
	return labels, nil
}
