package audit

import (
	"bytes"
	"testing"
	"time"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/log"
	"github.com/haltlog/haltlog/policy"
)

// Each row forges a log with all the real keys, so that exactly one check can
// see it, and that one does.
func TestForgedLogs(t *testing.T) {
	invented := func(l *foldtest.Log) []log.Cause {
		return []log.Cause{{Tripwire: "live_vote", Evidence: []uint64{l.Size() - 1}, Value: 1, Bound: 1, Lists: true}}
	}
	for _, c := range []struct {
		name       string
		invariants []string
		options    foldtest.Options
		policy     func(*policy.Document)
		forge      func(l *foldtest.Log, labels []blacklist.Entry)
		want       []string
	}{
		{"honest", []string{"E1"}, foldtest.Options{}, nil, func(l *foldtest.Log, labels []blacklist.Entry) {
			halt(l)
			list(l, labels)
		}, nil},
		{"honest, two engines", []string{"E6"}, foldtest.Options{Engines: 2}, nil, func(l *foldtest.Log, labels []blacklist.Entry) {
			halt(l)
			list(l, labels)
		}, nil},
		{"void check-in", []string{"S3"}, foldtest.Options{}, nil, func(l *foldtest.Log, _ []blacklist.Entry) {
			st := l.CheckinStatement(theRun, l.Members[0])
			st.Anchor.Index++
			l.Put(st, l.Members[0].Checkin)
			l.Append([]byte("no statement"))
		}, []string{"A08 note", "A08 note", "A10 note"}},
		{"another policy's number", []string{"E4"}, foldtest.Options{}, nil, func(l *foldtest.Log, _ []blacklist.Entry) {
			st := l.RunStatement("run-2")
			l.Must(st, l.Registrar)
			forge(l, l.Engines[0], func(d *log.Decision) { d.Changed[0].Policy++ })
		}, []string{"A09"}},
		{"skipped decision", []string{"E1"}, foldtest.Options{}, nil, func(l *foldtest.Log, _ []blacklist.Entry) {
			skipped, err := log.Parse(l.Seal(l.Propose(l.Engines[0]).Decision, l.Engines[0]))
			if err != nil {
				panic(err)
			}
			from := l.Size()
			l.Heartbeat(theRun)
			for range 2 {
				forge(l, l.Engines[0], func(d *log.Decision) {
					d.Sequence, d.Previous, d.From = d.Sequence+1, &skipped.Identity, from
				})
			}
		}, []string{"A11"}},
		{"two decisions of one number", []string{"E1"}, foldtest.Options{}, nil, func(l *foldtest.Log, _ []blacklist.Entry) {
			l.Heartbeat(theRun)
			p := l.Propose(l.Engines[0])
			l.Must(p.Decision, l.Engines[0])
			p.Decision.Armed++
			l.Put(p.Decision, l.Engines[0])
		}, []string{"A11"}},
		{"other values", []string{"E1"}, foldtest.Options{}, nil, func(l *foldtest.Log, _ []blacklist.Entry) {
			forge(l, l.Engines[0], func(d *log.Decision) { d.Armed++ })
			forge(l, l.Engines[0], func(d *log.Decision) { d.Root[0]++ })
		}, []string{"A12"}},
		{"a vote overlooked", []string{"E1"}, foldtest.Options{}, nil, func(l *foldtest.Log, _ []blacklist.Entry) {
			l.Vote(theRun, l.Members[0])
			forge(l, l.Engines[0], func(d *log.Decision) { d.Changed = []log.Verdict{} })
		}, []string{"A12"}},
		{"clock behind", []string{"E2"}, foldtest.Options{}, nil, func(l *foldtest.Log, _ []blacklist.Entry) {
			then := l.Now
			for range 6 {
				l.Heartbeat(theRun)
				l.Anchor()
			}
			forge(l, l.Engines[0], func(d *log.Decision) { d.AsOf = log.TimeOf(then.Add(time.Second)) })
		}, []string{"A13"}},
		{"clock a minute ahead", []string{"E2"}, foldtest.Options{}, patient, func(l *foldtest.Log, _ []blacklist.Entry) {
			forge(l, l.Engines[0], func(d *log.Decision) { d.AsOf = log.TimeOf(l.Now.Add(time.Minute)) })
		}, []string{"A14"}},
		{"outage", []string{"E3"}, foldtest.Options{}, nil, func(l *foldtest.Log, _ []blacklist.Entry) {
			l.Advance(15 * time.Second)
		}, []string{"A15 outage"}},
		{"outage past the lease, runs ended", []string{"E3"}, foldtest.Options{}, nil, func(l *foldtest.Log, labels []blacklist.Entry) {
			l.Advance(40 * time.Second)
			l.Anchor()
			decideAll(l)
			list(l, labels)
		}, []string{"A15 outage"}},
		{"outage past the lease, runs go on", []string{"E3"}, foldtest.Options{}, nil, func(l *foldtest.Log, _ []blacklist.Entry) {
			l.Advance(40 * time.Second)
			l.Anchor()
			forge(l, l.Engines[0], func(d *log.Decision) { d.Changed = []log.Verdict{} })
		}, []string{"A15"}},
		{"an idle hour, then a run", nil, foldtest.Options{}, nil, func(l *foldtest.Log, labels []blacklist.Entry) {
			halt(l)
			list(l, labels)
			settle(l)
			l.Advance(time.Hour)
			l.Run("run-2")
			decideAll(l)
			for range 3 {
				l.Heartbeat("run-2")
				l.Anchor()
				decideAll(l)
			}
		}, nil},
		{"entries left out", []string{"E1"}, foldtest.Options{}, nil, func(l *foldtest.Log, _ []blacklist.Entry) {
			c := l.Machine.Chain(l.Engines[0].KeyID())
			to := l.Size()
			l.Heartbeat(theRun)
			l.Anchor()
			for range 2 {
				p, err := c.Propose(to, l.Now)
				if err != nil {
					panic(err)
				}
				l.Must(p.Decision, l.Engines[0])
			}
		}, []string{"A16"}},
		{"an engine is silent", []string{"E3"}, foldtest.Options{Engines: 2}, nil, func(l *foldtest.Log, _ []blacklist.Entry) {
			silent := l.Engines[1]
			l.Engines = l.Engines[:1]
			for range 25 {
				tick(l)
			}
			_ = silent
		}, []string{"A17 outage"}},
		{"no anchors", []string{"E2"}, foldtest.Options{}, nil, func(l *foldtest.Log, _ []blacklist.Entry) {
			for range 9 {
				l.Advance(time.Second)
				l.Heartbeat(theRun)
				decideAll(l)
			}
		}, []string{"A18 outage"}},
		{"decided halt not logged", []string{"E6"}, foldtest.Options{}, nil, func(l *foldtest.Log, _ []blacklist.Entry) {
			l.Vote(theRun, l.Members[0])
			l.Must(l.Propose(l.Engines[0]).Decision, l.Engines[0])
		}, []string{"A19"}},
		{"halt for nothing", []string{"E6"}, foldtest.Options{}, nil, func(l *foldtest.Log, labels []blacklist.Entry) {
			forge(l, l.Engines[0], func(d *log.Decision) {
				d.Changed = []log.Verdict{{Run: theRun, Policy: 1, State: log.StateHalt, Causes: invented(l)}}
			})
			list(l, labels)
		}, []string{"A20"}},
		{"relabelled halt", []string{"E6"}, foldtest.Options{}, nil, func(l *foldtest.Log, _ []blacklist.Entry) {
			l.Vote(theRun, l.Members[0])
			p := l.Propose(l.Engines[0])
			s := l.Must(p.Decision, l.Engines[0])
			h := p.Halts(s.Signed.Identity)[0]
			h.Causes[0].Tripwire, h.Causes[0].Lists = "life", false
			l.Put(h, l.Engines[0])
		}, []string{"A20"}},
		{"no labels", []string{"E6"}, foldtest.Options{}, patient, func(l *foldtest.Log, _ []blacklist.Entry) {
			halt(l)
			for range 4 {
				tick(l)
			}
		}, []string{"A21"}},
		{"labels too late", []string{"E6"}, foldtest.Options{}, patient, func(l *foldtest.Log, labels []blacklist.Entry) {
			halt(l)
			for range 6 {
				tick(l)
			}
			list(l, labels)
		}, []string{"A21"}},
		{"labels of another model", []string{"E6"}, foldtest.Options{}, patient, func(l *foldtest.Log, _ []blacklist.Entry) {
			halt(l)
			l.Put(l.FingerprintsStatement(theRun, foldtest.Labels(3)), l.Engines[0])
			for range 6 {
				tick(l)
			}
		}, []string{"A22"}},
		{"a label left out", []string{"E6"}, foldtest.Options{}, nil, func(l *foldtest.Log, labels []blacklist.Entry) {
			halt(l)
			st := l.FingerprintsStatement(theRun, labels)
			st.Labels = st.Labels[:2]
			st.Excluded = []log.Exclusion{{Number: 2, Reason: blacklist.ReasonAllowList, Leaf: log.Hash(blacklist.ArtefactLeaf(2, labels[2].Kind, labels[2].Label))}}
			l.Must(st, l.Engines[0])
			l.Must(l.EpochStatement(), l.Engines[0])
		}, []string{"A23"}},
		{"a label on the allow-list left out", nil, foldtest.Options{}, nil, func(l *foldtest.Log, labels []blacklist.Entry) {
			l.Must(&log.AllowList{Origin: l.Origin, Sequence: 1, LabelKind: string(labels[2].Kind), Labels: []log.Bytes{labels[2].Label[:]}, Reason: "causal mask"}, l.Threshold()...)
			halt(l)
			st := l.FingerprintsStatement(theRun, labels)
			st.Labels = st.Labels[:2]
			st.Excluded = []log.Exclusion{{Number: 2, Reason: blacklist.ReasonAllowList, Leaf: log.Hash(blacklist.ArtefactLeaf(2, labels[2].Kind, labels[2].Label))}}
			l.Must(st, l.Engines[0])
			l.Must(l.EpochStatement(), l.Engines[0])
		}, nil},
		{"listed though the policy does not", []string{"E6"}, foldtest.Options{}, func(d *policy.Document) { d.LiveVote.Lists = false }, func(l *foldtest.Log, labels []blacklist.Entry) {
			halt(l)
			list(l, labels)
		}, []string{"A23"}},
		{"another list's epoch", []string{"E1"}, foldtest.Options{}, nil, func(l *foldtest.Log, labels []blacklist.Entry) {
			halt(l)
			l.Must(l.FingerprintsStatement(theRun, labels), l.Engines[0])
			st := l.EpochStatement()
			st.Parts[0].Commitments[0].Hash[0]++
			l.Must(st, l.Engines[0])
		}, []string{"A24"}},
		{"an epoch that leaves a part out", []string{"E1"}, foldtest.Options{}, nil, func(l *foldtest.Log, labels []blacklist.Entry) {
			halt(l)
			l.Must(l.FingerprintsStatement(theRun, labels), l.Engines[0])
			st := l.EpochStatement()
			st.Parts = st.Parts[:len(st.Parts)-1]
			l.Must(st, l.Engines[0])
		}, []string{"A24"}},
		{"an epoch with another state", []string{"E1"}, foldtest.Options{}, nil, func(l *foldtest.Log, labels []blacklist.Entry) {
			halt(l)
			l.Must(l.FingerprintsStatement(theRun, labels), l.Engines[0])
			st := l.EpochStatement()
			st.State[5]++
			l.Must(st, l.Engines[0])
		}, []string{"A24"}},
		{"an epoch that asks under no key version", []string{"E1"}, foldtest.Options{}, nil, func(l *foldtest.Log, labels []blacklist.Entry) {
			halt(l)
			l.Must(l.FingerprintsStatement(theRun, labels), l.Engines[0])
			st := l.EpochStatement()
			if len(st.Asked) != 1 {
				panic("an epoch of labels asks under one key version")
			}
			st.Asked = nil
			l.Must(st, l.Engines[0])
		}, []string{"A24"}},
		{"an epoch that names what did not change", []string{"E1"}, foldtest.Options{}, nil, func(l *foldtest.Log, labels []blacklist.Entry) {
			halt(l)
			l.Must(l.FingerprintsStatement(theRun, labels), l.Engines[0])
			st := l.EpochStatement()
			l.Must(st, l.Engines[0])
			again := l.EpochStatement()
			if len(again.Parts) > 0 {
				panic("an epoch of nothing new names parts")
			}
			again.Parts = st.Parts
			l.Must(again, l.Engines[0])
		}, []string{"A24"}},
		{"an epoch of the first semantics, and one of the second behind it", nil, foldtest.Options{}, nil, func(l *foldtest.Log, labels []blacklist.Entry) {
			halt(l)
			l.Must(l.FingerprintsStatement(theRun, labels), l.Engines[0])
			l.Must(l.FirstEpochStatement(), l.Engines[0])
			l.Must(l.EpochStatement(), l.Engines[0])
		}, nil},
		{"an epoch of the first semantics with another list", []string{"E1"}, foldtest.Options{}, nil, func(l *foldtest.Log, labels []blacklist.Entry) {
			halt(l)
			l.Must(l.FingerprintsStatement(theRun, labels), l.Engines[0])
			st := l.FirstEpochStatement()
			st.Parts[0].Count++
			l.Must(st, l.Engines[0])
		}, []string{"A24"}},
		{"an epoch of unknown semantics", []string{"E7"}, foldtest.Options{}, nil, func(l *foldtest.Log, labels []blacklist.Entry) {
			halt(l)
			l.Must(l.FingerprintsStatement(theRun, labels), l.Engines[0])
			st := l.EpochStatement()
			st.Semantics = 3
			l.Must(st, l.Engines[0])
		}, []string{"A28 cannot-judge"}},
		{"an epoch of an earlier size", nil, foldtest.Options{}, nil, func(l *foldtest.Log, labels []blacklist.Entry) {
			early := l.EpochStatement()
			halt(l)
			l.Must(l.FingerprintsStatement(theRun, labels), l.Engines[0])
			l.Must(early, l.Engines[0])
			l.Must(l.EpochStatement(), l.Engines[0])
		}, nil},
		{"no epoch", []string{"E6"}, foldtest.Options{}, patient, func(l *foldtest.Log, labels []blacklist.Entry) {
			halt(l)
			l.Must(l.FingerprintsStatement(theRun, labels), l.Engines[0])
			for range 5 {
				tick(l)
			}
		}, []string{"A25"}},
		{"counts that overlap", []string{"S2"}, foldtest.Options{}, nil, func(l *foldtest.Log, _ []blacklist.Entry) {
			for i := range 2 {
				l.Must(&log.Evaluations{
					Origin: l.Origin, Sequence: uint64(i + 1), From: log.TimeOf(foldtest.Start.Add(time.Duration(i) * time.Second)),
					Until: log.TimeOf(foldtest.Start.Add(time.Minute)), Elements: 7,
				}, l.Evaluator)
			}
		}, []string{"A26"}},
		{"a policy of unknown rules", []string{"E7"}, foldtest.Options{}, nil, func(l *foldtest.Log, _ []blacklist.Entry) {
			raw := bytes.Replace(l.Document(nil).Encode(), []byte(`"semantics":1`), []byte(`"semantics":2`), 1)
			l.Must(&log.Policy{Origin: l.Origin, Chain: foldtest.Chain, Document: raw}, l.Threshold()...)
		}, []string{"A28 cannot-judge"}},
		{"a decision of unknown rules", []string{"E7"}, foldtest.Options{}, nil, func(l *foldtest.Log, _ []blacklist.Entry) {
			forge(l, l.Engines[0], func(d *log.Decision) { d.Semantics++ })
		}, []string{"A28 cannot-judge"}},
		{"frozen", []string{"L8"}, foldtest.Options{}, nil, func(l *foldtest.Log, _ []blacklist.Entry) {
			l.Must(&log.Freeze{Origin: l.Origin, Successor: "log.example/next", Reason: "moved"}, l.Threshold()...)
		}, []string{"A10 note", "A30 note"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, i := range c.invariants {
				t.Attr("invariant", i)
			}
			l, labels := world(t, c.options, c.policy)
			c.forge(l, labels)
			broken := len(c.want) > 0 && c.want[0] == "A11"
			if !broken && !l.Machine.Ledger().Frozen() {
				settle(l)
			}
			expect(t, l, audited(t, l, options{}), c.want...)
		})
	}
}

// What no log can cause is never passed over (A29).
func TestFoldErrors(t *testing.T) {
	a := &Auditor{found: newFindings(), engines: map[string]*engineAudit{}}
	a.folded(fold.Step{Lapsed: []string{"engine"}, Err: ErrDamaged})
	if f := a.Findings(); len(f) != 2 || f[0].Severity != SeverityCannotJudge || f[1].Severity != SeverityOutage || f[0].Check != checkFold {
		t.Errorf("got %v", f)
	}
}
