package query

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/client"
)

// turn is an evaluator whose turn comes, for one batch.
type turn struct {
	place  int
	tries  int           // before
	delay  time.Duration // before it is asked
	waited time.Duration // for its quota, so far
}

// errNoAnswer is an evaluator that took too long.
var errNoAnswer = errors.New("no answer in time")

// errEmpty is an answer without content: nothing that could be proven wrong.
var errEmpty = errors.New("empty answer")

// reply is what came of a turn.
type reply struct {
	turn
	answer    []byte
	signature string
	err       error
}

// round asks evaluators about one batch until t of them answered well (QU4).
type round struct {
	c       *Client
	query   *voprf.Query
	request []byte
	waiting []turn // not asked yet, in order
	under   int    // asked, and not answered
	answers map[int][][]byte
	older   []map[int][][]byte // answers that hold under a set before, by set
	signed  map[int]string
	trouble []error
	lied    bool
	replies chan reply
}

func (c *Client) ask(ctx context.Context, xs [][]byte) ([]voprf.Label, error) {
	q, err := voprf.NewQuery(c.key, xs)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.asked += len(xs)
	c.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer func() { cancel(); wg.Wait() }()
	r := &round{
		c: c, query: q, request: q.Requests()[0], waiting: c.order(),
		answers: map[int][][]byte{}, older: make([]map[int][][]byte, len(c.before)), signed: map[int]string{}, replies: make(chan reply, c.set.N),
	}
	slow := time.NewTimer(c.cfg.Slow)
	defer slow.Stop()
	for range c.set.T {
		r.start(ctx, &wg)
	}
	for r.under > 0 {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-slow.C:
			r.start(ctx, &wg)
			slow.Reset(c.cfg.Slow)
		case got := <-r.replies:
			r.under--
			labels, err := r.took(got)
			if labels != nil || err != nil {
				return labels, err
			}
			for r.under < r.missing() && r.start(ctx, &wg) {
			}
		}
	}
	err = fmt.Errorf("%w: %d of %d, %d are needed", ErrFew, len(r.answers), c.set.N, c.set.T)
	if r.lied {
		err = fmt.Errorf("%w: %w", ErrLied, err)
	}
	return nil, errors.Join(append([]error{err}, r.trouble...)...)
}

// order is who is asked, the most reliable first; who lied is not among them.
func (c *Client) order() []turn {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []turn
	for i, h := range c.health {
		if c.deps.Sources[i] != nil && !h.lied {
			out = append(out, turn{place: i})
		}
	}
	slices.SortStableFunc(out, func(a, b turn) int { return cmp.Compare(c.health[a.place].failed, c.health[b.place].failed) })
	return out
}

// start asks the next evaluator, if there is one.
func (r *round) start(ctx context.Context, wg *sync.WaitGroup) bool {
	if len(r.waiting) == 0 {
		return false
	}
	t := r.waiting[0]
	r.waiting = r.waiting[1:]
	r.under++
	wg.Go(func() {
		got := reply{turn: t}
		if got.err = rest(ctx, t.delay); got.err == nil {
			within, cancel := context.WithTimeoutCause(ctx, r.c.cfg.Timeout, errNoAnswer)
			got.answer, got.signature, got.err = r.c.deps.Sources[t.place].EvaluateSigned(within, r.c.set.Version, r.request)
			if got.err != nil && context.Cause(within) == errNoAnswer {
				got.err = errNoAnswer
			}
			cancel()
		}
		r.replies <- got // as many at once as there are evaluators, and there is room for them
	})
	return true
}

// took takes an answer; there are labels once enough of them are good.
func (r *round) took(got reply) ([]voprf.Label, error) {
	if got.err == nil && len(got.answer) == 0 {
		got.err = errEmpty
	}
	if got.err != nil {
		r.failed(got)
		return nil, nil
	}
	r.c.note(got.place, func(h *health) { h.failed = 0 })
	r.answers[got.place+1], r.signed[got.place+1] = [][]byte{got.answer}, got.signature
	if len(r.answers) < r.c.set.T {
		return nil, nil
	}
	labels, lies, err := r.query.Combine(r.c.set, r.answers)
	for _, m := range lies {
		if labels, ok := r.earlier(m); ok {
			if labels != nil {
				return labels, nil
			}
			continue
		}
		r.lied = true
		delete(r.answers, m.Index)
		r.c.note(m.Index-1, func(h *health) { h.lied = true })
		lie := r.c.lie(m, r.signed[m.Index])
		r.trouble = append(r.trouble, fmt.Errorf("evaluator %s: %w", lie.Name, m))
		if r.c.deps.Lie != nil {
			if err := r.c.deps.Lie(lie); err != nil {
				return nil, err
			}
		}
	}
	if errors.Is(err, voprf.ErrFewAnswers) {
		return nil, nil
	}
	return labels, err
}

// missing is how many answers are wanted yet, under whichever set has the most.
func (r *round) missing() int {
	most := len(r.answers)
	for _, o := range r.older {
		most = max(most, len(o))
	}
	return r.c.set.T - most
}

// earlier takes an answer that is wrong under the newest set and right under one before
// it; there are labels once enough holders answer so.
func (r *round) earlier(m *voprf.Misanswer) (labels []voprf.Label, ok bool) {
	for i, set := range r.c.before {
		if !errors.Is(m.Verify(set), voprf.ErrRight) {
			continue // wrong here too
		}
		if r.older[i] == nil {
			r.older[i] = map[int][][]byte{}
		}
		r.older[i][m.Index] = r.answers[m.Index]
		delete(r.answers, m.Index)
		if len(r.older[i]) >= set.T {
			if labels, _, err := r.query.Combine(set, r.older[i]); err == nil {
				return labels, true
			}
		}
		return nil, true
	}
	return nil, false
}

// failed puts an evaluator that may yet answer behind the others.
func (r *round) failed(got reply) {
	r.c.note(got.place, func(h *health) { h.failed++ })
	again := got.turn
	p, named := errors.AsType[*client.ProblemError](got.err)
	switch {
	case !errors.Is(got.err, client.ErrUnavailable):
		r.trouble = append(r.trouble, fmt.Errorf("evaluator %s: %w", r.c.name(got.place), got.err))
		return
	case named && p.RetryAfter > 0:
		again.delay = p.RetryAfter
		again.waited += p.RetryAfter
		if again.waited > r.c.cfg.Wait {
			r.trouble = append(r.trouble, fmt.Errorf("evaluator %s: again in %v, which is not waited for: %w", r.c.name(got.place), p.RetryAfter, got.err))
			return
		}
	default:
		again.delay = pause << again.tries
		if again.tries++; again.tries == attempts {
			r.trouble = append(r.trouble, fmt.Errorf("evaluator %s: %w", r.c.name(got.place), got.err))
			return
		}
	}
	r.waiting = append(r.waiting, again)
}

func (c *Client) note(place int, f func(*health)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.health[place])
}

// name is a holder's, for people.
func (c *Client) name(place int) string {
	if place < len(c.cfg.Set.Holders) {
		return c.cfg.Set.Holders[place].Name
	}
	return fmt.Sprint(place + 1)
}

func rest(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
