package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"time"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/rig"
	"github.com/haltlog/haltlog/log"
)

const (
	// appendRounds is how often daemon and peer take turns, appendTime how long
	// each turn is.
	appendRounds = 4
	appendTime   = 3 * time.Second
	// perConnection is how many statements are made for one turn: as many as the
	// peer could take at 13,000 a second.
	perConnection = 160
)

// benchAppend appends over HTTP, durably, with 256 connections: signed statements
// through the whole of admission, and the very same bytes into Tessera's own
// conformance server, in turns.
func benchAppend(ctx context.Context, b *bench) error {
	k, err := newBulk(ctx, b, "append", rig.Options{}, nil)
	if err != nil {
		return err
	}
	defer k.close()
	peer, err := k.conformance(ctx)
	if err != nil {
		return err
	}
	ours, theirs := sample{unit: perSecond}, sample{unit: perSecond}
	var took, peerTook []time.Duration
	var body []byte
	for range b.scale(appendRounds) {
		bodies, err := k.all(perConnection)
		if err != nil {
			return err
		}
		body = bodies[0][0]
		r, err := closed(ctx, k.url+api.RouteStatements, bodies, appendTime, false, http.StatusCreated)
		if err != nil {
			return err
		}
		ours.all, took = append(ours.all, r.rates().all...), append(took, r.took...)
		if r, err = closed(ctx, peer+"/add", bodies, appendTime, false, http.StatusOK); err != nil {
			return err
		}
		theirs.all, peerTook = append(theirs.all, r.rates().all...), append(peerTook, r.took...)
		// A statement that was not sent keeps its number: the next ones go on from it.
	}
	if err := k.alive(); err != nil {
		return err
	}
	b.add("append over HTTP, 256 connections", ours, &Target{Ratio: new(0.7)}, theirs.peer("Tessera's conformance server, same bytes"),
		fmt.Sprintf("durable, through admission, %d bytes each; the generator takes its share of the same cores", len(body)))
	b.add("append over HTTP, 256 connections: answer", durations(millis, took), nil, durations(millis, peerTook).peer("Tessera's conformance server, same bytes"), "")
	return b.signatures(body, k.evaluators[0], ours.at(0.5))
}

// signatures reports the share of the processors that checking signatures takes at a rate.
func (b *bench) signatures(body []byte, key *keys.Signer, rate float64) error {
	s, err := log.Parse(body)
	if err != nil {
		return err
	}
	v, pae := keys.NewVerifier(), s.Envelope.PAE()
	var share sample
	share.unit = percent
	for range 1000 {
		began := time.Now()
		if err := v.Verify(key.SPKI(), pae, s.Envelope.Signatures[0].Sig); err != nil {
			return err
		}
		share.all = append(share.all, 100*time.Since(began).Seconds()*rate/float64(runtime.NumCPU()))
	}
	b.add("append over HTTP, 256 connections: signature checks' share of all cores", share, nil, nil, "the time of one check, times the rate above; fold and admission share one check")
	return nil
}

// conformance starts Tessera's own server.
func (s *stage) conformance(ctx context.Context) (url string, err error) {
	// It takes a port, not a listener.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		return "", err
	}
	dir := s.file("conformance")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	p, err := start(s.file("conformance.log"), []string{s.b.bin.conformance, "--storage_dir=" + dir, "--listen=" + addr, "--private_key=" + s.peerKey}, nil, nil)
	if err != nil {
		return "", err
	}
	s.all = append(s.all, p)
	within, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	return "http://" + addr, rig.Until(within, func() (bool, error) {
		c, err := (&net.Dialer{}).DialContext(within, "tcp", addr)
		if err != nil {
			return false, err
		}
		return true, c.Close()
	})
}
