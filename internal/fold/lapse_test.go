package fold_test

import (
	"slices"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/log"
	"github.com/haltlog/haltlog/policy"
)

// An engine that does not decide any more holds nobody's memory: its chain
// starts over from what is in force, and every reader sees the same.
func TestChainsLapse(t *testing.T) {
	t.Attr("invariant", "E1")
	l := armed(t, foldtest.Options{Engines: 2})
	for range 40 {
		l.Checkin(run, l.Members[0])
		l.Decide(l.Engines[0])
	}
	// Other than by the constant, the builder's machine would not lapse.
	two := []*fold.Machine{fold.NewWithBacklog(20), fold.NewWithBacklog(20)}
	var lapsed []string
	for _, m := range two {
		for _, leaf := range l.Leaves {
			s := m.Apply(leaf)
			lapsed = append(lapsed, s.Lapsed...)
			if m.Held() > 40 {
				t.Fatalf("%d events held", m.Held())
			}
		}
	}
	dead := l.Engines[1].KeyID()
	if len(lapsed) < 2 || slices.ContainsFunc(lapsed, func(e string) bool { return e != dead }) {
		t.Errorf("lapsed: %v", lapsed)
	}
	// It comes back: both readers expect the same of it, its runs armed anew.
	p, err := two[0].Chain(dead).Propose(l.Size(), l.Now)
	if err != nil {
		t.Fatal(err)
	}
	if p.Outcome.Armed != 1 || two[0].Chain(dead).From() == 0 {
		t.Errorf("%d armed", p.Outcome.Armed)
	}
	leaf := l.Seal(p.Decision, l.Engines[1])
	for _, m := range two {
		s := m.Apply(leaf)
		if s.Validity != log.Valid || s.Decision.Mismatch != nil {
			t.Errorf("%s: %s, %+v", s.Validity, s.Reason, s.Decision)
		}
	}
}

// With two engines asked for, a run ends when one of them is silent for its
// dwell, or logs what does not replay: such a chain vouches for no run.
func TestEngineQuorum(t *testing.T) {
	t.Attr("invariant", "E6")
	t.Run("silent", func(t *testing.T) { engineQuorum(t, func(*foldtest.Log) {}) })
	t.Run("lying", func(t *testing.T) {
		engineQuorum(t, func(l *foldtest.Log) {
			p := l.Propose(l.Engines[1])
			p.Decision.Root[0] ^= 1
			p.Decision.Changed = []log.Verdict{}
			l.Must(p.Decision, l.Engines[1])
		})
	})
}

func engineQuorum(t *testing.T, other func(l *foldtest.Log)) {
	l := foldtest.New(t, foldtest.Options{Engines: 2})
	l.Genesis()
	l.Policy(func(d *policy.Document) {
		d.Engine.Mode, d.Engine.Quorum = policy.Enforce, 2
	})
	l.Anchor()
	l.Group(l.Members...)
	l.Run(run)
	doc, _ := l.Machine.Policy(foldtest.Chain)
	dwell := time.Duration(doc.Engine.DwellMS) * time.Millisecond
	step := time.Duration(doc.MaxGapMS) * time.Millisecond
	both := func() {
		l.Heartbeat(run)
		l.Anchor()
		for _, e := range l.Engines {
			l.Decide(e)
		}
	}
	both()
	for t0 := l.Now; l.Now.Sub(t0) < 2*dwell; {
		l.Advance(step - time.Second)
		both()
	}
	if r, _ := l.Machine.Ledger().Run(run); r.Halted {
		t.Fatal("halted while both engines decide")
	}
	for t0 := l.Now; l.Now.Sub(t0) < 2*dwell; {
		l.Advance(step - time.Second)
		l.Anchor()
		if r, _ := l.Machine.Ledger().Run(run); r.Halted {
			break
		}
		l.Heartbeat(run)
		other(l)
		l.Decide(l.Engines[0])
	}
	last := l.Steps[len(l.Steps)-2]
	if r, _ := l.Machine.Ledger().Run(run); !r.Halted || last.Signed.Kind() != log.KindHalt {
		t.Fatalf("not halted, last %s", last.Signed.Kind())
	}
	if c := last.Signed.Statement.(*log.Halt).Causes; len(c) != 1 || c[0].Tripwire != "engine" {
		t.Errorf("%+v", c)
	}
}

func TestMachineWithoutEnginesHoldsNothing(t *testing.T) {
	m := fold.NewWithBacklog(4)
	for range 10 {
		m.Apply([]byte("{}"))
	}
	if m.Held() != 0 {
		t.Errorf("%d events", m.Held())
	}
}

// An engine that loses its role can log nothing more, holds no events, and its
// chain may still be asked.
func TestRevokedEngine(t *testing.T) {
	t.Attr("invariant", "S3")
	l := armed(t, foldtest.Options{Engines: 2})
	gone := l.Engines[1]
	c := l.Machine.Chain(gone.KeyID())
	l.Vote(run, l.Members[0])
	p := l.Propose(gone)
	_, identity := l.Machine.Ledger().Authority()
	l.Must(&log.Authority{
		Origin: l.Origin, Number: 1, Previous: identity, Add: []log.KeyGrant{}, Revoke: []string{gone.KeyID()},
	}, l.Threshold()...)
	if s := l.Put(p.Decision, gone); s.Validity != log.Void || s.Decision != nil {
		t.Errorf("a revoked engine's decision is %s", s.Validity)
	}
	if l.Machine.Chain(gone.KeyID()) != nil {
		t.Error("a revoked engine has a chain")
	}
	l.Decide(l.Engines[0])
	for range 4 {
		l.Anchor()
		l.Decide(l.Engines[0])
	}
	if _, err := c.Propose(l.Size(), l.Now); err != nil {
		t.Error(err)
	}
	if r, _ := l.Machine.Ledger().Run(run); !r.Halted {
		t.Error("the other engine halted nothing")
	}
}
