package listsync

import (
	"context"
	"sync"
)

// Gather fetches distinct objects, several at a time: between continents a request
// takes a fifth of a second however small its answer is. The first error ends it, once
// what is under way has ended.
func Gather(ctx context.Context, hashes [][32]byte, fetch func(ctx context.Context, hash [32]byte) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan [32]byte)
	var wg sync.WaitGroup
	for range min(atOnce, len(hashes)) {
		wg.Go(func() {
			for h := range next {
				if err := fetch(ctx, h); err != nil {
					cancel(err)
				}
			}
		})
	}
	seen := make(map[[32]byte]bool, len(hashes))
	for _, h := range hashes {
		if seen[h] {
			continue
		}
		seen[h] = true
		select {
		case next <- h:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
	}
	close(next)
	wg.Wait()
	return context.Cause(ctx)
}
