package query_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/query"
	"github.com/haltlog/haltlog/log"
)

// mute accepts a request, and never answers.
type mute struct{ asked chan struct{} }

func (m mute) EvaluateSigned(ctx context.Context, _ uint64, _ []byte) ([]byte, string, error) {
	select {
	case m.asked <- struct{}{}:
	default:
	}
	<-ctx.Done()
	return nil, "", ctx.Err()
}

// busy has no quota left for a while.
type busy struct {
	holder
	until time.Time
	after time.Duration
}

func (b busy) EvaluateSigned(ctx context.Context, v uint64, request []byte) ([]byte, string, error) {
	if time.Now().Before(b.until) {
		return nil, "", &client.ProblemError{Problem: api.Problem{Status: 429}, RetryAfter: b.after}
	}
	return b.holder.EvaluateSigned(ctx, v, request)
}

func ask(t *testing.T, cfg query.Config, sources ...query.Source) ([]voprf.Label, time.Duration, error) {
	t.Helper()
	c, err := query.New(cfg, query.Deps{Sources: sources, Lie: func(l query.Lie) error { t.Errorf("%s is said to lie", l.Name); return nil }})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	labels, err := c.All(t.Context(), inputs(3))
	return labels, time.Since(began), err
}

// TestSlow: beside an evaluator that does not answer another one is asked; where there is
// no other, it counts as down after its time, and nobody waits for ever. All times are of
// the bubble's clock.
func TestSlow(t *testing.T) {
	t.Attr("invariant", "QU4")
	key := voprf.GenerateKey()
	set, hs := shared(t, key)
	want, err := key.Label(inputs(1)[0])
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		labels, took, err := ask(t, query.Config{Set: set}, mute{}, hs[1], hs[2])
		if err != nil || labels[0] != want || took != query.DefaultSlow {
			t.Errorf("one is mute: %v after %v", err, took)
		}
		_, took, err = ask(t, query.Config{Set: set}, mute{}, hs[1], holder{err: errors.New("down")})
		if !errors.Is(err, query.ErrFew) || took != query.DefaultTimeout {
			t.Errorf("too few besides: %v after %v", err, took)
		}
	})
}

// TestRetryAfter: a quota that is used up is waited for as long as the evaluator says,
// and not longer than is worth it.
func TestRetryAfter(t *testing.T) {
	t.Attr("invariant", "QU4")
	key := voprf.GenerateKey()
	set, hs := shared(t, key)
	synctest.Test(t, func(t *testing.T) {
		b := busy{holder: hs[0], until: time.Now().Add(40 * time.Second), after: 40 * time.Second}
		labels, took, err := ask(t, query.Config{Set: set}, b, hs[1], holder{err: errors.New("down")})
		if err != nil || len(labels) != 3 || took != 40*time.Second {
			t.Errorf("%v after %v", err, took)
		}
		b.until, b.after = time.Now().Add(time.Hour), time.Hour
		if _, took, err := ask(t, query.Config{Set: set}, b, hs[1], holder{err: errors.New("down")}); !errors.Is(err, query.ErrFew) || took != 0 {
			t.Errorf("an hour: %v after %v", err, took)
		}
	})
}

// TestAroundARefresh: holders that still answer with the shares of before a refresh are
// no liars, and enough of them give the same labels.
func TestAroundARefresh(t *testing.T) {
	t.Attr("invariant", "QU1")
	t.Attr("invariant", "QU2")
	key := voprf.GenerateKey()
	before, old := shared(t, key)
	after, fresh := shared(t, key)
	want, err := key.Label(inputs(1)[0])
	if err != nil {
		t.Fatal(err)
	}
	for name, hs := range map[string][]holder{
		"all before":        old,
		"all after":         fresh,
		"one before":        {old[0], fresh[1], fresh[2]},
		"two before":        {old[0], fresh[1], old[2]},
		"one before, first": {fresh[0], old[1], old[2]},
	} {
		labels, _, err := ask(t, query.Config{Set: after, Before: []log.EvaluatorSet{before}}, hs[0], hs[1], hs[2])
		if err != nil || labels[0] != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := ask(t, query.Config{Set: after, Before: []log.EvaluatorSet{before}}, old[0], fresh[1], holder{err: errors.New("down")}); !errors.Is(err, query.ErrFew) || errors.Is(err, query.ErrLied) {
		t.Errorf("one of each: %v", err)
	}
	// A set of another key is none of before.
	other, strangers := shared(t, voprf.GenerateKey())
	c, err := query.New(query.Config{Set: after, Before: []log.EvaluatorSet{other}}, query.Deps{Sources: []query.Source{strangers[0], strangers[1], fresh[2]}})
	if err != nil {
		t.Fatal(err)
	}
	if labels, err := c.All(t.Context(), slices.Clone(inputs(2))); !errors.Is(err, query.ErrLied) || labels != nil {
		t.Errorf("another key: %v", err)
	}
}
