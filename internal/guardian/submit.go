package guardian

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/guard"
	"github.com/haltlog/haltlog/log"
)

// submitter hands statements to the log.
type submitter struct {
	sources *sources
	signer  *signer
	anchors *anchors // nil when only receipts are delivered
	clock   guard.Clock
	tell    func(Event)

	mu      sync.Mutex
	waiting map[log.Hash]time.Duration // receipts whose halt the log does not know, since when on the boot clock
}

// submit is the guard's Submit. A refusal is final only if every address that answered refused for a reason that time
// does not heal, and none failed to answer.
func (s *submitter) submit(ctx context.Context, leaf []byte) error {
	p, err := log.Parse(leaf)
	if err != nil {
		return fmt.Errorf("%w: %w", guard.ErrRefused, err)
	}
	accepted, err := s.send(ctx, leaf)
	if st, ok := p.Statement.(*log.Actuation); ok && st.Halt != nil && unknown(err) {
		// The halt was pushed here before it was logged: it comes. If it never does, the receipt must not wait for ever.
		if !s.waited(p.Identity) {
			return fmt.Errorf("the log does not know the halt yet: %w", client.ErrUnavailable)
		}
		again, sealErr := s.signer.withoutHalt(leaf)
		if sealErr != nil {
			return sealErr
		}
		accepted, err = s.send(ctx, again)
	}
	switch {
	case err == nil:
		s.tell(Event{Event: EventLogged, Kind: string(p.Kind()), Identity: accepted.Identity.String(), Index: &accepted.Index})
		return nil
	case final(err):
		if s.anchors != nil {
			s.anchors.nudge()
		}
		s.tell(Event{Event: EventRefused, Kind: string(p.Kind()), Error: err.Error()})
		return fmt.Errorf("%w: %w", guard.ErrRefused, err)
	}
	return err
}

func (s *submitter) send(ctx context.Context, leaf []byte) (api.Accepted, error) {
	return first(ctx, s.sources, func(ctx context.Context, c *client.Client) (api.Accepted, error) { return c.Submit(ctx, leaf) })
}

// waited says whether a receipt's halt is unknown to the log for too long already.
func (s *submitter) waited(id log.Hash) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Boot()
	since, ok := s.waiting[id]
	if !ok {
		s.waiting[id] = now
		return false
	}
	return now-since > haltPatience
}

// problems are the explained refusals within an error; other is set if it holds anything else.
func problems(err error) (list []*client.ProblemError, other bool) {
	if err == nil {
		return nil, false
	}
	if p, ok := err.(*client.ProblemError); ok { //nolint:errorlint // walked by hand, to see every branch
		return []*client.ProblemError{p}, false
	}
	switch x := err.(type) { //nolint:errorlint // as above
	case interface{ Unwrap() []error }:
		for _, e := range x.Unwrap() {
			l, o := problems(e)
			list, other = append(list, l...), other || o
		}
		return list, other
	case interface{ Unwrap() error }:
		return problems(x.Unwrap())
	}
	return nil, true
}

// final says whether sending the same bytes again is of no use.
func final(err error) bool {
	list, other := problems(err)
	return len(list) > 0 && !other && !slices.ContainsFunc(list, func(p *client.ProblemError) bool {
		switch p.Status {
		case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusRequestEntityTooLarge:
			// What explains itself otherwise stands between here and the log, and may be gone tomorrow.
			return !strings.HasPrefix(p.Type, api.ProblemBase)
		}
		return true
	})
}

// unknown says whether the log refused because it does not hold what a statement names.
func unknown(err error) bool {
	list, _ := problems(err)
	return final(err) && slices.ContainsFunc(list, func(p *client.ProblemError) bool { return errors.Is(p, client.ErrNotFound) })
}
