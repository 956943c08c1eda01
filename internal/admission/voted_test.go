package admission_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/haltlog/haltlog/internal/admission"
	"github.com/haltlog/haltlog/log"
)

// TestVotedBeforeLogged: a vote whose ring verified is told before it is in the
// log, whatever the log does; a forged one, one of no run, and anything else never.
func TestVotedBeforeLogged(t *testing.T) {
	t.Attr("invariant", "G2")
	r := newRig(t)
	var told [][]byte
	r.deps.Voted = func(run string, leaf []byte) {
		if r.log.times(leaf) != 0 {
			t.Error("told after it was logged")
		}
		told = append(told, leaf)
	}
	r.judge.screen = func(s *log.Signed) error {
		if s.Statement.(*log.LiveVote).Run != "run-1" {
			return &log.VoidError{Class: log.Unknown, Reason: "no such run"}
		}
		return nil
	}
	r.judge.vote = func(s *log.Signed) error {
		if s.Envelope.Signatures[0].Sig[0] != 0 {
			return &log.VoidError{Class: log.Forbidden, Reason: "forged"}
		}
		return nil
	}
	fail := true
	r.log.before = func([]byte) (bool, error) {
		if fail {
			return false, errDisk
		}
		return false, nil
	}
	r.start()
	vote := r.vote("run-1", 1, 0)
	refusal(t, errOf(r.Submit(t.Context(), vote)), admission.ErrUnavailable)
	if len(told) != 1 || !bytes.Equal(told[0], vote) {
		t.Fatalf("a vote that the log could not take was told %d times", len(told))
	}
	fail = false
	refusal(t, errOf(r.Submit(t.Context(), r.vote("run-1", 2, 1))), admission.ErrForbidden)
	refusal(t, errOf(r.Submit(t.Context(), r.vote("run-2", 3, 0))), admission.ErrUnknown)
	if _, err := r.Submit(t.Context(), r.checkin(0, 1)); err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(told, func(l []byte) bool { return !bytes.Equal(l, vote) }) {
		t.Error("something else than a verified vote was told")
	}
}
