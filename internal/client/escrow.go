package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/evaluate"
)

// EvaluateSigned is Evaluate, with the evaluator's signature of its answer
// (evaluate.Header); "" from one that does not sign.
func (c *Client) EvaluateSigned(ctx context.Context, version uint64, request []byte) (answer []byte, signature string, err error) {
	res, err := c.send(ctx, http.MethodPost, api.RouteEvaluate, url.Values{"version": {fmt.Sprint(version)}}, request)
	if err != nil {
		return nil, "", err
	}
	defer func() { _, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxProblem)); _ = res.Body.Close() }()
	if answer, err = bounded(res.Body, maxEvaluation); err != nil {
		return nil, "", fmt.Errorf("POST %s: %w", api.RouteEvaluate, err)
	}
	return answer, res.Header.Get(evaluate.Header), nil
}

// OpenEscrow asks an evaluator for its part of one artefact's opening.
func (c *Client) OpenEscrow(ctx context.Context, r api.EscrowRequest) (a api.EscrowAnswer, err error) {
	body, err := json.Marshal(r)
	if err != nil {
		return a, err
	}
	raw, _, err := c.do(ctx, http.MethodPost, api.RouteEscrowOpen, nil, body, maxProblem)
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(raw, &a); err != nil {
		return a, fmt.Errorf("answer of %s: %w", api.RouteEscrowOpen, err)
	}
	return a, nil
}
