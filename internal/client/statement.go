package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/haltlog/haltlog/internal/api"
)

// Submit hands a statement in and returns once it is durable. A repeat is no
// error: Accepted.Repeat says so.
func (c *Client) Submit(ctx context.Context, leaf []byte) (api.Accepted, error) {
	return c.submit(ctx, leaf, nil)
}

// SubmitFolded is Submit, and waits for the statement's validity and for the
// decision whose range holds it.
func (c *Client) SubmitFolded(ctx context.Context, leaf []byte) (api.Accepted, error) {
	return c.submit(ctx, leaf, url.Values{"wait": {api.WaitFolded}})
}

func (c *Client) submit(ctx context.Context, leaf []byte, query url.Values) (api.Accepted, error) {
	var a api.Accepted
	raw, _, err := c.do(ctx, http.MethodPost, api.RouteStatements, query, leaf, maxSmall)
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(raw, &a); err != nil {
		return a, fmt.Errorf("answer of %s: %w", api.RouteStatements, err)
	}
	return a, nil
}

// SubmitWitnessed is Submit, and waits for the receipt: a C2SP tlog-proof, not verified here.
func (c *Client) SubmitWitnessed(ctx context.Context, leaf []byte) ([]byte, error) {
	raw, _, err := c.do(ctx, http.MethodPost, api.RouteStatements, url.Values{"wait": {api.WaitWitnessed}}, leaf, maxSmall)
	return raw, err
}

// Lease asks an engine for a lease: a request envelope in, a lease envelope out.
func (c *Client) Lease(ctx context.Context, request []byte) ([]byte, error) {
	raw, _, err := c.do(ctx, http.MethodPost, api.RouteLeases, nil, request, maxSmall)
	return raw, err
}

// Evaluate sends blinded elements under a key version; request and answer are
// in the wire form of blacklist/voprf.
func (c *Client) Evaluate(ctx context.Context, version uint64, request []byte) ([]byte, error) {
	raw, _, err := c.do(ctx, http.MethodPost, api.RouteEvaluate, url.Values{"version": {fmt.Sprint(version)}}, request, maxEvaluation)
	return raw, err
}
