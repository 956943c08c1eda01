package main

import (
	"errors"
	"fmt"

	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/labcheck"
	"github.com/haltlog/haltlog/internal/query"
	"github.com/haltlog/haltlog/internal/trust"
	"github.com/haltlog/haltlog/log"
)

// follow lets cached labels follow rotations whose factor was published: what was asked
// under the old key need not be asked again. Nothing of it has to be proven to stand in
// the log: a factor between two keys that the log names is theirs, whoever says it.
func follow(e *env, cache *query.Cache, source labcheck.Source, a *trust.Authority) error {
	done := map[[2]uint64]bool{}
	for x, err := range source.Entries(e.ctx, client.Filter{Kind: log.KindRotation}) {
		if err != nil {
			return fmt.Errorf("read rotations: %w", err)
		}
		s, err := log.Parse(x.Leaf)
		if err != nil {
			continue // void, or the part of a longer one, which shows no factor
		}
		st, ok := s.Statement.(*log.Rotation)
		if !ok || len(st.PublicDelta) == 0 || done[[2]uint64{st.From, st.To}] {
			continue
		}
		from, known := a.Evaluator(st.From)
		to, ok := a.Evaluator(st.To)
		if !known || !ok {
			continue
		}
		if _, err := cache.Follow(from, to, st.PublicDelta); errors.Is(err, query.ErrDelta) {
			continue // a void statement
		} else if err != nil {
			return err
		}
		done[[2]uint64{st.From, st.To}] = true
	}
	return nil
}
