package admission

import (
	"fmt"
	"sync"

	"github.com/haltlog/haltlog/log"
)

// A LedgerJudge asks a ledger. Its lock is the reading side of the one that
// whoever applies entries holds. Ring signatures, which take long, are verified
// outside it, so that they keep no entry from being applied.
type LedgerJudge struct {
	lock     sync.Locker
	ledger   *log.Ledger
	verifier log.Verifier
}

// NewLedgerJudge makes a judge; reading is the RLocker of the applier's lock.
func NewLedgerJudge(reading sync.Locker, ledger *log.Ledger, verifier log.Verifier) *LedgerJudge {
	return &LedgerJudge{lock: reading, ledger: ledger, verifier: verifier}
}

// Admit is [Judge].
func (j *LedgerJudge) Admit(leaf []byte) error {
	j.lock.Lock()
	defer j.lock.Unlock()
	return j.ledger.Admit(leaf)
}

// voteView is what the rule of a live vote sees; nobody has signed it by name.
type voteView struct{ *log.Ledger }

func (voteView) Signers() []log.Key        { return nil }
func (voteView) CheckPart(*log.Part) error { return nil }

// Screen is [Judge].
func (j *LedgerJudge) Screen(vote *log.Signed) error {
	j.lock.Lock()
	defer j.lock.Unlock()
	if o := log.OriginOf(vote.Statement); o != j.ledger.Origin() {
		return &log.VoidError{Class: log.Forbidden, Reason: fmt.Sprintf("made for the log %q", o)}
	}
	return vote.Statement.Void(voteView{j.ledger}, *vote)
}

// VerifyVote is [Judge].
func (j *LedgerJudge) VerifyVote(vote *log.Signed) error {
	ring, err := j.ring(vote)
	if err != nil {
		return err
	}
	if err := j.verifier.VerifyRing(ring, vote.Envelope.PAE(), vote.Envelope.Signatures[0].Sig); err != nil {
		return &log.VoidError{Class: log.Forbidden, Reason: "ring signature: " + err.Error()}
	}
	return nil
}

// ring are the keys of the group that a vote names.
func (j *LedgerJudge) ring(vote *log.Signed) ([][]byte, error) {
	v, ok := vote.Statement.(*log.LiveVote)
	if !ok || len(vote.Envelope.Signatures) != 1 {
		return nil, &log.VoidError{Class: log.Forbidden, Reason: "no live vote"}
	}
	j.lock.Lock()
	defer j.lock.Unlock()
	g, ok := j.ledger.Group(v.Group)
	if !ok {
		return nil, &log.VoidError{Class: log.Unknown, Reason: "unknown group"}
	}
	var keys [][]byte
	for _, m := range g.Statement.Members {
		keys = append(keys, m.Ring)
	}
	return keys, nil
}
