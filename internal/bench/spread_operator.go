package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/rig"
	"github.com/haltlog/haltlog/log"
)

// The parts of a measurement of the spread that run inside a region are this
// program again, told so by its environment.
const (
	envSpread      = "HALTLOG_SPREAD"
	envPart        = "HALTLOG_SPREAD_PART"
	spreadOperator = "operator"
	spreadLab      = "labs"
	// spreadTime bounds one halt's way to the last lab.
	spreadTime = 2 * time.Minute
	// spreadLabels is how many labels a halt lists.
	spreadLabels = 100
	// tripRuns is how often a connection is opened for the peer.
	tripRuns = 20
)

// spreadRole runs a part, if this process is one.
func spreadRole(ctx context.Context) (bool, error) {
	raw := []byte(os.Getenv(envPart))
	switch os.Getenv(envSpread) {
	case spreadOperator:
		var p operatorPart
		if err := json.Unmarshal(raw, &p); err != nil {
			return true, err
		}
		return true, p.run(ctx)
	case spreadLab:
		var p labPart
		if err := json.Unmarshal(raw, &p); err != nil {
			return true, err
		}
		return true, p.run(ctx)
	}
	return false, nil
}

// operatorPart is the log with its witnesses, the mirrors and the labs, and who
// halts its runs: a process in the first region, that starts all others.
type operatorPart struct {
	Dir         string        `json:"dir"`
	Haltlogd    string        `json:"haltlogd"`
	Haltlog     string        `json:"haltlog"`
	Haltwitness string        `json:"haltwitness"`
	Self        string        `json:"self"`
	Places      *places       `json:"places"`
	Mirrors     []int         `json:"mirrors"`
	Labs        int           `json:"labs"`
	Halts       int           `json:"halts"`
	Interval    time.Duration `json:"interval"`
}

