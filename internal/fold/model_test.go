package fold_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/log"
)

// anything takes every signature.
type anything struct{}

func (anything) Verify(_, _, _ []byte) error               { return nil }
func (anything) VerifyRing([][]byte, []byte, []byte) error { return nil }
func (anything) VerifyRingKeyProof(_, _, _ []byte) error   { return nil }

// fact is one entry as the naive reader sees it.
type fact struct {
	kind string // run, vote, close, halt
	run  string
	at   uint64
}

// naiveVerdicts reads the whole history for one decision: which runs an engine
// says halt, closed or go of, when only votes and closes can end one.
func naiveVerdicts(facts []fact, gone map[string]bool, from, to uint64) map[string]log.State {
	in := func(kind, run string, low uint64) bool {
		return slices.ContainsFunc(facts, func(f fact) bool { return f.kind == kind && f.run == run && f.at >= low && f.at < to })
	}
	out := map[string]log.State{}
	for _, f := range facts {
		if f.kind != "run" || f.at >= to || gone[f.run] || in("halt", f.run, 0) {
			continue
		}
		switch {
		case in("vote", f.run, from):
			out[f.run] = log.StateHalt
		case in("close", f.run, from):
			out[f.run] = log.StateClosed
		default:
			out[f.run] = log.StateGo
		}
	}
	return out
}

// Two engines fold the same log, each in its own ranges, with entries slipping
// in between a proposal and its place in the log. A naive reader agrees with
// every verdict, and a second machine with every byte.
func TestFoldOrderAgainstModel(t *testing.T) {
	t.Attr("invariant", "E1")
	t.Attr("invariant", "E6")
	base := foldtest.New(t, foldtest.Options{Engines: 2, Verifier: anything{}}).Setup()
	rapid.Check(t, func(rt *rapid.T) {
		l := base.Fork(len(base.Leaves))
		var facts []fact
		gone := []map[string]bool{{}, {}}
		waiting := make([]*log.Decision, 2)
		var halts []func()
		put := func(kind, run string, st log.Statement, signer log.Signer) fold.Step {
			s := l.Put(st, signer)
			if s.Validity == log.Valid && kind != "" {
				facts = append(facts, fact{kind, run, s.Index})
			}
			return s
		}
		run := func() string { return fmt.Sprintf("run-%d", rapid.IntRange(0, 2).Draw(rt, "run")) }
		for range rapid.IntRange(1, 30).Draw(rt, "length") {
			switch rapid.IntRange(0, 7).Draw(rt, "op") {
			case 0, 1:
				id := run()
				put("run", id, l.RunStatement(id), l.Registrar)
			case 2:
				id := run()
				v := l.VoteStatement(id)
				if v.Group != (log.Hash{}) {
					put("vote", id, v, l.RingSigner(v.Group, l.Members[0]))
				}
			case 3:
				id := run()
				put("close", id, l.CloseStatement(id), l.Guard)
			case 4:
				l.Anchor()
			case 5:
				if len(halts) > 0 {
					i := rapid.IntRange(0, len(halts)-1).Draw(rt, "halt")
					halts[i]()
					halts = slices.Delete(halts, i, i+1)
				}
			default:
				e := rapid.IntRange(0, 1).Draw(rt, "engine")
				c := l.Machine.Chain(l.Engines[e].KeyID())
				if waiting[e] == nil {
					low := uint64(0)
					if last, ok := c.Last(); ok {
						low = last.To
					}
					p, err := c.Propose(rapid.Uint64Range(low, l.Size()).Draw(rt, "to"), l.Now)
					if err != nil {
						rt.Fatal(err)
					}
					waiting[e] = p.Decision
					continue
				}
				d := waiting[e]
				waiting[e] = nil
				s := l.Must(d, l.Engines[e])
				if s.Decision.Mismatch != nil {
					rt.Fatalf("expected %s, logged %s", s.Decision.Mismatch.Expected, s.Decision.Mismatch.Logged)
				}
				want := naiveVerdicts(facts, gone[e], d.From, d.To)
				if len(want) != s.Decision.Outcome.Armed {
					rt.Fatalf("%d armed, the model says %v", s.Decision.Outcome.Armed, want)
				}
				for _, v := range s.Decision.Outcome.Verdicts {
					if want[v.Run] != log.State(v.State) {
						rt.Fatalf("run %s: %s, the model says %s", v.Run, v.State, want[v.Run])
					}
					if want[v.Run] == log.StateGo {
						continue
					}
					gone[e][v.Run] = true
					if want[v.Run] == log.StateHalt {
						p := fold.Proposal{Decision: d}
						for _, h := range p.Halts(s.Signed.Identity) {
							if h.Run == v.Run {
								halts = append(halts, func() { put("halt", h.Run, h, l.Engines[e]) })
							}
						}
					}
				}
			}
		}
		m := fold.New(fold.Config{}, fold.Deps{Verifier: anything{}})
		for i, leaf := range l.Leaves {
			s := m.Apply(leaf)
			if s.Validity != l.Steps[i].Validity || s.Reason != l.Steps[i].Reason || s.LeafHash != l.Steps[i].LeafHash {
				rt.Fatalf("entry %d is %s to one and %s to the other", i, l.Steps[i].Validity, s.Validity)
			}
			if s.Decision != nil && s.Decision.Mismatch != nil {
				rt.Fatalf("entry %d does not replay", i)
			}
		}
	})
}
