package log_test

import (
	"errors"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/log"
)

// A lease request is judged as a statement is, and never logged.
func TestLeaseRequest(t *testing.T) {
	t.Attr("invariant", "S4")
	t.Attr("invariant", "G3")
	l := foldtest.New(t, foldtest.Options{}).Setup()
	l.Run(run)
	ask := func() *log.LeaseRequest {
		return &log.LeaseRequest{Origin: l.Origin, Run: run, BootID: "boot-1", Nonce: make([]byte, 32), Sequence: 1, Anchor: l.AnchorRef()}
	}
	judge := func(r *log.LeaseRequest, signer log.Signer) error {
		_, _, err := l.Machine.Ledger().JudgeRequest(l.Seal(r, signer))
		return err
	}
	if err := judge(ask(), l.Guard); err != nil {
		t.Errorf("an honest request: %v", err)
	}
	if s := l.Append(l.Seal(ask(), l.Guard)); s.Validity != log.Void {
		t.Errorf("a logged request is %s", s.Validity)
	}
	if err := judge(ask(), l.Registrar); !errors.Is(err, log.ErrVoid) {
		t.Errorf("not a guard: %v", err)
	}
	if err := judge(ask(), foldtest.NewKey(t, "stranger")); !errors.Is(err, log.ErrVoid) {
		t.Errorf("stranger: %v", err)
	}
	old := ask()
	rules, _ := l.Machine.Ledger().Rules(foldtest.Chain)
	l.Advance(rules.Lease + 10*time.Second)
	l.Anchor()
	if err := judge(old, l.Guard); !errors.Is(err, log.ErrStale) {
		t.Errorf("stale: %v", err)
	}
	if _, _, err := l.Machine.Ledger().JudgeRequest(l.Seal(l.HeartbeatStatement(run), l.Guard)); err == nil {
		t.Error("a heartbeat asks for a lease")
	}
	l.Vote(run, l.Members[0])
	l.Decide(l.Engines[0])
	if err := judge(ask(), l.Guard); !errors.Is(err, log.ErrVoid) {
		t.Errorf("after the halt: %v", err)
	}
}
