package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/haltlog/haltlog/internal/spread"
)

const (
	// spreadHalts is how many runs are halted, one after the other.
	spreadHalts = 30
	// spreadLabs is how many labs each region has: 50 in the five of them.
	spreadLabs = 10
	// spreadEvery is how often mirrors look at the log, and labs at their mirrors:
	// the checkpoint interval.
	spreadEvery = time.Second
)

// spreadPlan is what a measurement of the spread is of.
type spreadPlan struct {
	Name     string   // of the network
	Regions  []string // the operator is in the first
	Link     func(from, to int) spread.Link
	Mirrors  []int         // the region of each
	Witness  []int         // the region of each of three
	Labs     int           // of each mirror, in its region
	Halts    int           // measured, after one that is not
	Interval time.Duration // of checkpoints, and of looking
}

// benchSpread measures how long it takes until every lab of a small world sees the
// label of a halted model: processes of the real programs in a network of regions,
// with delay and loss between them.
func benchSpread(ctx context.Context, b *bench) error {
	plan := spreadPlan{
		Name: fmt.Sprintf("w%05d", os.Getpid()%100_000), Regions: spread.Regions(), Link: spread.World,
		Mirrors: []int{0, 1, 2, 3, 4}, Witness: []int{0, 1, 3}, Labs: spreadLabs, Halts: b.scale(spreadHalts), Interval: spreadEvery,
	}
	r, err := measureSpread(ctx, b, plan)
	if err != nil {
		return err
	}
	labs := plan.Labs * len(plan.Mirrors)
	note := fmt.Sprintf("%d halts; 3 witnesses, %d mirrors and %d labs in %d regions; checkpoints, mirrors and labs every %v; labels are looked for in the verified list",
		plan.Halts, len(plan.Mirrors), labs, len(plan.Regions), plan.Interval)
	trip := durations(millis, r.Trips).peer("opening a connection from the operator to the farthest mirror")
	b.add(fmt.Sprintf("spread: halt accepted to label visible at the last of %d labs", labs), durations(millis, r.last()), nil, trip, note)
	b.add("spread: halt accepted to label visible at a lab", durations(millis, slices.Concat(r.Labs...)), nil, nil, "every lab and halt")
	b.add("spread: of it until the halt is logged", durations(millis, r.Logged), nil, nil, "decided, logged and folded at the operator, asked every 10 ms; no witness is waited for")
	b.add("spread: of it until the epoch is witnessed at the operator", durations(millis, r.Witnessed), nil, nil, "vote accepted, halt decided and logged, labels opened and logged, epoch logged, checkpoint cosigned by 2 of 3")
	b.add("spread: of it until the first lab sees the label", durations(millis, r.first()), nil, nil, "the first of all labs, at each halt")
	for i, region := range plan.Mirrors {
		b.add("spread: of it until the last lab sees the label, "+plan.Regions[region], durations(millis, r.lastOf(i)), nil, nil, "the labs of one region, which ask its mirror")
	}
	b.say("  the network carried %d packets and lost %d", r.Sent, r.Lost)
	return nil
}

// spreadResult is what was measured, by halt.
type spreadResult struct {
	Logged    []time.Duration   `json:"logged"`
	Witnessed []time.Duration   `json:"witnessed"`
	Labs      [][]time.Duration `json:"labs"`    // those of the first mirror first
	Mirrors   int               `json:"mirrors"` // that share the labs equally
	Trips     []time.Duration   `json:"trips"`
	Sent      uint64            `json:"-"`
	Lost      uint64            `json:"-"`
}

// last are the times at which the last lab saw it.
func (r spreadResult) last() (out []time.Duration) {
	for _, labs := range r.Labs {
		out = append(out, slices.Max(labs))
	}
	return out
}

// first are the times at which the first lab saw it.
func (r spreadResult) first() (out []time.Duration) {
	for _, labs := range r.Labs {
		out = append(out, slices.Min(labs))
	}
	return out
}

// lastOf are the times at which the last lab of a mirror saw it.
func (r spreadResult) lastOf(mirror int) (out []time.Duration) {
	for _, labs := range r.Labs {
		each := len(labs) / r.Mirrors
		out = append(out, slices.Max(labs[mirror*each:(mirror+1)*each]))
	}
	return out
}

// measureSpread makes the network, and runs the operator's part inside of it.
func measureSpread(ctx context.Context, b *bench, plan spreadPlan) (r spreadResult, err error) {
	w, err := spread.New(ctx, spread.Config{Name: plan.Name, Regions: plan.Regions, Link: plan.Link, Seed: 1})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	part := operatorPart{
		Dir: filepath.Join(b.work, "spread"), Haltlogd: b.bin.haltlogd, Haltlog: b.bin.haltlog, Haltwitness: b.bin.haltwitness, Self: self,
		Mirrors: plan.Mirrors, Labs: plan.Labs, Halts: plan.Halts, Interval: plan.Interval,
		Places: &places{Witnesses: plan.Witness},
	}
	for i := range plan.Regions {
		var hosts []string
		for host := range hostMirror {
			hosts = append(hosts, w.Addr(i, host+1).String())
		}
		part.Places.Spaces, part.Places.Hosts = append(part.Places.Spaces, w.Space(i)), append(part.Places.Hosts, hosts)
	}
	raw, err := json.Marshal(part)
	if err != nil {
		return r, err
	}
	if err := os.Mkdir(part.Dir, 0o755); err != nil {
		return r, err
	}
	c := w.Command(ctx, 0, self)
	c.Env = append(os.Environ(), envSpread+"="+spreadOperator, envPart+"="+string(raw))
	c.Stderr = os.Stderr
	// It has processes of its own to end.
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = 2 * stopTime
	out, err := c.StdoutPipe()
	if err != nil {
		return r, err
	}
	if err := c.Start(); err != nil {
		return r, err
	}
	s := bufio.NewScanner(out)
	s.Buffer(nil, maxLine)
	var last []byte
	for s.Scan() {
		last = slices.Clone(s.Bytes())
	}
	if err := c.Wait(); err != nil {
		return r, fmt.Errorf("operator's region: %w", err)
	}
	if err := json.Unmarshal(last, &r); err != nil {
		return r, fmt.Errorf("operator's region: %w", err)
	}
	for from := range plan.Regions {
		for to := range plan.Regions {
			if from != to {
				n := w.Counts(from, to)
				r.Sent, r.Lost = r.Sent+n.Sent, r.Lost+n.Lost+n.Dropped
			}
		}
	}
	return r, nil
}
