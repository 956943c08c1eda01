package guardian

import (
	"context"
	"errors"
	"fmt"

	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/log"
)

// together asks the holders of shares in turn until enough of them answered well.
func (e *escrower) together(ctx context.Context, set log.EvaluatorSet, query *voprf.Query) ([]voprf.Label, error) {
	shared := voprf.Set{Version: set.Version, PublicKey: set.PublicKey, T: set.T, N: set.N}
	for _, c := range set.Commitments {
		shared.Commitments = append(shared.Commitments, c)
	}
	answers := map[int][][]byte{}
	var troubles []error
	for i, h := range set.Holders {
		got, err := askHolder(ctx, h.Address, set.Version, query, e.sources.token)
		if err != nil {
			troubles = append(troubles, fmt.Errorf("evaluator %s: %w", h.Name, err))
			continue
		}
		answers[i+1] = got
		if len(answers) < set.T {
			continue
		}
		labels, lies, err := query.Combine(shared, answers)
		if err == nil {
			return labels, nil
		}
		for _, lie := range lies {
			troubles = append(troubles, lie)
			delete(answers, lie.Index)
		}
		if !errors.Is(err, voprf.ErrFewAnswers) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%d of %d evaluators answered, %d are needed: %w", len(answers), set.N, set.T, errors.Join(troubles...))
}

func askHolder(ctx context.Context, address string, version uint64, query *voprf.Query, token string) ([][]byte, error) {
	if address == "" {
		return nil, errors.New("no address")
	}
	c, err := client.New(client.Config{URL: address, Token: token})
	if err != nil {
		return nil, err
	}
	var out [][]byte
	for _, request := range query.Requests() {
		a, err := c.Evaluate(ctx, version, request)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}
