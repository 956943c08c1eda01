package clearing

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/log"
)

// ErrEvaluators is a key version that too few evaluators answered for.
var ErrEvaluators = errors.New("too few evaluators answered well")

// Asker has a query answered. The answers are as many as the threshold, each good.
type Asker interface {
	Ask(ctx context.Context, set log.EvaluatorSet, q *voprf.Query) ([]blacklist.Label, []Answer, error)
}

// Network asks evaluators over HTTP: each holder at its address as the log names
// it, and one alone that names none at the log's own.
type Network struct {
	Log   *client.Client // may be nil, if every holder has an address
	Token string
}

// Ask asks several holders at once, each again where it fails, and takes the first
// that answer well.
func (n *Network) Ask(ctx context.Context, e log.EvaluatorSet, q *voprf.Query) ([]blacklist.Label, []Answer, error) {
	type answer struct {
		holder    int
		responses [][]byte
		err       error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	got := make(chan answer, e.N)
	places := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for i := range e.N {
		wg.Go(func() {
			select {
			case places <- struct{}{}:
				defer func() { <-places }()
			case <-ctx.Done():
				return
			}
			responses, err := n.one(ctx, e, i+1, q)
			got <- answer{i + 1, responses, err}
		})
	}
	set := setOf(e)
	good := map[int][][]byte{}
	var troubles []error
	for range e.N {
		var a answer
		select {
		case a = <-got:
		case <-ctx.Done():
			return nil, nil, context.Cause(ctx)
		}
		if a.err != nil {
			troubles = append(troubles, fmt.Errorf("evaluator %d: %w", a.holder, a.err))
			continue
		}
		good[a.holder] = a.responses
		if len(good) < e.T {
			continue
		}
		labels, lies, err := q.Combine(set, good)
		for _, lie := range lies {
			troubles = append(troubles, lie)
			delete(good, lie.Index)
		}
		if err == nil {
			var answers []Answer
			for _, i := range slices.Sorted(maps.Keys(good)) {
				answers = append(answers, Answer{i, good[i]})
			}
			return labels, answers[:e.T], nil
		}
		if !errors.Is(err, voprf.ErrFewAnswers) {
			return nil, nil, err
		}
	}
	return nil, nil, fmt.Errorf("%w: %d of %d, %d are needed: %w", ErrEvaluators, len(good), e.N, e.T, errors.Join(troubles...))
}

// one asks one holder, and again after a pause.
func (n *Network) one(ctx context.Context, e log.EvaluatorSet, holder int, q *voprf.Query) (out [][]byte, err error) {
	c := n.Log
	if holder <= len(e.Holders) && e.Holders[holder-1].Address != "" {
		if c, err = client.New(client.Config{URL: e.Holders[holder-1].Address, Token: n.Token}); err != nil {
			return nil, err
		}
	} else if e.N > 1 || c == nil {
		return nil, errors.New("the log names no address")
	}
	for _, request := range q.Requests() {
		for try := 1; ; try++ {
			b, err := c.Evaluate(ctx, e.Version, request)
			if err == nil {
				out = append(out, b)
				break
			}
			if p, refused := errors.AsType[*client.ProblemError](err); try == maxTries || ctx.Err() != nil || refused && p.Status < 500 {
				return nil, err
			}
			select {
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			case <-time.After(time.Duration(try) * retryPause):
			}
		}
	}
	return out, nil
}
