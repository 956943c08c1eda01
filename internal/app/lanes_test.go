package app_test

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/config"
	"github.com/haltlog/haltlog/internal/rig"
	"github.com/haltlog/haltlog/log"
)

// TestVoteOvertakesFloods: forged rings of 64, and valid registrations, as fast as
// they are taken; a check-in and a vote still come through while both go on.
func TestVoteOvertakesFloods(t *testing.T) {
	t.Attr("invariant", "L5")
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	r := begin(ctx, t, rig.Options{Members: 64}, nil)
	template, err := r.VoteLeaf("run-1", 0)
	if err != nil {
		t.Fatal(err)
	}
	flood, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	var forged, early, bulk atomic.Int64
	for range 32 {
		wg.Go(func() {
			for flood.Err() == nil {
				res, _ := send(t, http.MethodPost, r.Client.URL()+api.RouteStatements, forgedRing(t, template))
				switch res.StatusCode {
				case http.StatusTooManyRequests:
					early.Add(1)
					if res.Header.Get("Retry-After") == "" {
						t.Error("429 without Retry-After")
					}
				case http.StatusForbidden, http.StatusConflict:
				default:
					t.Errorf("a forged vote got %d", res.StatusCode)
				}
				forged.Add(1)
			}
		})
	}
	registrations := make(chan []byte, 64)
	wg.Go(func() {
		for i := 0; flood.Err() == nil; i++ {
			leaf, err := r.RunLeaf("flood-" + string(rune('a'+i%26)) + time.Duration(i).String())
			if err != nil {
				t.Error(err)
				return
			}
			select {
			case registrations <- leaf:
			case <-flood.Done():
			}
		}
	})
	for range 4 {
		wg.Go(func() {
			for flood.Err() == nil {
				select {
				case leaf := <-registrations:
					if _, err := r.Client.Submit(flood, leaf); err == nil {
						bulk.Add(1)
					}
				case <-flood.Done():
				}
			}
		})
	}
	going := func(n int64) {
		t.Helper()
		f, b := forged.Load(), bulk.Load()
		if err := rig.Until(ctx, func() (bool, error) { return forged.Load() >= f+n && bulk.Load() > b, nil }); err != nil {
			t.Fatalf("the floods stand still: %d, %d: %v", forged.Load(), bulk.Load(), err)
		}
	}
	going(64)
	checkin, err := r.CheckinLeaf(ctx, "run-1", 5, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := rig.Until(ctx, func() (bool, error) { _, err := r.Client.Submit(ctx, checkin); return err == nil, err }); err != nil {
		t.Fatalf("check-in: %v", err)
	}
	vote, err := r.VoteLeaf("run-1", 63)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Vote(ctx, []string{r.Client.URL()}, vote); err != nil {
		t.Fatal(err)
	}
	if err := rig.Until(ctx, func() (bool, error) {
		run, err := r.Client.Run(ctx, "run-1")
		return err == nil && run.State == api.RunHalted, err
	}); err != nil {
		t.Fatal(err)
	}
	if flood.Err() != nil {
		t.Fatal("the flood had ended")
	}
	t.Logf("%d forged votes, %d of them refused unseen, %d registrations", forged.Load(), early.Load(), bulk.Load())
}

// TestLag: while nothing is published, bulk stops at the stated lag, and votes do
// not; nothing acknowledged is published below its quorum.
func TestLag(t *testing.T) {
	t.Attr("invariant", "L7")
	t.Attr("invariant", "L3")
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	r := begin(ctx, t, rig.Options{}, func(c *config.Config) { c.Log.MaxLag = 256 })
	if err := r.Client.Ready(ctx); err != nil {
		t.Errorf("not ready: %v", err)
	}
	r.StopWitnesses()
	anchor, err := r.Anchor(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, m := range r.Members {
		wg.Go(func() {
			for i := range uint64(40) {
				if _, err := r.Put(ctx, &log.Checkin{Origin: rig.Origin, Run: "run-1", Sequence: i + 1, Anchor: anchor}, m.Checkin); err != nil {
					t.Errorf("check-in %d: %v", i, err)
					return
				}
			}
		})
	}
	wg.Wait()
	leaf, err := r.RunLeaf("run-2")
	if err != nil {
		t.Fatal(err)
	}
	refused(t, r, leaf, http.StatusServiceUnavailable, "unavailable")
	if err := r.Client.Ready(ctx); err == nil {
		t.Error("ready while nothing is published")
	}
	vote, err := r.VoteLeaf("run-1", 1)
	if err != nil {
		t.Fatal(err)
	}
	a, err := r.Client.SubmitFolded(ctx, vote)
	if err != nil || len(a.Verdicts) != 1 || a.Verdicts[0].State != log.StateHalt {
		t.Errorf("a vote beside a dead quorum: %+v, %v", a, err)
	}
	if _, err := r.Client.Proof(ctx, a.Index); err == nil {
		t.Error("a receipt without a quorum")
	}
}

// TestFrozen: a frozen log takes no new run and no second freeze; the runs that
// live go on to their end, and the freeze is witnessed.
func TestFrozen(t *testing.T) {
	t.Attr("invariant", "L8")
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	r := begin(ctx, t, rig.Options{}, nil)
	leaf, err := log.Seal(&log.Freeze{Origin: rig.Origin, Successor: "log.example/next", Reason: "moved"}, r.Threshold()...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Client.SubmitWitnessed(ctx, leaf); err != nil {
		t.Fatal(err)
	}
	again, err := log.Seal(&log.Freeze{Origin: rig.Origin, Successor: "log.example/other", Reason: "moved"}, r.Threshold()...)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, r, again, http.StatusConflict, "conflict")
	run, err := r.RunLeaf("run-2")
	if err != nil {
		t.Fatal(err)
	}
	refused(t, r, run, http.StatusConflict, "conflict")
	checkin, err := r.CheckinLeaf(ctx, "run-1", 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := r.Client.SubmitFolded(ctx, checkin); err != nil || a.Validity != string(log.Valid) || a.Decision == nil {
		t.Errorf("a check-in for a run that lives: %+v, %v", a, err)
	}
	vote, err := r.VoteLeaf("run-1", 1)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := r.Client.SubmitFolded(ctx, vote); err != nil || len(a.Verdicts) != 1 || a.Verdicts[0].State != log.StateHalt {
		t.Errorf("a vote for a run that lives: %+v, %v", a, err)
	}
	if err := rig.Until(ctx, func() (bool, error) {
		run, err := r.Client.Run(ctx, "run-1")
		return err == nil && run.Fingerprints != nil, err
	}); err != nil {
		t.Fatalf("no labels on a frozen log: %v", err)
	}
	if err := r.Client.Ready(ctx); err != nil {
		t.Errorf("a frozen log serves all that it takes: %v", err)
	}
}
