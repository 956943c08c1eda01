package log_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/log"
)

// naive judges one run's log by reading its whole history again for every
// entry, without any state of its own.
type naive struct {
	past  []said
	limit map[string]time.Duration // freshness by kind
}

type said struct {
	kind, who, says string
	sequence        uint64
	named           int // place of the anchor named among the past; -1 for none such
	at              time.Time
	decision        int // place of the decision that a halt names
	became          log.Validity
}

func (n *naive) ended() bool {
	closing := false
	for _, s := range n.past {
		if s.became != log.Valid {
			continue
		}
		switch {
		case s.kind == "halt":
			return true
		case s.kind == "close":
			closing = true
		case s.kind == "decision" && s.says == "closed" && closing:
			return true
		case s.kind == "decision":
			closing = false // its range held the close: no later one's does
		}
	}
	return false
}

func (n *naive) halted() bool {
	for _, s := range n.past {
		if s.kind == "halt" && s.became == log.Valid {
			return true
		}
	}
	return false
}

// last is the highest sequence that is taken.
func (n *naive) last(kind, who string) uint64 {
	var last uint64
	for _, s := range n.past {
		if s.kind == kind && s.who == who && (s.became == log.Valid || s.became == log.StaleVoid) {
			last = max(last, s.sequence)
		}
	}
	return last
}

func (n *naive) newest() time.Time {
	var t time.Time
	for _, s := range n.past {
		if s.kind == "anchor" && s.became == log.Valid {
			t = s.at
		}
	}
	return t
}

func (n *naive) judge(s said) log.Validity {
	switch s.kind {
	case "anchor":
		if !s.at.After(n.newest()) {
			return log.Void
		}
		return log.Valid
	case "revoke":
		for _, p := range n.past {
			if p.kind == "revoke" && p.became == log.Valid {
				return log.Void
			}
		}
		return log.Valid
	case "actuation":
		revoked := false
		for _, p := range n.past {
			revoked = revoked || p.kind == "revoke" && p.became == log.Valid
		}
		if s.sequence <= n.last(s.kind, s.who) || revoked {
			return log.Void
		}
		return log.Valid
	case "decision":
		return log.Valid
	case "halt":
		for _, p := range n.past {
			if p.kind == "halt" && p.became == log.Valid {
				return log.Void
			}
		}
		if s.decision < 0 || n.past[s.decision].says != "halt" || n.ended() && !n.halted() {
			return log.Void
		}
		return log.Valid
	case "close":
		for _, p := range n.past {
			if p.kind == "close" && p.became == log.Valid {
				return log.Void
			}
		}
	}
	if n.ended() || s.sequence != 0 && s.sequence <= n.last(s.kind, s.who) {
		return log.Void
	}
	if limit, ok := n.limit[s.kind]; ok {
		if s.named < 0 {
			return log.Void
		}
		if n.newest().Sub(n.past[s.named].at) > limit {
			return log.StaleVoid
		}
	}
	return log.Valid
}

