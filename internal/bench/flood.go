package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/rig"
	"github.com/haltlog/haltlog/log"
)

const (
	// floodVotes is how many votes are sent into each flood, one run each.
	floodVotes = 200
	// floodRing is the group: the largest, whose votes are the dearest to check.
	floodRing = 64
	// forgers is how many connections send forged rings: more than one run may have
	// waiting, so that they are not slowed down to what is verified.
	forgers = 256
)

// benchFlood sends live votes into floods, and measures when the engine has them:
// the stream of a run says "vote" in the very call that hands it to the engine.
func benchFlood(ctx context.Context, b *bench) error {
	k, err := newBulk(ctx, b, "flood", rig.Options{Members: floodRing}, nil)
	if err != nil {
		return err
	}
	defer k.close()
	b.say("  registering runs")
	n := b.scale(floodVotes)
	for _, flood := range []string{"idle", "bulk", "forged"} {
		for i := range n {
			if err := k.Run(ctx, fmt.Sprintf("%s-%d", flood, i)); err != nil {
				return err
			}
		}
	}
	quiet, err := k.votes(ctx, "idle", n, new(atomic.Pointer[string]))
	if err != nil {
		return err
	}
	peer := func() *Peer { return durations(millis, quiet).peer("the same votes on an idle log") }
	if err := k.underBulk(ctx, n, peer()); err != nil {
		return err
	}
	if err := k.underForged(ctx, n, peer()); err != nil {
		return err
	}
	return k.alive()
}

// underBulk is the flood of benchAppend.
func (k *bulk) underBulk(ctx context.Context, n int, peer *Peer) error {
	within, stop := context.WithCancel(ctx)
	defer stop()
	began := make(chan struct{})
	var once sync.Once
	var taken int
	var failed error
	var wg sync.WaitGroup
	wg.Go(func() {
		for within.Err() == nil {
			bodies, err := k.all(perConnection / 3)
			once.Do(func() { close(began) })
			if err == nil {
				var r result
				r, err = closed(within, k.url+api.RouteStatements, bodies, time.Hour, true, http.StatusCreated)
				taken += len(r.done)
			}
			if err != nil && within.Err() == nil {
				failed = err
				return
			}
		}
	})
	<-began
	start := time.Now()
	took, err := k.votes(ctx, "bulk", n, new(atomic.Pointer[string]))
	lasted := time.Since(start)
	stop()
	wg.Wait()
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	k.b.add("vote sent to the engine, in a flood of valid bulk", durations(millis, took), &Target{P99: new(20.0)}, peer,
		fmt.Sprintf("256 connections, %.0f statements taken a second meanwhile, their sealing included; rings of %d", float64(taken)/lasted.Seconds(), floodRing))
	return nil
}

// underForged is a flood of votes with rings of 64 that do not verify, each with
// an identity of its own, for the very run that is voted on, at twice the rate at
// which the daemon's workers can look at them.
func (k *bulk) underForged(ctx context.Context, n int, peer *Peer) error {
	capacity, err := k.capacity()
	if err != nil {
		return err
	}
	within, stop := context.WithCancel(ctx)
	defer stop()
	var run atomic.Pointer[string]
	var sent, refused atomic.Int64
	every := time.Duration(float64(forgers) / (2 * capacity) * float64(time.Second))
	var wg sync.WaitGroup
	errs := make([]error, forgers)
	for i := range forgers {
		wg.Go(func() {
			errs[i] = k.forge(within, &run, every, func(status int) {
				sent.Add(1)
				if status == http.StatusTooManyRequests {
					refused.Add(1)
				}
			})
		})
	}
	start := time.Now()
	took, err := k.votes(ctx, "forged", n, &run)
	lasted := time.Since(start)
	stop()
	wg.Wait()
	if err := errors.Join(append(errs, err)...); err != nil {
		return err
	}
	k.b.add("vote sent to the engine, in a flood of forged rings", durations(millis, took), nil, peer,
		fmt.Sprintf("aimed at %.0f a second, twice what one core verifies; %.0f a second came in, %.0f %% of them refused unverified", 2*capacity,
			float64(sent.Load())/lasted.Seconds(), 100*float64(refused.Load())/float64(max(1, sent.Load()))))
	return nil
}

