package admission_test

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/haltlog/haltlog/internal/admission"
	"github.com/haltlog/haltlog/log"
)

// TestBulkFlood: while every place of the bulk lane is taken, in verification
// and in the log, the fast lane takes no time.
func TestBulkFlood(t *testing.T) {
	t.Attr("invariant", "L5")
	for _, where := range []string{"verification", "append"} {
		t.Run(where, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				gate := make(chan struct{})
				hold := func(leaf []byte) bool {
					s, err := log.Parse(leaf)
					return err == nil && s.Kind() == log.KindEvaluations
				}
				if where == "append" {
					r.log.before = func(leaf []byte) (bool, error) {
						if hold(leaf) {
							<-gate
						}
						return false, nil
					}
				} else {
					r.judge.admit = func(s *log.Signed) error {
						if hold(s.Leaf) {
							<-gate
						}
						return nil
					}
				}
				r.start()
				var wg sync.WaitGroup
				var mu sync.Mutex
				refused := 0
				for i := range uint64(3000) {
					wg.Go(func() {
						if _, err := r.Submit(t.Context(), r.bulk(i+1)); err != nil {
							got := refusal(t, err, admission.ErrTooFast)
							mu.Lock()
							defer mu.Unlock()
							refused++
							if got.RetryAfter == 0 {
								t.Error("refused without a time to come again")
							}
						}
					})
				}
				synctest.Wait()
				mu.Lock()
				if refused == 0 {
					t.Error("the lane has no bound")
				}
				mu.Unlock()
				began := time.Now()
				for i, leaf := range [][]byte{r.checkin(0, 1), r.vote("run-1", 1, 0)} {
					if got, err := r.Submit(t.Context(), leaf); err != nil || !got.First {
						t.Errorf("case %d: %+v, %v", i, got, err)
					}
				}
				if d := time.Since(began); d != 0 {
					t.Errorf("took %v", d)
				}
				close(gate)
				wg.Wait()
			})
		})
	}
}

// TestForgedRings: a flood of forged rings, against the same run and others,
// costs the true vote some attempts and everything else nothing.
func TestForgedRings(t *testing.T) {
	t.Attr("invariant", "L5")
	synctest.Test(t, func(t *testing.T) {
		const each = 5 * time.Millisecond // a ring of 64
		r := newRig(t)
		r.cfg.VoteWorkers = 1
		forged := 0
		r.judge.vote = func(s *log.Signed) error {
			time.Sleep(each)
			if s.Envelope.Signatures[0].Sig[0] != 0 {
				forged++ // by the one worker
				return &log.VoidError{Class: log.Forbidden, Reason: "forged"}
			}
			return nil
		}
		r.start()
		ctx := t.Context()
		// Each of 600 attackers sends its next forgery as soon as the last was
		// answered, or refused for want of room.
		stop := make(chan struct{})
		var flood sync.WaitGroup
		for i := range 600 {
			flood.Go(func() {
				for n := byte(0); ; n++ {
					select {
					case <-stop:
						return
					default:
					}
					_, err := r.Submit(ctx, r.vote(fmt.Sprintf("run-%d", i%3), byte(i%251), n|1))
					if got, ok := errors.AsType[*admission.Refusal](err); ok && got.RetryAfter > 0 {
						time.Sleep(each)
					}
				}
			})
		}
		time.Sleep(time.Second)
		began := time.Now()
		if _, err := r.Submit(ctx, r.checkin(0, 1)); err != nil {
			t.Error(err)
		}
		if d := time.Since(began); d != 0 {
			t.Errorf("the check-in took %v", d)
		}
		attempts := 0
		for vote := r.vote("run-1", 255, 0); ; attempts++ {
			got, err := r.Submit(ctx, vote)
			if err == nil {
				if !got.First {
					t.Errorf("%+v", got)
				}
				break
			}
			time.Sleep(refusal(t, err, admission.ErrTooFast).RetryAfter / 100)
		}
		t.Logf("the vote took %v and %d attempts among forged ones", time.Since(began), attempts+1)
		close(stop)
		flood.Wait()
		if forged < 200 {
			t.Errorf("only %d forged ones were verified", forged)
		}
		if r.log.Size() != 2 {
			t.Errorf("%d entries", r.log.Size())
		}
	})
}

// TestVotesAreServedInRandomOrder: the first in line has no right to be next.
func TestVotesAreServedInRandomOrder(t *testing.T) {
	t.Attr("invariant", "L5")
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.VoteWorkers = 1
		gate := make(chan struct{})
		var order []byte
		r.judge.vote = func(s *log.Signed) error {
			<-gate
			order = append(order, s.Statement.(*log.LiveVote).Nonce[0])
			return nil
		}
		r.start()
		var wg sync.WaitGroup
		for i := range byte(100) {
			wg.Go(func() {
				if _, err := r.Submit(t.Context(), r.vote("run-1", i, 0)); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait() // one after the other into the line
		}
		close(gate)
		wg.Wait()
		inLine := 0
		for i, n := range order {
			if int(n) == i {
				inLine++
			}
		}
		// On average one stands where it came; twenty happen once in 10^19.
		if inLine > 20 {
			t.Errorf("%d of 100 were served in the order they came", inLine)
		}
	})
}

