// Package client owns how every program outside the operator's boundary speaks to
// a log over HTTP: submitting statements, reading tiles and entries, leases,
// evaluations, and the stream of a run.
//
// It verifies nothing: what it returns is what a server said, and the caller
// holds it against checkpoints, proofs and signatures. It reads no answer past
// its bound (limits.go) and follows no redirect.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/haltlog/haltlog/internal/api"
)

// Errors of a server that a caller may choose by.
var (
	ErrNotFound    = errors.New("not found")
	ErrUnavailable = errors.New("service unavailable") // 429 and 503, and no answer at all: try again
	ErrTooLarge    = errors.New("answer is larger than its bound")
)

// ProblemError is a refusal that the server explained (RFC 9457).
type ProblemError struct {
	api.Problem
	RetryAfter time.Duration // 0 if the server named none
}

func (e *ProblemError) Error() string {
	s := e.Title
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Place != "" {
		s += " (at " + e.Place + ")"
	}
	return fmt.Sprintf("%s [%d]", s, e.Status)
}

// Unwrap sorts the refusal into the families above.
func (e *ProblemError) Unwrap() error {
	switch e.Status {
	case http.StatusNotFound:
		return ErrNotFound
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return ErrUnavailable
	}
	return nil
}

// Config says which log a client speaks to.
type Config struct {
	URL   string       // http or https, with or without a path
	HTTP  *http.Client // nil: one of its own, with connections kept alive
	Token string       // bearer token of the evaluate route; empty: anonymous
}

// Client speaks to one log. It is safe for concurrent use.
type Client struct {
	base  *url.URL
	http  *http.Client
	token string
}

// New checks the address; nothing is sent yet.
func New(cfg Config) (*Client, error) {
	u, err := url.Parse(strings.TrimSuffix(cfg.URL, "/"))
	if err != nil {
		return nil, fmt.Errorf("log address: %w", err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("log address %q: want http://host or https://host", cfg.URL)
	}
	c := cfg.HTTP
	if c == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost = maxIdle
		c = &http.Client{Transport: t}
	}
	own := *c
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{base: u, http: &own, token: cfg.Token}, nil
}

// URL is the address that the client speaks to.
func (c *Client) URL() string { return c.base.String() }

// do sends one request and returns the answer's body, at most limit bytes of it.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, body []byte, limit int64) ([]byte, int, error) {
	res, err := c.send(ctx, method, path, query, body)
	if err != nil {
		return nil, 0, err
	}
	defer res.Body.Close()
	raw, err := bounded(res.Body, limit)
	if err != nil {
		return nil, res.StatusCode, fmt.Errorf("%s %s: %w", method, path, err)
	}
	return raw, res.StatusCode, nil
}

// send returns the response of a request that succeeded (2xx); its body is the caller's to close.
func (c *Client) send(ctx context.Context, method, path string, query url.Values, body []byte) (*http.Response, error) {
	return c.sendWith(ctx, method, path, query, body, nil)
}

// sendWith is send with more header fields.
func (c *Client) sendWith(ctx context.Context, method, path string, query url.Values, body []byte, header http.Header) (*http.Response, error) {
	u := *c.base
	u.Path += path
	u.RawQuery = query.Encode()
	var r io.Reader
	if body != nil {
		r = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), r)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	maps.Copy(req.Header, header)
	if c.token != "" && path == api.RouteEvaluate {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%s %s: %w", method, path, context.Cause(ctx))
		}
		return nil, fmt.Errorf("%s %s: %w: %w", method, path, ErrUnavailable, err)
	}
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return res, nil
	}
	defer res.Body.Close()
	return nil, problem(res)
}

// problem turns a refusal into a ProblemError, also one that is no RFC 9457 document.
func problem(res *http.Response) error {
	p := &ProblemError{}
	raw, err := bounded(res.Body, maxProblem)
	if err != nil || !strings.HasPrefix(res.Header.Get("Content-Type"), api.TypeProblem) || json.Unmarshal(raw, &p.Problem) != nil {
		p.Problem = api.Problem{Title: http.StatusText(res.StatusCode), Detail: printable(raw)}
	}
	p.Status = res.StatusCode
	if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && s >= 0 && s <= maxRetryAfter {
		p.RetryAfter = time.Duration(s) * time.Second
	}
	return p
}

func bounded(r io.Reader, limit int64) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	case int64(len(raw)) > limit:
		return nil, fmt.Errorf("%w of %d bytes", ErrTooLarge, limit)
	}
	return raw, nil
}

// printable keeps a server's free text from reaching a terminal as it came.
func printable(raw []byte) string {
	raw = raw[:min(len(raw), maxDetail)]
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(string(raw), "?")))
}

// getJSON reads a JSON answer strictly enough that a later server may add fields.
func getJSON[T any](ctx context.Context, c *Client, path string, query url.Values, limit int64) (T, error) {
	var v T
	raw, _, err := c.do(ctx, http.MethodGet, path, query, nil, limit)
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return v, fmt.Errorf("answer of %s: %w", path, err)
	}
	return v, nil
}
