package audit

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/haltlog/haltlog/internal/client"
)

// again repeats a read that failed for want of an answer: a long audit does
// not end for one request that was too fast for the server.
func again[T any](ctx context.Context, read func() (T, error)) (T, error) {
	wait := firstWait
	for range maxTries - 1 {
		v, err := read()
		if !errors.Is(err, client.ErrUnavailable) {
			return v, err
		}
		if p, ok := errors.AsType[*client.ProblemError](err); ok {
			wait = max(wait, min(p.RetryAfter, longestWait))
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return v, context.Cause(ctx)
		}
		wait = min(2*wait, longestWait)
	}
	return read()
}

// bundles yields the entries from an index up to a size, bundle after bundle,
// while the next ones are on their way: judging does not wait for the network.
// After an error nothing more is yielded.
func bundles(ctx context.Context, src Source, from, size uint64) iter.Seq2[[][]byte, error] {
	return func(yield func([][]byte, error) bool) {
		type fetched struct {
			leaves [][]byte
			err    error
		}
		ctx, cancel := context.WithCancel(ctx)
		var wg sync.WaitGroup
		defer wg.Wait()
		defer cancel()
		ahead := make(chan chan fetched, maxAhead)
		wg.Go(func() {
			defer close(ahead)
			for n := from / tileWidth; n*tileWidth < size; n++ {
				one := make(chan fetched, 1)
				select {
				case ahead <- one:
				case <-ctx.Done():
					return
				}
				wg.Go(func() {
					leaves, err := bundle(ctx, src, n, size)
					one <- fetched{leaves, err}
				})
			}
		})
		skip := from % tileWidth
		for one := range ahead {
			f := <-one
			if f.err != nil {
				yield(nil, f.err)
				return
			}
			if !yield(f.leaves[skip:], nil) {
				return
			}
			skip = 0
		}
		if ctx.Err() != nil {
			yield(nil, context.Cause(ctx))
		}
	}
}