// TestCheapRefusalsFirst: what can be refused without a ring signature never
// reaches a worker.
func TestCheapRefusalsFirst(t *testing.T) {
	t.Attr("invariant", "L5")
	r := newRig(t)
	r.judge.screen = func(*log.Signed) error { return &log.VoidError{Class: log.Unknown, Reason: "no such run"} }
	r.judge.vote = func(*log.Signed) error { t.Error("verified"); return nil }
	r.start()
	refusal(t, errOf(r.Submit(t.Context(), r.vote("none", 1, 0))), admission.ErrUnknown)
}

// TestKeyBound: a key has its own bound; what others forge in its name is not
// charged to it.
func TestKeyBound(t *testing.T) {
	t.Attr("invariant", "L5")
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.FastRate, r.cfg.FastBurst = 10, 3
		refuse := false
		r.judge.admit = func(*log.Signed) error {
			if refuse {
				return &log.VoidError{Class: log.Forbidden, Reason: "forged"}
			}
			return nil
		}
		r.start()
		refuse = true
		for i := range uint64(50) {
			refusal(t, errOf(r.Submit(t.Context(), r.checkin(0, i+1))), admission.ErrForbidden)
		}
		refuse = false
		for i := range uint64(3) {
			if _, err := r.Submit(t.Context(), r.checkin(0, i+1)); err != nil {
				t.Fatal(err)
			}
		}
		got := refusal(t, errOf(r.Submit(t.Context(), r.checkin(0, 4))), admission.ErrTooFast)
		if got.RetryAfter != 100*time.Millisecond {
			t.Errorf("told to wait %v", got.RetryAfter)
		}
		if _, err := r.Submit(t.Context(), r.checkin(1, 1)); err != nil {
			t.Errorf("another key: %v", err)
		}
		time.Sleep(got.RetryAfter)
		if _, err := r.Submit(t.Context(), r.checkin(0, 4)); err != nil {
			t.Errorf("after waiting: %v", err)
		}
	})
}

// TestLag: the bulk lane stops at the stated lag, in entries or in time, and
// the fast lane does not.
func TestLag(t *testing.T) {
	t.Attr("invariant", "L7")
	r := newRig(t)
	r.cfg.MaxLag, r.cfg.MaxBehind = 10, time.Second
	var entries uint64
	var behind time.Duration
	r.deps.Lag = func() (uint64, time.Duration) { return entries, behind }
	r.start()
	for i, c := range []struct {
		entries uint64
		behind  time.Duration
		open    bool
	}{{10, time.Second, true}, {11, 0, false}, {1, time.Second + 1, false}, {0, 0, true}} {
		entries, behind = c.entries, c.behind
		_, err := r.Submit(t.Context(), r.bulk(uint64(i)+1))
		if c.open != (err == nil) {
			t.Errorf("%+v: %v", c, err)
		}
		if err != nil && refusal(t, err, admission.ErrUnavailable).RetryAfter == 0 {
			t.Errorf("%+v: not told to come again", c)
		}
		if _, err := r.Submit(t.Context(), r.checkin(0, uint64(i)+1)); err != nil {
			t.Errorf("%+v: fast lane: %v", c, err)
		}
	}
}

// TestAnchors: at most two in a period, counted when they are in the log.
func TestAnchors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		fail := false
		r.log.before = func([]byte) (bool, error) {
			if fail {
				return false, errDisk
			}
			return false, nil
		}
		r.start()
		r.keys.Setup()
		anchor := func() []byte {
			r.keys.Advance(time.Second)
			r.keys.Anchor()
			return r.keys.Leaves[len(r.keys.Leaves)-1]
		}
		fail = true
		refusal(t, errOf(r.Submit(t.Context(), anchor())), admission.ErrUnavailable)
		fail = false
		for range 2 {
			if _, err := r.Submit(t.Context(), anchor()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
		}
		third := anchor()
		got := refusal(t, errOf(r.Submit(t.Context(), third)), admission.ErrTooFast)
		if got.RetryAfter != 40*time.Second {
			t.Errorf("told to wait %v", got.RetryAfter)
		}
		time.Sleep(got.RetryAfter)
		if _, err := r.Submit(t.Context(), third); err != nil {
			t.Errorf("after waiting: %v", err)
		}
	})
}

// TestFamilies: each kind of refusal, and nothing of it in the log.
func TestFamilies(t *testing.T) {
	r := newRig(t)
	var next error
	r.judge.admit = func(*log.Signed) error { return next }
	r.start()
	leaf := r.checkin(0, 1)
	for _, c := range []struct {
		err, kind error
		retry     bool
	}{
		{&log.SyntaxError{Place: "run", Reason: "too long"}, admission.ErrMalformed, false},
		{&log.VoidError{Class: log.Forbidden}, admission.ErrForbidden, false},
		{&log.VoidError{Class: log.Unknown}, admission.ErrUnknown, false},
		{&log.VoidError{Class: log.Conflict}, admission.ErrConflict, false},
		{&log.VoidError{Class: log.Stale}, admission.ErrConflict, false},
		{fs.ErrInvalid, admission.ErrUnavailable, true},
	} {
		next = c.err
		got := refusal(t, errOf(r.Submit(t.Context(), leaf)), c.kind)
		if !errors.Is(got, c.err) || (got.RetryAfter > 0) != c.retry {
			t.Errorf("%v: %+v", c.err, got)
		}
	}
	for _, leaf := range []string{"", "{}", string(leaf) + "\n", string(make([]byte, 70_000))} {
		refusal(t, errOf(r.Submit(t.Context(), []byte(leaf))), admission.ErrMalformed)
	}
	if r.log.Size() != 0 {
		t.Errorf("%d entries", r.log.Size())
	}
}