// capacity is how many rings one worker verifies a second: a vote's workers are
// half as many as cores, at least one.
func (k *bulk) capacity() (float64, error) {
	leaf, err := k.VoteLeaf("capacity", 0)
	if err != nil {
		return 0, err
	}
	s, err := log.Parse(leaf)
	if err != nil {
		return 0, err
	}
	var public [][]byte
	for _, m := range k.Members {
		p := m.Ring.Public()
		public = append(public, p[:])
	}
	v := keys.NewVerifier()
	const runs = 100
	var spent time.Duration
	for i := range runs + 1 {
		began := time.Now()
		if err := v.VerifyRing(public, s.Envelope.PAE(), s.Envelope.Signatures[0].Sig); err != nil {
			return 0, err
		}
		if i > 0 { // the first one makes the group's tables
			spent += time.Since(began)
		}
	}
	return runs / spent.Seconds(), nil
}

// stale signs with a signature that was made for something else.
type stale struct {
	id  string
	sig []byte
}

func (s stale) KeyID() string               { return s.id }
func (s stale) SPKI() []byte                { return nil }
func (s stale) Sign([]byte) ([]byte, error) { return s.sig, nil }

// forge sends forged votes at its pace until ctx ends.
func (k *bulk) forge(ctx context.Context, run *atomic.Pointer[string], every time.Duration, answered func(status int)) error {
	leaf, err := k.VoteLeaf("forged", 0)
	if err != nil {
		return err
	}
	s, err := log.Parse(leaf)
	if err != nil {
		return err
	}
	c, err := dial(ctx, k.url+api.RouteStatements)
	if err != nil {
		return err
	}
	defer c.c.Close()
	signer := stale{s.Signer(), s.Envelope.Signatures[0].Sig}
	if signer.id == "" {
		signer.id = s.Envelope.Signatures[0].KeyID
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		id := run.Load()
		if id == nil {
			continue
		}
		v := *s.Statement.(*log.LiveVote)
		v.Run, v.Nonce = *id, make([]byte, 32)
		rand.Read(v.Nonce)
		leaf, err := log.Seal(&v, signer)
		if err != nil {
			return err
		}
		status, answer, err := c.post(leaf)
		if err != nil {
			return err
		}
		switch status {
		case http.StatusCreated, http.StatusOK:
			return fmt.Errorf("a forged vote was taken: %s", answer)
		}
		answered(status)
	}
}

// votes sends one vote to each of n runs, and returns how long each took until
// the engine had it. current says which run is voted on.
func (k *bulk) votes(ctx context.Context, prefix string, n int, current *atomic.Pointer[string]) ([]time.Duration, error) {
	var took []time.Duration
	for i := range n {
		id := fmt.Sprintf("%s-%d", prefix, i)
		leaf, err := k.VoteLeaf(id, i%floodRing)
		if err != nil {
			return nil, err
		}
		current.Store(&id)
		d, err := k.vote(ctx, id, leaf)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", id, err)
		}
		took = append(took, d)
		pause(ctx, settle/4)
	}
	return took, nil
}

func (k *bulk) vote(ctx context.Context, id string, leaf []byte) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	listening, heard := make(chan struct{}), make(chan time.Time, 1)
	var streamed error
	go func() {
		first := true
		for e, err := range k.Client.Events(ctx, id, 0) {
			if err != nil {
				streamed = err
				cancel()
				return
			}
			if first { // the entry that registered the run
				close(listening)
				first = false
			}
			if e.Name == api.EventVote || e.Name == api.EventHalt {
				heard <- time.Now()
				return
			}
		}
	}()
	select {
	case <-listening:
	case <-ctx.Done():
		return 0, errors.Join(ctx.Err(), streamed)
	}
	pause(ctx, settle/4) // the flood finds the run
	sent := time.Now()
	if err := client.Vote(ctx, []string{k.url}, leaf); err != nil {
		return 0, err
	}
	select {
	case at := <-heard:
		return at.Sub(sent), nil
	case <-ctx.Done():
		return 0, errors.Join(ctx.Err(), streamed)
	}
}
