package admission_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/haltlog/haltlog/internal/admission"
	"github.com/haltlog/haltlog/log"
)

// TestSameStatementAtOnce: of many submissions at the same time one appends.
func TestSameStatementAtOnce(t *testing.T) {
	t.Attr("invariant", "S2")
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		gate := make(chan struct{})
		r.log.before = func([]byte) (bool, error) { <-gate; return false, nil }
		r.start()
		for _, leaf := range [][]byte{r.checkin(0, 1), r.bulk(1), r.vote("run-1", 1, 0)} {
			var mu sync.Mutex
			firsts := 0
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					got, err := r.Submit(t.Context(), leaf)
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					defer mu.Unlock()
					if got.First {
						firsts++
					}
				})
			}
			synctest.Wait()
			gate <- struct{}{}
			wg.Wait()
			if n := r.log.times(leaf); n != 1 || firsts != 1 {
				t.Errorf("appended %d times, %d were first", n, firsts)
			}
			if got, err := r.Submit(t.Context(), leaf); err != nil || got.First {
				t.Errorf("again: %+v, %v", got, err)
			}
		}
	})
}

// TestForgeryDoesNotStandInTheWay: an envelope with the same identity and a
// forged signature neither takes the identity nor holds up the true one.
func TestForgeryDoesNotStandInTheWay(t *testing.T) {
	t.Attr("invariant", "S2")
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.VoteWorkers = 2
		gate := make(chan struct{})
		r.judge.vote = func(s *log.Signed) error {
			if s.Envelope.Signatures[0].Sig[0] != 0 {
				<-gate
				return &log.VoidError{Class: log.Forbidden, Reason: "forged"}
			}
			return nil
		}
		r.start()
		forged := make(chan error, 1)
		go func() {
			_, err := r.Submit(t.Context(), r.vote("run-1", 1, 1))
			forged <- err
		}()
		synctest.Wait()
		got, err := r.Submit(t.Context(), r.vote("run-1", 1, 0))
		if err != nil || !got.First {
			t.Errorf("the true one: %+v, %v", got, err)
		}
		close(gate)
		refusal(t, <-forged, admission.ErrForbidden)
		if r.log.Size() != 1 {
			t.Errorf("%d entries", r.log.Size())
		}
	})
}

// TestTwoSignaturesOfOneStatement: both verify, one is appended.
func TestTwoSignaturesOfOneStatement(t *testing.T) {
	t.Attr("invariant", "S2")
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		gate := make(chan struct{})
		r.log.before = func([]byte) (bool, error) { <-gate; return false, nil }
		r.start()
		got := make(chan admission.Receipt, 2)
		for _, sig := range []byte{1, 2} {
			go func() {
				c, err := r.Submit(t.Context(), r.vote("run-1", 1, sig))
				if err != nil {
					t.Error(err)
				}
				got <- c
			}()
		}
		synctest.Wait()
		close(gate)
		a, b := <-got, <-got
		if r.log.Size() != 1 || a.Index != b.Index || a.First == b.First {
			t.Errorf("%+v and %+v, %d entries", a, b, r.log.Size())
		}
	})
}

// TestAfterRestartAndRevocation: what is in the log is answered from the index
// alone, whatever the judge would say of it today.
func TestAfterRestartAndRevocation(t *testing.T) {
	t.Attr("invariant", "S2")
	r := newRig(t).start()
	leaf := r.checkin(0, 1)
	for i := range uint64(3) {
		if _, err := r.Submit(t.Context(), r.checkin(1, i+1)); err != nil {
			t.Fatal(err)
		}
	}
	first, err := r.Submit(t.Context(), leaf)
	if err != nil {
		t.Fatal(err)
	}
	// Another process, with the same log; the key is revoked by now.
	r.judge.admit = func(*log.Signed) error { return &log.VoidError{Class: log.Forbidden, Reason: "revoked"} }
	b, err := admission.New(r.cfg, r.deps)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	// Until the index has caught up nobody knows what is a repetition.
	again := refusal(t, errOf(b.Submit(t.Context(), leaf)), admission.ErrUnavailable)
	if again.RetryAfter == 0 {
		t.Error("not told to come again")
	}
	r.index.follow(t, r.log)
	got, err := b.Submit(t.Context(), leaf)
	if err != nil || got.First || got.Index != first.Index || got.Validity != log.Valid || got.Identity != first.Identity {
		t.Errorf("after the restart: %+v, %v, want index %d", got, err, first.Index)
	}
	refusal(t, errOf(b.Submit(t.Context(), r.checkin(0, 2))), admission.ErrForbidden)
}

func errOf(_ admission.Receipt, err error) error { return err }

// TestUncertain: after an append of unknown outcome the statement is not taken
// again before the index has seen all that may hold it.
func TestUncertain(t *testing.T) {
	t.Attr("invariant", "S2")
	for _, applied := range []bool{false, true} {
		r := newRig(t)
		fail := true
		r.log.before = func([]byte) (bool, error) {
			if fail {
				return applied, errDisk
			}
			return false, nil
		}
		r.start()
		leaf := r.checkin(0, 1)
		got := refusal(t, errOf(r.Submit(t.Context(), leaf)), admission.ErrUnavailable)
		if !got.Uncertain || got.RetryAfter == 0 || !errors.Is(got, errDisk) {
			t.Errorf("%+v", got)
		}
		fail = false
		if applied {
			refusal(t, errOf(r.Submit(t.Context(), leaf)), admission.ErrUnavailable)
		}
		r.index.follow(t, r.log)
		c, err := r.Submit(t.Context(), leaf)
		if err != nil || c.First == applied || r.log.times(leaf) != 1 {
			t.Errorf("applied %v: %+v, %v; %d times in the log", applied, c, err, r.log.times(leaf))
		}
	}
}

// TestClientGone: a vote is carried on without its client, anything else is
// not, and who sent the same bytes besides is not let down.
func TestClientGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		gate := make(chan struct{})
		block := func(*log.Signed) error { <-gate; return nil }
		r.judge.vote, r.judge.admit = block, block
		r.start()
		vote, checkin := r.vote("run-1", 1, 0), r.checkin(0, 1)
		gone, leave := context.WithCancel(t.Context())
		results := make(chan error, 3)
		for _, leaf := range [][]byte{vote, checkin} {
			go func() { results <- errOf(r.Submit(gone, leaf)) }()
		}
		synctest.Wait()
		go func() { results <- errOf(r.Submit(t.Context(), checkin)) }()
		synctest.Wait()
		leave()
		for range 2 {
			if err := <-results; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
		close(gate)
		if err := <-results; err != nil {
			t.Errorf("who stayed: %v", err)
		}
		synctest.Wait()
		if r.log.times(vote) != 1 || r.log.times(checkin) != 1 {
			t.Errorf("vote %d times, check-in %d times", r.log.times(vote), r.log.times(checkin))
		}
	})
}
