package fold_test

import (
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/log"
	"github.com/haltlog/haltlog/policy"
)

// A live vote that no engine has decided on outlives the engine: whoever comes
// after it, or starts over, halts the run.
func TestAVoteOutlivesItsEngine(t *testing.T) {
	t.Attr("invariant", "E6")
	t.Run("rotated", func(t *testing.T) {
		l := armed(t, foldtest.Options{})
		next := foldtest.NewKey(t, "engine-next")
		number, previous := l.Machine.Ledger().Authority()
		l.Must(&log.Authority{
			Origin: foldtest.Origin, Number: number + 1, Previous: previous,
			Add: []log.KeyGrant{next.Grant(foldtest.Origin, log.RoleEngine)}, Revoke: []string{l.Engines[0].KeyID()},
		}, l.Threshold()...)
		l.Anchor()
		l.Advance(l.Machine.Ledger().Params().AuthorityDelay + 2*time.Second)
		vote := l.Vote(run, l.Members[0])
		if s := l.Anchor(); s.Validity != log.Valid {
			t.Fatal(s.Reason)
		}
		c := l.Machine.Chain(next.KeyID())
		if c == nil || l.Machine.Chain(l.Engines[0].KeyID()) != nil {
			t.Fatal("fixture: not rotated")
		}
		votes(t, l.Machine, next.KeyID(), l.Now, vote.Index)
	})
	t.Run("lapsed", func(t *testing.T) {
		l := armed(t, foldtest.Options{})
		vote := l.Vote(run, l.Members[0])
		for range 40 {
			l.Checkin(run, l.Members[0])
		}
		m := fold.NewWithBacklog(20)
		lapsed := false
		for _, leaf := range l.Leaves {
			lapsed = len(m.Apply(leaf).Lapsed) > 0 || lapsed
		}
		if !lapsed {
			t.Fatal("fixture: not lapsed")
		}
		votes(t, m, l.Engines[0].KeyID(), l.Now, vote.Index)
	})
	t.Run("close", func(t *testing.T) {
		// A run that ended by itself is not halted for its silence afterwards.
		l := armed(t, foldtest.Options{})
		l.Must(l.CloseStatement(run), l.Guard)
		for range 40 {
			l.Put(l.GenesisStatement(), l.Threshold()...)
			l.Anchor()
			l.Advance(time.Second)
		}
		m := fold.NewWithBacklog(20)
		for _, leaf := range l.Leaves {
			m.Apply(leaf)
		}
		p, err := m.Chain(l.Engines[0].KeyID()).Propose(m.Size(), l.Now)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Decision.Changed) != 1 || p.Decision.Changed[0].State != log.StateClosed {
			t.Fatalf("the close is forgotten: %+v", p.Decision.Changed)
		}
	})
}

func votes(t *testing.T, m *fold.Machine, engine string, now time.Time, vote uint64) {
	t.Helper()
	p, err := m.Chain(engine).Propose(m.Size(), now)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Decision.Changed) != 1 || p.Decision.Changed[0].State != log.StateHalt {
		t.Fatalf("the vote is forgotten: %+v", p.Decision.Changed)
	}
	if c := p.Decision.Changed[0].Causes[0]; c.Tripwire != "live_vote" || len(c.Evidence) != 1 || c.Evidence[0] != vote {
		t.Errorf("%+v", c)
	}
}

// A vote that was judged, and had no effect under the policy of its time, is no
// debt of a later engine.
func TestAJudgedVoteIsNotVotedAgain(t *testing.T) {
	t.Attr("invariant", "E6")
	l := foldtest.New(t, foldtest.Options{})
	l.Genesis()
	l.Policy(func(d *policy.Document) { d.LiveVote.Mode = policy.Observe })
	l.Anchor()
	l.Group(l.Members...)
	l.Run(run)
	l.Decide(l.Engines[0])
	l.Vote(run, l.Members[0])
	l.Decide(l.Engines[0])
	for range 40 {
		l.Checkin(run, l.Members[0])
	}
	m := fold.NewWithBacklog(20)
	for _, leaf := range l.Leaves {
		m.Apply(leaf)
	}
	if n := m.Votes(); n != 0 {
		t.Errorf("%d votes are held", n)
	}
}
