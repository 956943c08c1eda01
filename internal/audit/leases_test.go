package audit

import (
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/log"
)

// lease is what an engine would grant now, after a change.
func lease(l *foldtest.Log, engine *foldtest.Key, change func(*log.Lease)) []byte {
	last, _ := l.Machine.Chain(engine.KeyID()).Last()
	rules, _ := l.Machine.Ledger().Rules(foldtest.Chain)
	st := &log.Lease{
		Origin: l.Origin, Run: theRun, Guard: l.Guard.KeyID(), BootID: "boot-1", Nonce: make([]byte, 32), Sequence: l.Next("lease"),
		DurationMS: rules.Lease.Milliseconds(), Policy: rules.Number, PolicyHash: rules.Hash,
		DecisionIndex: last.Index, DecisionSize: last.To, Checkpoint: l.Checkpoint(l.Size()), Consistency: []log.Hash{},
	}
	if change != nil {
		change(st)
	}
	return l.Seal(st, engine)
}

// A lease that a guard kept names the engine that granted it against the log.
func TestForgedLeases(t *testing.T) {
	l, labels := world(t, foldtest.Options{Engines: 2}, nil)
	engine := l.Engines[0]
	honest := lease(l, engine, nil)
	halt(l)
	list(l, labels)
	settle(l)
	old, _ := log.ParseMessage(honest)
	before := *old.Statement.(*log.Lease)
	for _, c := range []struct {
		name  string
		lease []byte
		want  []string
	}{
		{"honest", honest, nil},
		{"after the halt", lease(l, engine, nil), []string{"A27"}},
		{"after the halt, naming an earlier decision", lease(l, engine, func(s *log.Lease) {
			s.DecisionIndex, s.DecisionSize = before.DecisionIndex, before.DecisionSize
		}), []string{"A27"}},
		{"after the halt, hiding that the log has grown", lease(l, engine, func(s *log.Lease) { s.Checkpoint = before.Checkpoint }), []string{"A27"}},
		{"another policy", lease(l, engine, func(s *log.Lease) { *s = before; s.Policy++ }), []string{"A27"}},
		{"another policy's text", lease(l, engine, func(s *log.Lease) { *s = before; s.PolicyHash[0]++ }), []string{"A27"}},
		{"too long", lease(l, engine, func(s *log.Lease) { *s = before; s.DurationMS++ }), []string{"A27"}},
		{"another size of the decision", lease(l, engine, func(s *log.Lease) { *s = before; s.DecisionSize-- }), []string{"A27"}},
		{"no decision", lease(l, engine, func(s *log.Lease) { *s = before; s.DecisionIndex--; s.DecisionSize = 1 }), []string{"A27"}},
		{"another engine's decision", lease(l, l.Engines[1], func(s *log.Lease) { *s = before }), []string{"A27"}},
		{"a decision to come", lease(l, engine, func(s *log.Lease) { *s = before; s.DecisionIndex = l.Size() + 5 }), []string{"A27 cannot-judge"}},
		{"no such run", lease(l, engine, func(s *log.Lease) { *s = before; s.Run = "run-2" }), []string{"A27"}},
		{"no guard of it", lease(l, engine, func(s *log.Lease) { *s = before; s.Guard = l.Registrar.KeyID() }), []string{"A27"}},
		{"not an engine's key", lease(l, l.Engines[0], nil)[:0], nil},
		{"below the quorum", lease(l, engine, func(s *log.Lease) {
			*s = before
			s.Checkpoint = l.Note(checkpointAt(l, 9), l.Now, l.Witnesses[0])
		}), []string{"A27"}},
		{"another log's checkpoint", lease(l, engine, func(s *log.Lease) {
			*s = before
			other := rewritten(l, 3, 12)
			s.Checkpoint = other.Checkpoint(12)
		}), []string{"A04"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Attr("invariant", "G3")
			leaf := c.lease
			if len(leaf) == 0 {
				st := before
				leaf, c.want = l.Seal(&st, l.Guard), []string{"A27 cannot-judge"}
			}
			r := audited(t, l, options{config: func(cfg *Config) { cfg.Leases = [][]byte{leaf} }})
			expect(t, l, r, c.want...)
			for _, f := range r.Findings {
				if f.Check == checkLease && f.Severity == SeverityFinding && f.Engine == "" {
					t.Errorf("names no engine: %s", f)
				}
			}
		})
	}
}

// An engine that decided to halt, kept the halt to itself and granted on.
func TestLeaseAfterOwnDecision(t *testing.T) {
	t.Attr("invariant", "G3")
	l, _ := world(t, foldtest.Options{}, nil)
	l.Vote(theRun, l.Members[0])
	l.Must(l.Propose(l.Engines[0]).Decision, l.Engines[0])
	leaf := lease(l, l.Engines[0], nil)
	expect(t, l, audited(t, l, options{config: func(c *Config) { c.Leases = [][]byte{leaf} }}), "A27")
}

// Two of three engines are honest. The third grants after the halt, logs other
// values, and its clock is off by an hour: the audit names it, and no other.
func TestLyingEngine(t *testing.T) {
	t.Attr("invariant", "G3")
	t.Attr("invariant", "E1")
	t.Attr("invariant", "E2")
	for _, c := range []struct {
		name string
		lie  func(l *foldtest.Log, liar *foldtest.Key) []byte
		want []string
	}{
		{"grants after the halt", func(l *foldtest.Log, liar *foldtest.Key) []byte {
			halt(l)
			settle(l)
			return lease(l, liar, nil)
		}, []string{"A27"}},
		{"other values", func(l *foldtest.Log, liar *foldtest.Key) []byte {
			l.Vote(theRun, l.Members[0])
			forge(l, liar, func(d *log.Decision) { d.Changed = []log.Verdict{} })
			l.Engines = l.Engines[:2]
			decideAll(l)
			return nil
		}, []string{"A12"}},
		{"clock an hour ahead", func(l *foldtest.Log, liar *foldtest.Key) []byte {
			l.Engines = l.Engines[:2]
			forge(l, liar, func(d *log.Decision) { d.AsOf = log.TimeOf(l.Now.Add(time.Hour)) })
			for range 2 {
				tick(l)
			}
			return nil
		}, []string{"A14", "A15"}},
		{"clock an hour behind", func(l *foldtest.Log, liar *foldtest.Key) []byte {
			l.Engines = l.Engines[:2]
			last, _ := l.Machine.Chain(liar.KeyID()).Last()
			for range 9 {
				tick(l)
			}
			forge(l, liar, func(d *log.Decision) { d.AsOf = log.TimeOf(last.AsOf.Add(time.Second)) })
			for range 2 {
				tick(l)
			}
			return nil
		}, []string{"A13"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, labels := world(t, foldtest.Options{Engines: 3}, nil)
			liar := l.Engines[2]
			var leases [][]byte
			if b := c.lie(l, liar); b != nil {
				leases = [][]byte{b}
			}
			if r, _ := l.Machine.Ledger().Run(theRun); r.Halted && !r.Fingerprinted {
				list(l, labels)
				for range 2 {
					l.Anchor()
				}
			}
			r := audited(t, l, options{config: func(cfg *Config) { cfg.Leases = leases }})
			expect(t, l, r, c.want...)
			for _, f := range r.Findings {
				if f.Severity == SeverityFinding && f.Engine != liar.KeyID() {
					t.Errorf("names %q: %s", f.Engine, f)
				}
			}
		})
	}
}
