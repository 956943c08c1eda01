package fold_test

import (
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/log"
	"github.com/haltlog/haltlog/policy"
)

// A close takes effect through the decision whose range holds it: one that says
// so before it can have evaluated what came with the close ends no run, so that
// a lying engine cannot hide a run from the others' halts.
func TestACloseNeedsItsRange(t *testing.T) {
	t.Attr("invariant", "E5")
	t.Attr("invariant", "E6")
	l := armed(t, foldtest.Options{Engines: 2})
	p := l.Propose(l.Engines[1])
	l.Must(l.CloseStatement(run), l.Guard)
	p.Decision.Changed = []log.Verdict{{Run: run, Policy: 1, State: log.StateClosed, Causes: []log.Cause{}}}
	l.Must(p.Decision, l.Engines[1])
	if r, _ := l.Machine.Ledger().Run(run); r.Closed {
		t.Fatal("closed by a decision that does not hold the close")
	}
	l.Vote(run, l.Members[0])
	l.Decide(l.Engines[0])
	if r, _ := l.Machine.Ledger().Run(run); !r.Halted {
		t.Error("not halted")
	}
}

// full is a verifier that takes every ring signature.
type full struct{ log.Verifier }

func (full) VerifyRing([][]byte, []byte, []byte) error { return nil }

type forged string

func (f forged) KeyID() string                       { return string(f) }
func (f forged) Sign(message []byte) ([]byte, error) { return make([]byte, 32*9), nil }

// TestVotesLeaveRoomForTheHalt: a member who votes again and again while votes
// are only observed takes no room from the halt and its labels.
func TestVotesLeaveRoomForTheHalt(t *testing.T) {
	t.Attr("invariant", "S2")
	t.Attr("invariant", "E6")
	l := foldtest.New(t, foldtest.Options{Engines: 2, Verifier: full{keys.NewVerifier()}})
	l.Genesis()
	l.Policy(func(d *policy.Document) { d.LiveVote.Mode = policy.Observe })
	l.Anchor()
	l.Group(l.Members...)
	l.Run(run)
	l.Decide(l.Engines[0])
	l.Decide(l.Engines[1])
	refused := false
	for range 5000 {
		v := l.VoteStatement(run)
		if s := l.Put(v, forged(log.RingKeyID(v.Group))); s.Validity != log.Valid {
			refused = true
			break
		}
	}
	if !refused {
		t.Fatal("votes are not bounded")
	}
	l.Advance(time.Hour)
	other := l.Propose(l.Engines[1])
	l.Decide(l.Engines[0])
	if r, _ := l.Machine.Ledger().Run(run); !r.Halted {
		t.Error("the halt has no room")
	}
	l.Carry(l.Engines[1], other)
	confirmed := 0
	for _, s := range l.Steps {
		if s.Halt != nil {
			confirmed++
		}
	}
	if confirmed != 2 {
		t.Errorf("%d halts are valid: the confirming one has no room", confirmed)
	}
}
