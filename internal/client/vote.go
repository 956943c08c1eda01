package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/log"
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

// Vote hands a live vote in at several addresses, to each until it takes the vote or
// refuses it for good, or the context ends. The addresses may be the daemon's,
// witnesses', mirrors' or guards': all must forward it, and none is believed to have
// done so: one that takes it in and lets it vanish, or hangs, must not keep it from the
// others, so they are all asked, in random order and beside one another. Vote returns
// nil when one took it and every other has answered too, or had voteGrace to. Each try
// has a connection of its own; size and headers are the same for every member.
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
	shuffle(hosts)
	within, cancel := context.WithCancel(ctx)
	answers := make(chan error, len(hosts))
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for _, c := range hosts {
		wg.Go(func() { answers <- c.vote(within, leaf) })
	}
	var failed []error
	var grace <-chan time.Time
	for range hosts {
		select {
		case err := <-answers:
			if err != nil {
				failed = append(failed, err)
			} else if grace == nil {
				t := time.NewTimer(voteGrace)
				defer t.Stop()
				grace = t.C
			}
		case <-grace:
			return nil
		}
	}
	switch {
	case grace != nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("vote not taken: %w", errors.Join(failed...))
	}
	return fmt.Errorf("vote refused: %w", errors.Join(failed...))
}

// vote tries one address until it takes the vote, refuses it, or the context ends.
func (c *Client) vote(ctx context.Context, leaf []byte) error {
	for {
		err := c.voteOnce(ctx, leaf)
		if err == nil || refused(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, context.Cause(ctx))
		case <-time.After(voteWaitMin + time.Duration(below(int64(voteWaitMax-voteWaitMin)))):
		}
	}
}

// refused says whether trying again is of no use. What a server or something before
// it could not do now (5xx), it may do in a moment.
func refused(err error) bool {
	p, ok := errors.AsType[*ProblemError](err)
	return ok && p.Status >= 400 && p.Status < 500 && p.Status != http.StatusRequestTimeout &&
		p.Status != http.StatusTooEarly && p.Status != http.StatusTooManyRequests
}

// voteOnce makes one try on a connection of its own.
func (c *Client) voteOnce(ctx context.Context, leaf []byte) error {
	ctx, cancel := context.WithTimeout(ctx, voteTimeout)
	defer cancel()
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
	// A redirect would carry the vote to where nobody named, on a connection that tells that it is this voter's.
	one := &http.Client{Transport: t, CheckRedirect: c.http.CheckRedirect}
	res, err := one.Do(req)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusCreated {
		return problem(res)
	}
	// Whatever stands between (a portal that wants a login) says 200 to everything.
	raw, err := bounded(res.Body, maxSmall)
	if err != nil {
		return err
	}
	var a api.Accepted
	if err := json.Unmarshal(raw, &a); err != nil || a.Identity == (log.Hash{}) {
		return fmt.Errorf("%w: what answers at %s is no log", ErrUnavailable, c.base.Host)
	}
	return nil
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
