package labcheck

import (
	"context"
	"errors"
	"fmt"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/query"
	"github.com/haltlog/haltlog/internal/trust"
	"github.com/haltlog/haltlog/log"
)

// labels has the questions evaluated under one key version.
func (c *Checker) labels(ctx context.Context, version uint64, questions []blacklist.Question) ([]blacklist.Label, error) {
	ask := c.asks[version]
	if ask == nil {
		set, err := c.list.Set(version)
		if err != nil {
			return nil, err
		}
		if ask, err = Evaluators(c.list.authority, set, c.source, c.opts); err != nil {
			return nil, err
		}
		c.asks[version] = ask
	}
	labels, err := ask.All(ctx, blacklist.Inputs(questions))
	if errors.Is(err, query.ErrLied) {
		return nil, fmt.Errorf("evaluator under key version %d: %w: %w", version, trust.ErrUnverified, err)
	}
	if err != nil {
		return nil, fmt.Errorf("evaluate under key version %d: %w", version, err)
	}
	return labels, nil
}

// Evaluators asks the set that the log names.
func Evaluators(a *trust.Authority, set log.EvaluatorSet, server query.Source, o Options) (*query.Client, error) {
	sources, err := query.Sources(set, o.Token, server)
	if err != nil {
		return nil, err
	}
	var before []log.EvaluatorSet
	if sets := a.EvaluatorSets(set.Version); len(sets) > 1 {
		before = sets[1:]
	}
	return query.New(query.Config{Origin: o.Origin, Set: set, Before: before}, query.Deps{
		Sources: sources, Keys: a.Keys, Verifier: keys.NewVerifier(), Cache: o.Cache, Lie: o.Lie,
	})
}

// baseOf are the labels of the declared base under a key version.
func (c *Checker) baseOf(ctx context.Context, version uint64) ([]blacklist.Entry, error) {
	if c.opts.Base == nil {
		return nil, nil
	}
	if entries, ok := c.base[version]; ok {
		return entries, nil
	}
	qs := blacklist.BaseQuestions(*c.opts.Base)
	labels, err := c.labels(ctx, version, qs)
	if err != nil {
		return nil, fmt.Errorf("declared base: %w", err)
	}
	c.base[version] = blacklist.Entries(qs, labels)
	return c.base[version], nil
}