// The ledger and the naive reader agree on every entry of any history.
func TestLedgerAgainstModel(t *testing.T) {
	t.Attr("invariant", "S3")
	t.Attr("invariant", "S4")
	base := foldtest.New(t, foldtest.Options{Verifier: anything{}}).Setup()
	base.Run(run)
	rules, _ := base.Machine.Ledger().Rules(foldtest.Chain)
	params := base.Machine.Ledger().Params()
	slack := params.AnchorPeriod + params.Skew + time.Second
	rapid.Check(t, func(rt *rapid.T) {
		l := base.Fork(len(base.Leaves))
		n := &naive{limit: map[string]time.Duration{
			"checkin":   rules.Intervals[foldtest.Class] + slack,
			"heartbeat": rules.Lease + slack,
		}}
		// The history begins with the anchor of the set-up.
		a, _ := l.Machine.Ledger().NewestAnchor()
		n.past = append(n.past, said{kind: "anchor", at: a.Min, became: log.Valid})
		refs := map[int]log.AnchorRef{0: l.AnchorRef()}
		identities := map[int]log.Hash{}
		causes := []log.Cause{{Tripwire: "live_vote", Evidence: []uint64{1}, Value: 1, Bound: 1}}
		var leaves [][]byte

		apply := func(s said, leaf []byte) {
			want := n.judge(s)
			admitted := l.Machine.Ledger().Admit(leaf)
			step := l.Append(leaf)
			if (admitted == nil) != (step.Validity == log.Valid) {
				rt.Fatalf("%+v is %s, and admitted with %v", s, step.Validity, admitted)
			}
			if step.Validity != want {
				rt.Fatalf("%+v is %s (%s), the model says %s", s, step.Validity, step.Reason, want)
			}
			s.became = want
			n.past = append(n.past, s)
			leaves = append(leaves, leaf)
			identities[len(n.past)-1] = step.Signed.Identity
			if s.kind == "anchor" && want == log.Valid {
				refs[len(n.past)-1] = l.AnchorRef()
			}
		}
		name := func() (int, log.AnchorRef) {
			places := []int{-1}
			for i, s := range n.past {
				if s.kind == "anchor" && s.became == log.Valid {
					places = append(places, i)
				}
			}
			// Mostly the newest few.
			i := places[max(0, len(places)-1-rapid.IntRange(0, 4).Draw(rt, "anchor"))]
			if i < 0 {
				return i, log.AnchorRef{Index: 2, Root: log.Hash{7}}
			}
			return i, refs[i]
		}
		sequence := func(kind, who string) uint64 {
			return max(3, n.last(kind, who)+2) - rapid.Uint64Range(0, 2).Draw(rt, "back")
		}
		for range rapid.IntRange(1, 60).Draw(rt, "length") {
			switch rapid.IntRange(0, 9).Draw(rt, "op") {
			case 0, 1, 2:
				m := rapid.SampledFrom(l.Members[:2]).Draw(rt, "member")
				place, ref := name()
				s := said{kind: "checkin", who: m.Pseudonym, sequence: sequence("checkin", m.Pseudonym), named: place}
				apply(s, l.Seal(&log.Checkin{Origin: l.Origin, Run: run, Sequence: s.sequence, Anchor: ref}, m.Checkin))
			case 3:
				place, ref := name()
				s := said{kind: "heartbeat", who: "guard", sequence: sequence("heartbeat", "guard"), named: place}
				apply(s, l.Seal(&log.Heartbeat{Origin: l.Origin, Run: new(run), Sequence: s.sequence, Anchor: ref, Alive: true, BootID: "b"}, l.Guard))
			case 4, 5:
				dt := time.Duration(rapid.SampledFrom([]int{0, 1, 3, 20, 60, 150, 400}).Draw(rt, "dt")) * time.Second
				at := n.newest().Add(dt)
				root := l.Root(l.Size())
				s := said{kind: "anchor", at: at}
				apply(s, l.Seal(&log.Anchor{Origin: l.Origin, Checkpoint: l.NoteAt(l.Size(), root, at)}))
			case 6:
				engine := l.Engines[0]
				d := &log.Decision{Origin: l.Origin, Sequence: 1, Semantics: 1, To: l.Size(), AsOf: log.TimeOf(foldtest.Start), Changed: []log.Verdict{}}
				if last, ok := l.Machine.Ledger().Decision(engine.KeyID()); ok {
					d.Sequence, d.Previous, d.From = last.Sequence+1, &last.Identity, last.To
				}
				s := said{kind: "decision", says: rapid.SampledFrom([]string{"none", "halt", "closed"}).Draw(rt, "says")}
				switch s.says {
				case "halt":
					d.Changed = []log.Verdict{{Run: run, State: log.StateHalt, Causes: causes}}
				case "closed":
					d.Changed = []log.Verdict{{Run: run, State: log.StateClosed, Causes: []log.Cause{}}}
				}
				apply(s, l.Seal(d, engine))
			case 7:
				s := said{kind: "halt", decision: -1}
				h := &log.Halt{Origin: l.Origin, Run: run, Causes: causes}
				for i, p := range n.past {
					if p.kind == "decision" {
						s.decision, h.Decision = i, identities[i]
					}
				}
				apply(s, l.Seal(h, l.Engines[0]))
			case 8:
				switch rapid.IntRange(0, 2).Draw(rt, "which") {
				case 0:
					s := said{kind: "actuation", who: "actuator", sequence: sequence("actuation", "actuator")}
					st := l.ActuationStatement(run)
					st.Sequence, st.Halt = s.sequence, nil
					apply(s, l.Seal(st, l.Actuator))
				case 1:
					apply(said{kind: "close"}, l.Seal(l.CloseStatement(run), l.Guard))
				case 2:
					s := said{kind: "artefact", who: "guard", sequence: sequence("artefact", "guard")}
					apply(s, l.Seal(&log.Artefact{
						Origin: l.Origin, Run: run, Number: s.sequence, KeyVersion: 1, Count: 1, Sealed: log.Bytes{1},
						Wraps: []log.Wrap{{Suite: 1, KeyID: log.KeyID(l.EscrowSPKI), Bytes: log.Bytes{1}}},
					}, l.Guard))
				}
			case 9:
				if rapid.Bool().Draw(rt, "revoke") {
					apply(said{kind: "revoke"}, l.Seal(revoke(l, l.Actuator), l.Threshold()...))
					continue
				}
				if len(leaves) > 0 {
					// Sent again, nothing is valid a second time.
					i := rapid.IntRange(0, len(leaves)-1).Draw(rt, "again")
					if n.past[i+1].kind == "anchor" {
						continue // what is void without a signature takes no identity
					}
					if s := l.Append(leaves[i]); s.Validity != log.Void {
						rt.Fatalf("%s sent again is %s", n.past[i+1].kind, s.Validity)
					}
				}
			}
		}
		if r, _ := l.Machine.Ledger().Run(run); r.Ended() != n.ended() || r.Halted != n.halted() {
			rt.Fatalf("run: %s", fmt.Sprint(r.Halted, r.Closed))
		}
	})
}