func (p *operatorPart) run(ctx context.Context) error {
	b := &bench{work: p.Dir, places: p.Places, bin: binaries{haltlogd: p.Haltlogd, haltlog: p.Haltlog, haltwitness: p.Haltwitness}}
	s, err := newStage(ctx, b, "log", rig.Options{}, nil, "log.checkpoint_interval="+p.Interval.String())
	if err != nil {
		return err
	}
	defer s.close()
	var runs []spreadRun
	for i := range p.Halts + 1 {
		runs = append(runs, newSpreadRun(s, i))
	}
	sightings := &sightings{wait: make(map[int]chan sighting), labs: p.Labs * len(p.Mirrors)}
	for i := range runs {
		sightings.wait[i] = make(chan sighting, sightings.labs)
	}
	var mirrors []string
	for i, region := range p.Mirrors {
		at, err := p.mirror(ctx, s, i, region)
		if err != nil {
			return err
		}
		mirrors = append(mirrors, at)
		if err := p.labs(s, i, region, at, runs, sightings); err != nil {
			return err
		}
	}
	r := spreadResult{Mirrors: len(p.Mirrors)}
	for i, x := range runs {
		h, err := x.halt(ctx, s, sightings, p.Labs)
		if err != nil {
			return fmt.Errorf("halt %d: %w", i, errors.Join(err, s.alive()))
		}
		b.say("  halt %d of %d: witnessed after %v, at the last lab after %v", i, p.Halts, h.witnessed.Round(time.Millisecond), slices.Max(h.labs).Round(time.Millisecond))
		if i > 0 { // the first one brings the first list
			r.Logged, r.Witnessed, r.Labs = append(r.Logged, h.logged), append(r.Witnessed, h.witnessed), append(r.Labs, h.labs)
		}
		// The next one meets intervals at another place.
		pause(ctx, rand.N(2*p.Interval))
	}
	if r.Trips, err = trips(ctx, mirrors); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// mirror starts a mirror in a region.
func (p *operatorPart) mirror(ctx context.Context, s *stage, i, region int) (string, error) {
	argv := []string{
		p.Haltlog, "mirror", "--log", s.url, "--dir", s.file(fmt.Sprintf("mirror-%d", i)), "--genesis", s.GenesisHash.Hex(), "--quorum", s.file("quorum.txt"),
		"--listen", p.Places.listen(region, hostMirror), "--every", p.Interval.String(),
	}
	m, at, err := serve(ctx, s.file(fmt.Sprintf("mirror-%d.log", i)), p.Places.in(region, argv))
	if err == nil {
		s.all = append(s.all, m)
	}
	return at, err
}

// labs starts the labs of a region, in one process.
func (p *operatorPart) labs(s *stage, i, region int, mirror string, runs []spreadRun, seen *sightings) error {
	part := labPart{
		Dir: s.file(fmt.Sprintf("labs-%d", i)), Mirror: mirror, Genesis: s.GenesisHash.Hex(), Quorum: s.Quorum(s.witnesses), Labs: p.Labs, Every: p.Interval,
	}
	for _, r := range runs {
		last := r.entries[len(r.entries)-1]
		part.Watch = append(part.Watch, watched{string(last.Kind), last.Label[:]})
	}
	raw, err := json.Marshal(part)
	if err != nil {
		return err
	}
	l, err := start(s.file(fmt.Sprintf("labs-%d.log", i)), p.Places.in(region, []string{p.Self}), []string{envSpread + "=" + spreadLab, envPart + "=" + string(raw)}, func(line string) {
		var x sighting
		if json.Unmarshal([]byte(line), &x) == nil {
			x.Mirror = i
			seen.take(x)
		}
	})
	if err == nil {
		s.all = append(s.all, l)
	}
	return err
}

// spreadRun is a run with its vote and the labels that its halt lists.
type spreadRun struct {
	number  int
	id      string
	entries []blacklist.Entry
}

// newSpreadRun makes labels of a model that nobody trained: what a fingerprint is of
// makes no difference to its label's way.
func newSpreadRun(s *stage, n int) spreadRun {
	r := spreadRun{number: n, id: fmt.Sprintf("run-%d", n)}
	for i := range spreadLabels {
		f := fingerprint.Fingerprint{Kind: kindAt(i), Value: sha256.Sum256(fmt.Append(nil, n, i))}
		y, err := s.Evaluator.Label(f.Input())
		if err != nil {
			panic(err) // a fingerprint's input is never refused
		}
		r.entries = append(r.entries, blacklist.Entry{Kind: f.Kind, Label: y})
	}
	return r
}

// halted is one halt's way: all times are since the vote was accepted.
type halted struct {
	logged, witnessed time.Duration
	labs              []time.Duration // those of the first mirror first
}

// halt registers the run, escrows its labels, votes, and waits until every lab has
// seen the label. Each mirror has as many labs as each says.
func (r spreadRun) halt(ctx context.Context, s *stage, seen *sightings, each int) (h halted, err error) {
	ctx, cancel := context.WithTimeout(ctx, spreadTime)
	defer cancel()
	if err := s.Run(ctx, r.id); err != nil {
		return h, err
	}
	root := blacklist.NewArtefact(r.entries).Root()
	sealed, wraps, err := blacklist.Seal(s.Escrow.PublicKey(), blacklist.Context{Origin: rig.Origin, Run: r.id, Number: 1, Root: root}, r.entries)
	if err != nil {
		return h, err
	}
	st := &log.Artefact{Origin: rig.Origin, Run: r.id, Number: 1, KeyVersion: 1, Count: uint64(len(r.entries)), Root: log.Hash(root), Sealed: sealed}
	for _, w := range wraps {
		st.Wraps = append(st.Wraps, log.Wrap{Suite: w.Suite, KeyID: w.KeyID, Bytes: w.Bytes})
	}
	if _, err := s.Put(ctx, st, s.Guards[r.id]); err != nil {
		return h, err
	}
	vote, err := s.VoteLeaf(r.id, 0)
	if err != nil {
		return h, err
	}
	if err := client.Vote(ctx, []string{s.url}, vote); err != nil {
		return h, err
	}
	accepted := time.Now()
	if err := rig.Until(ctx, func() (bool, error) {
		st, err := s.Client.Run(ctx, r.id)
		return err == nil && st.Halt != nil, err
	}); err != nil {
		return h, fmt.Errorf("halt: %w", err)
	}
	h.logged = time.Since(accepted)
	if err := rig.Until(ctx, func() (bool, error) {
		head, err := s.Client.Head(ctx)
		return err == nil && head.Number > uint64(r.number), err
	}); err != nil {
		return h, fmt.Errorf("epoch: %w", err)
	}
	h.witnessed = time.Since(accepted)
	h.labs = make([]time.Duration, seen.labs)
	for n := range seen.labs {
		select {
		case x := <-seen.wait[r.number]:
			h.labs[x.Mirror*each+x.Lab] = time.Unix(0, x.At).Sub(accepted)
		case <-ctx.Done():
			return h, fmt.Errorf("%d of %d labs saw it: %w", n, seen.labs, ctx.Err())
		}
	}
	return h, nil
}

// sightings are what labs reported, by halt.
type sightings struct {
	labs int
	mu   sync.Mutex
	wait map[int]chan sighting
}

func (s *sightings) take(x sighting) {
	s.mu.Lock()
	c := s.wait[x.Run]
	s.mu.Unlock()
	if c != nil {
		c <- x
	}
}

// trips opens connections to every mirror, and returns the farthest one's times.
func trips(ctx context.Context, mirrors []string) (far []time.Duration, err error) {
	var best time.Duration
	for _, m := range mirrors {
		u, err := url.Parse(m)
		if err != nil {
			return nil, err
		}
		var all []time.Duration
		var sum time.Duration
		for range tripRuns {
			began := time.Now()
			c, err := (&net.Dialer{}).DialContext(ctx, "tcp", u.Host)
			if err != nil {
				return nil, err
			}
			d := time.Since(began)
			_ = c.Close()
			all, sum = append(all, d), sum+d
		}
		if sum > best {
			best, far = sum, all
		}
	}
	return far, nil
}
