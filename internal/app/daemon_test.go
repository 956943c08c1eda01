package app_test

import (
	"context"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/rig"
	"github.com/haltlog/haltlog/log"
)

// deadline bounds how long a test waits for other goroutines and the disk.
const deadline = 90 * time.Second

// TestVoteEndsRun takes the whole way through a real daemon and real witnesses: a
// vote over HTTP, the decision, the halt pushed and logged, labels and epoch.
func TestVoteEndsRun(t *testing.T) {
	t.Attr("invariant", "L4")
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	r, err := rig.Start(t.TempDir(), rig.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Setup(ctx, nil); err != nil {
		t.Fatal(err)
	}
	if err := r.Run(ctx, "run-1"); err != nil {
		t.Fatal(err)
	}
	pushed := make(chan []byte, 4)
	listening := make(chan struct{})
	go func() {
		first := true
		for e, err := range r.Client.Events(ctx, "run-1", 0) {
			if err != nil {
				return
			}
			if first {
				close(listening)
				first = false
			}
			if e.Name == api.EventHalt {
				pushed <- e.Data
			}
		}
	}()
	<-listening
	leaf, err := r.VoteLeaf("run-1", 5)
	if err != nil {
		t.Fatal(err)
	}
	a, err := r.Client.SubmitFolded(ctx, leaf)
	if err != nil {
		t.Fatal(err)
	}
	if a.Validity != "valid" || a.Decision == nil || len(a.Verdicts) != 1 || a.Verdicts[0].State != log.StateHalt || a.Verdicts[0].Causes[0].Tripwire != "live_vote" {
		t.Errorf("the vote came to %+v", a)
	}
	halt := <-pushed
	if s, err := log.Parse(halt); err != nil || s.Statement.(*log.Halt).Run != "run-1" || s.Signer() != r.Engines[0].KeyID() {
		t.Errorf("pushed %s, %v", halt, err)
	}
	again, err := r.Client.Submit(ctx, leaf)
	if err != nil || !again.Repeat || again.Index != a.Index {
		t.Errorf("the vote again: %+v, %v", again, err)
	}
	// The receipt verifies with the quorum file alone.
	proof, err := r.Client.SubmitWitnessed(ctx, leaf)
	if err != nil {
		t.Fatal(err)
	}
	q, err := checkpoint.ParseQuorum([]byte(r.Quorum(r.URLs)))
	if err != nil {
		t.Fatal(err)
	}
	p, err := checkpoint.ParseProof(proof)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Verify(q, leaf); err != nil {
		t.Errorf("receipt: %v", err)
	}
	if err := rig.Until(ctx, func() (bool, error) {
		e, err := r.Client.Epoch(ctx)
		return err == nil && e.Validity == "valid", err
	}); err != nil {
		t.Errorf("no epoch follows the halt: %v", err)
	}
	why, err := r.Client.Why(ctx, "run-1")
	if err != nil || why.Sentence == "" {
		t.Errorf("why: %+v, %v", why, err)
	}
	t.Log(why.Sentence)
	if err := r.StopDaemon(); err != nil {
		t.Fatalf("stop: %v", err)
	}
	// A restart folds the same log and still knows the vote.
	if err := r.StartDaemon(); err != nil {
		t.Fatal(err)
	}
	if again, err := r.Client.Submit(ctx, leaf); err != nil || !again.Repeat || again.Index != a.Index {
		t.Errorf("the vote after a restart: %+v, %v", again, err)
	}
}
