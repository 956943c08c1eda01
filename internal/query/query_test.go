package query_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/query"
	"github.com/haltlog/haltlog/log"
)

// holder answers with a share; wrong makes it another one's, err nothing.
type holder struct {
	e   *voprf.Evaluator
	err error
}

func (h holder) EvaluateSigned(_ context.Context, _ uint64, request []byte) ([]byte, string, error) {
	if h.err != nil {
		return nil, "", h.err
	}
	b, err := h.e.Answer(request)
	return b, "", err
}

// shared is a key, cut 2 of 3, and its holders.
func shared(t *testing.T, key *voprf.PrivateKey) (log.EvaluatorSet, []holder) {
	t.Helper()
	s, err := voprf.Deal(key, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	set := log.EvaluatorSet{Version: 1, PublicKey: key.Public().Bytes(), T: 2, N: 3}
	for _, c := range s.Commitments {
		set.Commitments = append(set.Commitments, c)
	}
	var hs []holder
	for _, x := range s.Shares {
		hs = append(hs, holder{e: voprf.NewShareEvaluator(x)})
	}
	return set, hs
}

func inputs(n int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = fmt.Append(nil, "input ", i)
	}
	return out
}

// TestHolders: labels come in order, and one of three may be down or lie (QU1, QU2, QU4).
func TestHolders(t *testing.T) {
	for _, i := range []string{"QU1", "QU2", "QU3", "QU4"} {
		t.Attr("invariant", i)
	}
	key := voprf.GenerateKey()
	for name, spoil := range map[string]func(h []holder){
		"all well":    func([]holder) {},
		"down":        func(h []holder) { h[0].err = errors.New("down") },
		"other share": func(h []holder) { h[0].e = h[1].e },
		"other key":   func(h []holder) { h[1].e = voprf.NewEvaluator(voprf.GenerateKey()) },
	} {
		set, hs := shared(t, key)
		spoil(hs)
		lies := make(chan query.Lie, 64)
		c, err := query.New(query.Config{Set: set, Batch: 7, Parallel: 3}, query.Deps{
			Sources: []query.Source{hs[0], hs[1], hs[2]},
			Lie:     func(l query.Lie) error { lies <- l; return nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		xs := inputs(40)
		labels, err := c.All(t.Context(), xs)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i, l := range labels {
			if want, _ := key.Label(xs[i]); l != want {
				t.Errorf("%s: label %d is another", name, i)
			}
		}
		if c.MostBatches() > 3 {
			t.Errorf("%s: %d batches at once", name, c.MostBatches())
		}
		if lied := name == "other share" || name == "other key"; lied != (len(lies) > 0) {
			t.Errorf("%s: %d lies", name, len(lies))
		}
		for len(lies) > 0 {
			if l := <-lies; l.Misanswer.Verify(query.SetOf(set)) != nil || l.Signed {
				t.Errorf("%s: no evidence", name)
			}
		}
	}
}

// TestTooFew: two of three that fail leave no answer (QU2, QU4).
func TestTooFew(t *testing.T) {
	set, hs := shared(t, voprf.GenerateKey())
	hs[0].err, hs[2].err = errors.New("down"), client.ErrNotFound
	c, err := query.New(query.Config{Set: set}, query.Deps{Sources: []query.Source{hs[0], hs[1], hs[2]}})
	if err != nil {
		t.Fatal(err)
	}
	if labels, err := c.All(t.Context(), inputs(3)); !errors.Is(err, query.ErrFew) || labels != nil {
		t.Errorf("%v %v", labels, err)
	}
}

// TestCache: what was asked is not asked again, also after a restart and a public rotation.
func TestCache(t *testing.T) {
	dir := t.TempDir()
	key := voprf.GenerateKey()
	set, hs := shared(t, key)
	for i := range 2 {
		cache, err := query.OpenCache(dir)
		if err != nil {
			t.Fatal(err)
		}
		c, err := query.New(query.Config{Set: set}, query.Deps{Sources: []query.Source{hs[0], hs[1], hs[2]}, Cache: cache})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.All(t.Context(), inputs(9)); err != nil {
			t.Fatal(err)
		}
		if want := 9 * (1 - i); c.Asked() != want {
			t.Errorf("time %d: %d asked", i, c.Asked())
		}
		if err := cache.Save(); err != nil {
			t.Fatal(err)
		}
	}
	cache, err := query.OpenCache(dir)
	if err != nil {
		t.Fatal(err)
	}
	next := set
	next.Version, next.PublicKey = 2, voprf.GenerateKey().Public().Bytes()
	if _, err := cache.Follow(set, next, key.Bytes()); !errors.Is(err, query.ErrDelta) {
		t.Errorf("another factor: %v", err)
	}
	if _, err := cache.Version(1, next.PublicKey); !errors.Is(err, query.ErrCache) {
		t.Errorf("another key: %v", err)
	}
}
