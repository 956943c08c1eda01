package admission

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/haltlog/haltlog/log"
)

// A Log is where statements go. Append returns an index only when the leaf is
// durable; on any error the leaf may yet be in the log, at an index below the
// Size that is seen after it.
type Log interface {
	Append(ctx context.Context, leaf []byte) (index uint64, err error)
	Size() uint64
}

// A Judge says what the fold would say if the statement came next. It is safe
// for concurrent use. Errors are the log package's.
type Judge interface {
	// Admit judges a leaf whole, signatures included.
	Admit(leaf []byte) error
	// Screen makes the cheap refusals of a live vote: unknown or ended run,
	// wrong ring, expired.
	Screen(vote *log.Signed) error
	// VerifyVote verifies the ring signature of a vote that Screen let pass.
	VerifyVote(vote *log.Signed) error
}

// Seen is what an index knows of a statement's first entry.
type Seen struct {
	Index    uint64
	Validity log.Validity
	Reason   string
}

// An Index finds the first entry of an identity among the first Size entries of
// the log, also after a restart.
type Index interface {
	Lookup(identity log.Hash) (Seen, bool, error)
	Size() uint64
}

// Config are admission's bounds; 0 is the default.
type Config struct {
	// MaxLag and MaxBehind are how many entries may wait for publication, and
	// for how long, before the bulk lane stops (L7).
	MaxLag    uint64
	MaxBehind time.Duration
	// Workers verify in the bulk and in the fast lane, VoteWorkers live votes.
	// Default are as many as there are processors, and half of them.
	Workers, VoteWorkers int
	// FastRate and FastBurst, BulkRate and BulkBurst bound each verified key:
	// statements per second, and at once.
	FastRate, BulkRate   float64
	FastBurst, BulkBurst int
}

// Deps are admission's ways to the other parts. All are required.
type Deps struct {
	Log   Log
	Judge Judge
	Index Index
	// Lag is how many entries wait for publication, and for how long.
	Lag func() (entries uint64, behind time.Duration)
	// AnchorPeriod is genesis' anchor period, 0 before it.
	AnchorPeriod func() time.Duration
	// Voted, if set, hears of a live vote as soon as its ring verified, before
	// it is in the log: the run's guard stops first and is proven right after
	// (G2), since it verifies the vote itself and forwards it. It must not block.
	Voted  func(run string, leaf []byte)
	Now    func() time.Time
	Logger *slog.Logger
}

// An Admission takes statements. It is safe for concurrent use.
type Admission struct {
	cfg  Config
	deps Deps

	fast, bulk lane
	votes      *pool
	anchors    window

	// mustSee is the size that the index must have reached before anything is
	// taken: what may hold an identity that it does not know yet.
	mustSee atomic.Uint64

	mu     sync.Mutex
	flying map[[32]byte]*flight // by the SHA-256 of exact bytes
	claims map[log.Hash]*flight // verified and being appended, by identity
	recent map[log.Hash]uint64  // appended, and not in the index yet

	carried sync.WaitGroup // live votes that go on without their client
}

// A lane is a way of its own through verification and into the log.
type lane struct {
	pool      *pool
	rates     *rates
	inside    chan struct{} // places for all that is between verification and the log
	appending chan struct{} // places in the log's next batch
}

// A flight is a statement under way; its fields are set before done is closed.
type flight struct {
	done    chan struct{}
	receipt Receipt
	err     error
}

// A Receipt says where a statement is.
type Receipt struct {
	Index    uint64
	Identity log.Hash
	// First is true if this submission brought it there (201), false if it was
	// there before (200).
	First bool
	// Validity and Reason are the fold's verdict, if it was there before and
	// has been folded.
	Validity log.Validity
	Reason   string
}

// New makes an admission and starts its workers.
func New(cfg Config, deps Deps) (*Admission, error) {
	if deps.Log == nil || deps.Judge == nil || deps.Index == nil || deps.Lag == nil || deps.AnchorPeriod == nil || deps.Now == nil || deps.Logger == nil {
		return nil, errors.New("admission: all dependencies are required")
	}
	procs := runtime.GOMAXPROCS(0)
	def(&cfg.MaxLag, defaultMaxLag)
	def(&cfg.MaxBehind, defaultMaxBehind)
	def(&cfg.Workers, procs)
	def(&cfg.VoteWorkers, max(1, procs/2))
	def(&cfg.FastRate, rateFast)
	def(&cfg.FastBurst, burstFast)
	def(&cfg.BulkRate, rateBulk)
	def(&cfg.BulkBurst, burstBulk)
	if cfg.MaxBehind < 0 || cfg.Workers < 0 || cfg.VoteWorkers < 0 || cfg.FastRate < 0 || cfg.BulkRate < 0 || cfg.FastBurst < 0 || cfg.BulkBurst < 0 {
		return nil, errors.New("admission: a bound is below 0")
	}
	a := &Admission{
		cfg: cfg, deps: deps,
		fast: lane{
			pool: newPool(maxWaitingFast, perKeyFast, cfg.Workers), rates: newRates(cfg.FastRate, cfg.FastBurst),
			inside: make(chan struct{}, maxInsideFast), appending: make(chan struct{}, maxAppendingFast),
		},
		bulk: lane{
			pool: newPool(maxWaitingBulk, perKeyBulk, cfg.Workers), rates: newRates(cfg.BulkRate, cfg.BulkBurst),
			inside: make(chan struct{}, maxInsideBulk), appending: make(chan struct{}, maxAppendingBulk),
		},
		votes:  newPool(maxWaitingVotes, perRun, cfg.VoteWorkers),
		flying: map[[32]byte]*flight{},
		claims: map[log.Hash]*flight{},
		recent: map[log.Hash]uint64{},
	}
	// What a former process took must be known before anything is a first.
	a.mustSee.Store(deps.Log.Size())
	return a, nil
}

