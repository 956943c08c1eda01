package guardian

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/haltlog/haltlog/internal/client"
)

// sources are the addresses of one log. What one of them withholds or gets wrong, another may give.
type sources struct {
	clients []*client.Client
	token   string // of the evaluate route, for evaluators elsewhere

	mu   sync.Mutex
	good int // answered last
}

// first asks one address after the other, the one that answered last in front, until one gives what passes get's own
// checks.
func first[T any](ctx context.Context, s *sources, get func(context.Context, *client.Client) (T, error)) (T, error) {
	s.mu.Lock()
	from := s.good
	s.mu.Unlock()
	var errs []error
	for i := range s.clients {
		at := (from + i) % len(s.clients)
		c := s.clients[at]
		within, cancel := context.WithTimeout(ctx, readTimeout)
		v, err := get(within, c)
		cancel()
		if err == nil {
			s.mu.Lock()
			s.good = at
			s.mu.Unlock()
			return v, nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", c.URL(), err))
		if ctx.Err() != nil {
			break
		}
	}
	var none T
	return none, errors.Join(errs...)
}

// patiently repeats what fails only because a log does not answer, or has not published yet, until ctx ends.
func patiently[T any](ctx context.Context, get func(context.Context) (T, error)) (T, error) {
	for {
		v, err := get(ctx)
		if err == nil || !errors.Is(err, client.ErrUnavailable) {
			return v, err
		}
		select {
		case <-ctx.Done():
			return v, err
		case <-time.After(openPause):
		}
	}
}
