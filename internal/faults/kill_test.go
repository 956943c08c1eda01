package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/audit"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/rig"
	"github.com/haltlog/haltlog/policy"
)

// rounds is how often the daemon is killed.
func rounds() int {
	if n, err := strconv.Atoi(os.Getenv("HALTLOG_KILL_ROUNDS")); err == nil {
		return n
	}
	if testing.Short() {
		return 3
	}
	return 50
}

// told is everything that the daemon told anybody before it was killed.
type told struct {
	mu    sync.Mutex
	acked map[uint64][]byte          // leaves by the index that was answered
	halts map[string][]byte          // pushed, by run
	votes map[string]bool            // runs with an acknowledged vote
	heads map[uint64]checkpoint.Hash // published checkpoints' roots by size
}

func (x *told) ack(t *testing.T, index uint64, leaf []byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if had, ok := x.acked[index]; ok && !bytes.Equal(had, leaf) {
		t.Errorf("index %d was given twice", index)
	}
	x.acked[index] = leaf
}

func (x *told) head(t *testing.T, q *checkpoint.Quorum, note []byte) {
	v, err := q.Verify(note)
	if err != nil {
		t.Errorf("published without its quorum: %v", err)
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if had, ok := x.heads[v.Checkpoint.Size]; ok && had != v.Checkpoint.Root {
		t.Errorf("two roots at size %d", v.Checkpoint.Size)
	}
	x.heads[v.Checkpoint.Size] = v.Checkpoint.Root
}

// TestKill kills the daemon with SIGKILL at random moments, under check-ins,
// heartbeats, registrations and votes, and looks at what is left.
func TestKill(t *testing.T) {
	t.Attr("invariant", "L1")
	t.Attr("invariant", "L3")
	t.Attr("invariant", "L6")
	t.Attr("invariant", "E6")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	s := newSite(t, rig.Options{})
	q, err := checkpoint.ParseQuorum([]byte(s.Quorum(s.URLs)))
	if err != nil {
		t.Fatal(err)
	}
	x := &told{acked: map[uint64][]byte{}, halts: map[string][]byte{}, votes: map[string]bool{}, heads: map[uint64]checkpoint.Hash{}}
	p := s.start(t)
	if err := s.Setup(ctx, func(d *policy.Document) { d.Lease.GraceMS = 600_000 }); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(ctx, "lives"); err != nil {
		t.Fatal(err)
	}
	sequence := new(sequences)
	for round := range rounds() {
		load, done := context.WithCancel(ctx)
		var wg sync.WaitGroup
		s.load(load, t, &wg, x, q, round, sequence)
		pause(load, time.Duration(rand.IntN(400))*time.Millisecond)
		p.kill()
		done()
		wg.Wait()
		p = s.start(t)
	}
	s.quiet(ctx, t, x)
	t.Logf("%d rounds, %d acknowledged, %d votes, %d halts pushed, %d heads", rounds(), len(x.acked), len(x.votes), len(x.halts), len(x.heads))
	if len(x.acked) < rounds() {
		t.Errorf("%d statements were acknowledged in %d rounds: nothing is shown", len(x.acked), rounds())
	}
	s.compare(ctx, t, x, q)
	p.stop(t)
}

// sequences numbers statements of one kind and key, across lives.
type sequences struct {
	mu sync.Mutex
	n  uint64
}

func (s *sequences) next() uint64 { s.mu.Lock(); defer s.mu.Unlock(); s.n++; return s.n }

// pause lets load run for a while; the moment of the kill is what is random.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// load starts what keeps the daemon busy until ctx ends.
func (s *site) load(ctx context.Context, t *testing.T, wg *sync.WaitGroup, x *told, q *checkpoint.Quorum, round int, sequence *sequences) {
	until := func(do func() (uint64, []byte, error)) {
		wg.Go(func() {
			for ctx.Err() == nil {
				index, leaf, err := do()
				switch {
				case err == nil:
					x.ack(t, index, leaf)
				case ctx.Err() == nil && !errors.Is(err, client.ErrUnavailable):
					t.Errorf("round %d: %v", round, err)
					return
				case errors.Is(err, client.ErrUnavailable):
					pause(ctx, time.Millisecond)
				}
			}
		})
	}
	put := func(leaf []byte, err error) (uint64, []byte, error) {
		if err != nil {
			return 0, nil, err
		}
		a, err := s.Client.Submit(ctx, leaf)
		return a.Index, leaf, err
	}
	for m := range s.Members {
		until(func() (uint64, []byte, error) { return put(s.CheckinLeaf(ctx, "lives", m, sequence.next())) })
	}
	until(func() (uint64, []byte, error) { return put(s.HeartbeatLeaf(ctx, "lives", sequence.next())) })
	wg.Go(func() {
		for ctx.Err() == nil {
			if note, err := s.Client.Checkpoint(ctx); err == nil {
				x.head(t, q, note)
			}
		}
	})
	wg.Go(func() { s.haltOne(ctx, t, x, fmt.Sprintf("dies-%d", round)) })
}

// haltOne registers a run, listens to it, and ends it by a vote, as far as it gets.
func (s *site) haltOne(ctx context.Context, t *testing.T, x *told, run string) {
	if s.Run(ctx, run) != nil {
		return
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		for e, err := range s.Client.Events(ctx, run, 0) {
			if err != nil {
				return
			}
			if e.Name == api.EventHalt {
				x.mu.Lock()
				if had, ok := x.halts[run]; ok && !bytes.Equal(had, e.Data) {
					t.Errorf("two halts of %s", run)
				}
				x.halts[run] = e.Data
				x.mu.Unlock()
			}
		}
	})
	leaf, err := s.VoteLeaf(run, 2)
	if err != nil {
		t.Error(err)
		return
	}
	if a, err := s.Client.Submit(ctx, leaf); err == nil {
		x.ack(t, a.Index, leaf)
		x.mu.Lock()
		x.votes[run] = true
		x.mu.Unlock()
	}
}