func def[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Close lets what is under way finish, and ends the workers. What is submitted
// after it is refused.
func (a *Admission) Close() {
	a.carried.Wait()
	for _, p := range []*pool{a.votes, a.fast.pool, a.bulk.pool} {
		p.close()
	}
}

// Submit takes a leaf, and returns when it is durable or refused.
func (a *Admission) Submit(ctx context.Context, leaf []byte) (Receipt, error) {
	s, err := log.Parse(leaf)
	if err != nil {
		return Receipt{}, refuse(ErrMalformed, 0, err)
	}
	key := sha256.Sum256(leaf)
	for {
		// Before any signature is looked at: what is in the log needs none.
		if r, ok, err := a.known(s.Identity); ok || err != nil {
			return r, err
		}
		f, mine := a.board(key)
		if !mine {
			// The same bytes are under way: one verification, one append.
			select {
			case <-f.done:
			case <-ctx.Done():
				return Receipt{}, ctx.Err()
			}
			if errors.Is(f.err, context.Canceled) || errors.Is(f.err, context.DeadlineExceeded) {
				if ctx.Err() == nil {
					continue // it was the other one who gave up
				}
			}
			r := f.receipt
			r.First = false
			return r, f.err
		}
		if s.Kind() != log.KindLiveVote {
			a.land(key, f, func() (Receipt, error) { return a.take(ctx, s) })
			return f.receipt, f.err
		}
		a.carried.Go(func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), voteTime)
			defer cancel()
			a.land(key, f, func() (Receipt, error) { return a.take(ctx, s) })
		})
		select {
		case <-f.done:
			return f.receipt, f.err
		case <-ctx.Done():
			return Receipt{}, ctx.Err()
		}
	}
}

func (a *Admission) board(key [32]byte) (f *flight, mine bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if f, ok := a.flying[key]; ok {
		return f, false
	}
	f = &flight{done: make(chan struct{})}
	a.flying[key] = f
	return f, true
}

func (a *Admission) land(key [32]byte, f *flight, take func() (Receipt, error)) {
	f.receipt, f.err = take()
	a.mu.Lock()
	delete(a.flying, key)
	a.mu.Unlock()
	close(f.done)
}

// known looks for an identity among what is in the log. recent is read first:
// an identity leaves it only after the index took it over.
func (a *Admission) known(identity log.Hash) (Receipt, bool, error) {
	a.mu.Lock()
	index, ok := a.recent[identity]
	a.mu.Unlock()
	seen, indexed, err := a.deps.Index.Lookup(identity)
	if err != nil {
		return Receipt{}, false, refuse(ErrUnavailable, retryLater, err)
	}
	if indexed {
		return Receipt{Index: seen.Index, Identity: identity, Validity: seen.Validity, Reason: seen.Reason}, true, nil
	}
	return Receipt{Index: index, Identity: identity}, ok, nil
}

// take verifies a statement and appends it.
func (a *Admission) take(ctx context.Context, s *log.Signed) (Receipt, error) {
	if have, want := a.deps.Index.Size(), a.mustSee.Load(); have < want {
		return Receipt{}, refuse(ErrUnavailable, retrySoon, fmt.Errorf("%d of %d entries are indexed yet", have, want))
	}
	l := &a.fast
	if log.LaneOf(s.Statement) != log.LaneFast {
		l = &a.bulk
		if err := a.checkLag(); err != nil {
			return Receipt{}, err
		}
	}
	if err := a.verify(ctx, l, s); err != nil {
		return Receipt{}, err
	}
	// Charged only now: what is forged in a key's name costs the key nothing.
	if key := s.Signer(); key != "" {
		if wait := l.rates.take(key, a.deps.Now()); wait > 0 {
			return Receipt{}, refuse(ErrTooFast, wait, fmt.Errorf("key %s", key))
		}
	}
	select {
	case l.inside <- struct{}{}:
		defer func() { <-l.inside }()
	default:
		return Receipt{}, refuse(ErrTooFast, retrySoon, errors.New("too many wait for the log"))
	}
	return a.claim(ctx, l, s)
}

