package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"time"

	"github.com/haltlog/haltlog/internal/api"
)

// voteAgent is sent by every voter, whatever was built from: two members' requests
// must differ on the wire in nothing but the signature (SECURITY.md, votes and anonymity).
const voteAgent = "haltlog-vote"

// Waits between two tries of a vote. They are drawn at random, so that a voter
// cannot be told from another by its rhythm, and short, since a run is to stop.
const (
	voteWaitMin = 20 * time.Millisecond
	voteWaitMax = 250 * time.Millisecond
)

// Vote hands a live vote in at the first of several addresses that takes it, in
// random order, round after round until one answers 200 or 201, the context ends,
// or all of them refuse it for good. The addresses may be the daemon's, witnesses',
// mirrors' or guards': all must forward it. Each try has a connection of its own;
// size and headers are the same for every member.
func Vote(ctx context.Context, addresses []string, leaf []byte) error {
	if len(addresses) == 0 {
		return errors.New("vote: no address")
	}
	hosts := make([]*Client, 0, len(addresses))
	for _, a := range addresses {
		c, err := New(Config{URL: a})
		if err != nil {
			return fmt.Errorf("vote: %w", err)
		}
		hosts = append(hosts, c)
	}
	for {
		shuffle(hosts)
		var failed []error
		final := 0
		for _, c := range hosts {
			err := c.voteOnce(ctx, leaf)
			if err == nil {
				return nil
			}
			failed = append(failed, err)
			if p, ok := errors.AsType[*ProblemError](err); ok && !errors.Is(p, ErrUnavailable) {
				final++
			}
		}
		if final == len(hosts) {
			return fmt.Errorf("vote refused: %w", errors.Join(failed...))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("vote not taken: %w", errors.Join(append(failed, context.Cause(ctx))...))
		case <-time.After(voteWaitMin + time.Duration(below(int64(voteWaitMax-voteWaitMin)))):
		}
	}
}

// voteOnce makes one try on a connection of its own.
func (c *Client) voteOnce(ctx context.Context, leaf []byte) error {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DisableKeepAlives = true
	t.DisableCompression = true // its header would be one more thing to differ
	t.ForceAttemptHTTP2 = false
	t.Proxy = http.ProxyFromEnvironment
	defer t.CloseIdleConnections()
	u := *c.base
	u.Path += api.RouteStatements
	u.RawQuery = url.Values{}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(leaf))
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", voteAgent)
	req.Header.Set("Content-Type", "application/json")
	res, err := (&http.Client{Transport: t}).Do(req)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusOK || res.StatusCode == http.StatusCreated {
		return nil
	}
	return problem(res)
}

// shuffle is Fisher and Yates' with the system's randomness: the order of tries says nothing.
func shuffle(c []*Client) {
	for i := len(c) - 1; i > 0; i-- {
		j := below(int64(i + 1))
		c[i], c[j] = c[j], c[i]
	}
}

// below draws from [0, n); crypto/rand does not fail (Go 1.24).
func below(n int64) int64 {
	v, err := rand.Int(rand.Reader, big.NewInt(n))
	if err != nil {
		panic("client: the system has no randomness: " + err.Error())
	}
	return v.Int64()
}