// quiet waits until every halt that follows from the votes is logged, with its
// labels, and all is published.
func (s *site) quiet(ctx context.Context, t *testing.T, x *told) {
	t.Helper()
	wait, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	if err := rig.Until(wait, func() (bool, error) {
		for run := range x.votes {
			r, err := s.Client.Run(wait, run)
			if err != nil || r.Halt == nil || r.Fingerprints == nil {
				return false, fmt.Errorf("run %s is %+v: %w", run, r, err)
			}
		}
		return true, nil
	}); err != nil {
		t.Fatal(err)
	}
	leaf, err := s.HeartbeatLeaf(wait, "lives", 1<<40)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Client.SubmitWitnessed(wait, leaf); err != nil {
		t.Fatal(err)
	}
}

// compare holds the log that is left against what was told.
func (s *site) compare(ctx context.Context, t *testing.T, x *told, q *checkpoint.Quorum) {
	t.Helper()
	var tree checkpoint.Tree
	leaves := map[string]bool{}
	size := uint64(0)
	for e, err := range s.Client.Entries(ctx, client.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Index != size {
			t.Fatalf("entry %d after %d", e.Index, size)
		}
		if want, ok := x.acked[e.Index]; ok && !bytes.Equal(want, e.Leaf) {
			t.Errorf("entry %d is not what was acknowledged", e.Index)
		}
		delete(x.acked, e.Index)
		if err := tree.Append(e.Leaf); err != nil {
			t.Fatal(err)
		}
		leaves[string(e.Leaf)] = true
		size++
		if root, ok := x.heads[size]; ok && root != rootAt(t, &tree, size) {
			t.Errorf("the log forked at size %d", size)
		}
		delete(x.heads, size)
	}
	for index := range x.acked {
		t.Errorf("acknowledged entry %d is lost", index)
	}
	for n := range x.heads {
		if n > 0 {
			t.Errorf("published size %d is beyond the log", n)
		}
	}
	for run, halt := range x.halts {
		if !leaves[string(halt)] {
			t.Errorf("the halt of %s that was pushed is not in the log", run)
		}
	}
	hash := s.GenesisHash
	report, err := audit.Run(ctx, audit.Config{Quorum: []byte(s.Quorum(s.URLs)), Genesis: &hash}, audit.Deps{Log: s.Client, Verifier: keys.NewVerifier(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		switch f.Severity {
		case audit.SeverityFinding, audit.SeverityCannotJudge:
			t.Errorf("audit: %s", f)
		default:
			t.Logf("audit: %s", f)
		}
	}
	if report.Stats.Halts < uint64(len(x.votes)) {
		t.Errorf("%d halts, %d acknowledged votes", report.Stats.Halts, len(x.votes))
	}
	if _, err := q.Verify(report.Checkpoint); err != nil {
		t.Error(err)
	}
}

func rootAt(t *testing.T, tree *checkpoint.Tree, size uint64) checkpoint.Hash {
	t.Helper()
	root, err := tree.Root(size)
	if err != nil {
		t.Fatal(err)
	}
	return root
}