// checkLag is L7.
func (a *Admission) checkLag() error {
	entries, behind := a.deps.Lag()
	if entries <= a.cfg.MaxLag && behind <= a.cfg.MaxBehind {
		return nil
	}
	return refuse(ErrUnavailable, retryLater, fmt.Errorf("%d entries wait for their checkpoint, since %v", entries, behind.Round(time.Millisecond)))
}

// verify waits for a worker of the lane, or of the live votes.
func (a *Admission) verify(ctx context.Context, l *lane, s *log.Signed) error {
	p, name, check := l.pool, s.Signer(), func() error { return a.deps.Judge.Admit(s.Leaf) }
	if v, ok := s.Statement.(*log.LiveVote); ok {
		// Cheap refusals before the queue: they need no worker.
		if err := a.deps.Judge.Screen(s); err != nil {
			return classify(err)
		}
		p, name, check = a.votes, v.Run, func() error { return a.deps.Judge.VerifyVote(s) }
	}
	full, err := p.do(ctx, name, check)
	if full {
		return refuse(ErrTooFast, retrySoon, errors.New("too many wait to be verified"))
	}
	if err != nil && ctx.Err() != nil {
		return err
	}
	if v, ok := s.Statement.(*log.LiveVote); ok && err == nil && a.deps.Voted != nil {
		a.deps.Voted(v.Run, s.Leaf)
	}
	return classify(err)
}

// claim takes the identity, for a verified statement alone, and appends. Of
// several that claim it at the same time one appends, and the others share what
// came of it.
func (a *Admission) claim(ctx context.Context, l *lane, s *log.Signed) (Receipt, error) {
	for {
		// Asked before the claims are looked at: who claimed it and is done has
		// left it in recent.
		a.mu.Lock()
		f, taken := a.claims[s.Identity]
		index, done := a.recent[s.Identity]
		if !taken && !done {
			f = &flight{done: make(chan struct{})}
			a.claims[s.Identity] = f
		}
		a.mu.Unlock()
		switch {
		case done:
			return Receipt{Index: index, Identity: s.Identity}, nil
		case !taken:
			f.receipt, f.err = a.append(ctx, l, s)
			a.mu.Lock()
			delete(a.claims, s.Identity)
			a.mu.Unlock()
			close(f.done)
			return f.receipt, f.err
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return Receipt{}, ctx.Err()
		}
		if f.err == nil {
			r := f.receipt
			r.First = false
			return r, nil
		}
		if _, ok := errors.AsType[*Refusal](f.err); ok {
			return Receipt{}, f.err
		}
	}
}

// append puts a verified statement into the log.
func (a *Admission) append(ctx context.Context, l *lane, s *log.Signed) (Receipt, error) {
	// The identity may have come into the index since it was asked first: its
	// entry leaves recent only after that.
	if r, ok, err := a.known(s.Identity); ok || err != nil {
		return r, err
	}
	back := func() {}
	if s.Kind() == log.KindAnchor {
		wait, give := a.anchors.take(a.deps.Now(), a.deps.AnchorPeriod())
		if wait > 0 {
			return Receipt{}, refuse(ErrTooFast, wait, errors.New("anchors of this period are in the log"))
		}
		back = give
	}
	select {
	case l.appending <- struct{}{}:
		defer func() { <-l.appending }()
	case <-ctx.Done():
		back()
		return Receipt{}, ctx.Err()
	}
	if !a.room() {
		back()
		return Receipt{}, refuse(ErrUnavailable, retrySoon, errors.New("the index is behind the log"))
	}
	// From here on the client's going does not matter: the outcome would only
	// be unknown.
	index, err := a.deps.Log.Append(context.WithoutCancel(ctx), s.Leaf)
	if err != nil {
		back()
		// It may be in the log all the same: before it is taken again, the
		// index must have seen all that may hold it.
		a.see(a.deps.Log.Size())
		a.deps.Logger.Error("append statement", "err", err, "kind", s.Kind())
		return Receipt{}, &Refusal{Kind: ErrUnavailable, RetryAfter: retryLater, Uncertain: true, Err: err}
	}
	a.mu.Lock()
	a.recent[s.Identity] = index
	a.mu.Unlock()
	return Receipt{Index: index, Identity: s.Identity, First: true}, nil
}

func (a *Admission) see(size uint64) {
	for {
		have := a.mustSee.Load()
		if have >= size || a.mustSee.CompareAndSwap(have, size) {
			return
		}
	}
}

// room forgets what the index has taken over, and reports whether there is room
// for more.
func (a *Admission) room() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.recent) < maxRecent/64 {
		return true
	}
	size := a.deps.Index.Size()
	for id, index := range a.recent {
		if index < size {
			delete(a.recent, id)
		}
	}
	return len(a.recent) < maxRecent
}
