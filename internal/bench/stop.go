package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"time"

	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/guard"
	"github.com/haltlog/haltlog/internal/guardian"
	"github.com/haltlog/haltlog/internal/rig"
	"github.com/haltlog/haltlog/policy"
)

const (
	// stopRuns is how many runs are stopped, one after another.
	stopRuns = 1000
	// guardsAhead is how many guarded processes wait for their vote at the same
	// time: starting one takes far longer than stopping it.
	guardsAhead = 8
	// asleep is how long a guarded command lives if nobody stops it, in seconds.
	asleep = "86400"
)

// benchStop times a vote from its sending to the moment at which the guard saw
// the run dead, both on the machine's boot-time clock: daemon, witnesses, guard
// and command are processes, and each vote comes on a connection of its own.
func benchStop(ctx context.Context, b *bench) error {
	for _, armed := range []int{0, 100} {
		if err := stopWith(ctx, b, armed); err != nil {
			return err
		}
	}
	return nil
}

func stopWith(ctx context.Context, b *bench, armed int) error {
	s, err := newStage(ctx, b, fmt.Sprintf("stop-%d", armed), rig.Options{}, func(d *policy.Document) { d.Lease.Mode = policy.Enforce })
	if err != nil {
		return err
	}
	defer s.close()
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	wait, err := s.arm(within, "armed", armed)
	if err != nil {
		return err
	}
	var ours, floor, heard, killed []time.Duration
	modes := map[string]int{}
	for n := 0; n < b.scale(stopRuns); {
		var gs []*guarded
		for i := range min(guardsAhead, b.scale(stopRuns)-n) {
			g, err := s.guard(ctx, fmt.Sprintf("run-%d", n+i))
			if err != nil {
				return err
			}
			gs = append(gs, g)
		}
		for _, g := range gs {
			if err := g.wait(ctx, guardian.EventStarted); err != nil {
				return err
			}
		}
		pause(ctx, settle)
		for _, g := range gs {
			d, err := g.stop(ctx)
			if err != nil {
				return err
			}
			ours, heard, killed = append(ours, d), append(heard, g.heard), append(killed, d-g.ordered)
			modes[g.mode]++
			n++
		}
		for range gs {
			d, err := killAlone()
			if err != nil {
				return err
			}
			floor = append(floor, d)
		}
		b.say("  %d of %d", n, b.scale(stopRuns))
	}
	cancel()
	if err := errors.Join(wait(), s.alive()); err != nil {
		return err
	}
	name := "vote sent to process observed dead, idle log"
	if armed > 0 {
		name = fmt.Sprintf("vote sent to process observed dead, %d armed runs", armed)
	}
	h, k := durations(millis, heard), durations(millis, killed)
	b.add(name, durations(millis, ours), &Target{P50: new(15.0), P99: new(40.0)}, durations(millis, floor).peer("kill -9 of a child and its wait"),
		fmt.Sprintf("held by %v; of it until the guard knew: p50 %g, p99 %g ms; from its order to the evidence: p50 %g, p99 %g ms; %d guarded runs are up at a time",
			modes, round(h.at(0.5)), round(h.at(0.99)), round(k.at(0.5)), round(k.at(0.99)), guardsAhead))
	return nil
}

// guarded is a run with its guard and its vote.
type guarded struct {
	s      *stage
	id     string
	p      *process
	events chan guardian.Event
	leaf   []byte

	mode           string
	heard, ordered time.Duration // since the vote was sent
}

// guard registers a run and starts its guard over a command that sleeps.
func (s *stage) guard(ctx context.Context, id string) (*guarded, error) {
	if err := s.Run(ctx, id); err != nil {
		return nil, fmt.Errorf("register %s: %w", id, err)
	}
	g := &guarded{s: s, id: id, events: make(chan guardian.Event, 1024)}
	var err error
	if g.leaf, err = s.VoteLeaf(id, 0); err != nil {
		return nil, err
	}
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		return nil, err
	}
	g.p, err = start(s.file(id+".log"), []string{
		s.b.bin.haltlog, "--output", "json", "guard", "--run", id, "--log", s.url, "--quorum", s.file("quorum.txt"), "--genesis", s.GenesisHash.Hex(),
		"--key", s.file("guard-" + id + ".pem"), "--state", s.file("guard-" + id), "--", sleep, asleep,
	}, nil, func(line string) {
		var e guardian.Event
		if json.Unmarshal([]byte(line), &e) == nil {
			g.events <- e
		}
	})
	if err == nil {
		s.all = append(s.all, g.p)
	}
	return g, err
}

// wait waits for an event of the guard.
func (g *guarded) wait(ctx context.Context, name string) error {
	_, err := g.until(ctx, func(e guardian.Event) bool { return e.Event == name })
	return err
}

func (g *guarded) until(ctx context.Context, ok func(guardian.Event) bool) (guardian.Event, error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		select {
		case e := <-g.events:
			if ok(e) {
				return e, nil
			}
		case <-ctx.Done():
			return guardian.Event{}, fmt.Errorf("guard of %s: %w\n%s", g.id, ctx.Err(), g.p.tail())
		}
	}
}

// stop sends the vote, and returns how long it took until the run was seen dead.
func (g *guarded) stop(ctx context.Context) (time.Duration, error) {
	clock, err := guard.NewSystemClock()
	if err != nil {
		return 0, err
	}
	sent := clock.Boot()
	if err := client.Vote(ctx, []string{g.s.url}, g.leaf); err != nil {
		return 0, err
	}
	var dead guardian.Event
	if _, err := g.until(ctx, func(e guardian.Event) bool {
		switch e.Event {
		case guardian.EventVote, guardian.EventHalt:
			if g.heard == 0 {
				g.heard = time.Duration(e.BootNS) - sent
			}
		case guardian.EventDead:
			dead = e
		case guardian.EventUnconfirmed, guardian.EventEnded:
			g.mode = e.Event
		}
		return e.Event == guardian.EventOver
	}); err != nil {
		return 0, err
	}
	if dead.Event == "" {
		return 0, fmt.Errorf("guard of %s was over without seeing it dead (%s)\n%s", g.id, g.mode, g.p.tail())
	}
	<-g.p.done
	g.s.forget(g.p)
	g.mode, g.ordered = dead.Mode, time.Duration(dead.OrderedBootNS)-sent
	return time.Duration(dead.BootNS) - sent, nil
}

// killAlone is the floor: what the kernel alone takes to end a process.
func killAlone() (time.Duration, error) {
	c := exec.Command("sleep", asleep)
	if err := c.Start(); err != nil {
		return 0, err
	}
	began := time.Now()
	if err := c.Process.Kill(); err != nil {
		return 0, err
	}
	_ = c.Wait() // its error is the signal that we sent
	if c.ProcessState == nil {
		return 0, errors.New("sleep " + strconv.Itoa(c.Process.Pid) + " was not seen to end")
	}
	return time.Since(began), nil
}
