package audit

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/log"
	"github.com/haltlog/haltlog/policy"
)

// engineAudit is one engine's chain as far as later entries judge it.
type engineAudit struct {
	last      uint64          // index of its newest valid decision
	decided   bool            //
	uncovered []timed         // decisions that no anchor covers yet (A14)
	anchors   []awaited       // anchors that its decisions have to reach (A16)
	broken    bool            // A11 was found: what follows from it is not said again
	silent    time.Time       // since when it owes a decision (A17); zero if it does not
	silentAt  uint64          // the anchor that says so
	halts     map[string]owed // runs that its newest decision halts (A19)
}

type timed struct {
	index uint64
	asOf  time.Time
}

type awaited struct {
	index, size uint64
	decisions   int
	first       uint64
}

type owed struct {
	decision log.Hash
	index    uint64
}

func (a *Auditor) engine(id string) *engineAudit {
	e, ok := a.engines[id]
	if !ok {
		e = &engineAudit{halts: map[string]owed{}}
		a.engines[id] = e
	}
	return e
}

// decision judges a valid decision, replayed.
func (a *Auditor) decision(s fold.Step) {
	r := s.Decision
	st := r.Decision
	e := a.engine(r.Engine)
	a.owedHalts(e, r.Engine, s.Index)
	a.leases.decision(r.Engine, s)
	if r.Unknown != nil {
		a.at(s.Index, r.Engine, Finding{Check: checkSemantics, Severity: SeverityCannotJudge, Engine: r.Engine, Text: r.Unknown.Error()})
	}
	if asOf := st.AsOf.Time(); asOf.Before(r.Earliest) {
		f := Finding{
			Check: checkEarly, Severity: SeverityFinding, Engine: r.Engine,
			Text: fmt.Sprintf("as_of %s of engine %s is %s before the earliest that an anchor in its range allows", st.AsOf, short(r.Engine), seconds(r.Earliest.Sub(asOf))),
		}
		f.entries = []uint64{0}
		if n, ok := a.machine.Ledger().AnchorBefore(st.To); ok {
			f.entries = append(f.entries, n.Index)
		}
		a.at(s.Index, r.Engine, f)
	}
	a.silence(e, r, s)
	if r.Mismatch != nil {
		a.mismatch(r, s)
	}
	e.follows(a, r.Engine, st.To, s.Index)
	if r.Outcome.Armed > 0 && a.clock.armed.IsZero() {
		a.clock.armed = st.AsOf.Time()
	}
	if len(e.uncovered) == maxUncovered {
		e.uncovered = e.uncovered[1:]
	}
	e.uncovered = append(e.uncovered, timed{s.Index, st.AsOf.Time()})
	e.last, e.decided, e.silent = s.Index, true, time.Time{}
	for _, v := range st.Changed {
		if v.State == log.StateHalt {
			e.halts[v.Run] = owed{s.Signed.Identity, s.Index}
		}
	}
}

// silence is A15 for a gap that the replay accounts for.
func (a *Auditor) silence(e *engineAudit, r *fold.Replayed, s fold.Step) {
	if !r.Outcome.Outage || !e.decided {
		return
	}
	asOf := r.Decision.AsOf.Time()
	if len(a.clock.outages) < maxGaps {
		a.clock.outages = append(a.clock.outages, gap{from: asOf.Add(-r.Outcome.Gap), to: asOf})
	}
	if r.Mismatch != nil && outlives(r) {
		return // a finding, see mismatch
	}
	a.at(s.Index, "", Finding{
		Check: checkGap, Severity: SeverityOutage, Engine: r.Engine, entries: []uint64{e.last},
		Text: fmt.Sprintf("engine %s did not decide for %s", short(r.Engine), seconds(r.Outcome.Gap)),
	})
}

// outlives reports whether the replay ends a run for the engine's own silence
// and the logged decision does not.
func outlives(r *fold.Replayed) bool {
	for _, v := range r.Outcome.Changed {
		for _, c := range v.Causes {
			if v.State == policy.StateHalt && len(c.Evidence) == 0 && c.Value == r.Outcome.Gap.Milliseconds() && c.Value > c.Bound && !halted(r.Decision.Changed, v.Run) {
				return true
			}
		}
	}
	return false
}

func halted(vs []log.Verdict, run string) bool {
	for _, v := range vs {
		if v.Run == run {
			return v.State == log.StateHalt
		}
	}
	return false
}

// mismatch names what is wrong with a decision that does not replay: the most
// particular check that it fails.
func (a *Auditor) mismatch(r *fold.Replayed, s fold.Step) {
	f := Finding{Check: checkReplay, Severity: SeverityFinding, Engine: r.Engine, Evidence: Evidence{Expected: r.Mismatch.Expected}}
	who := "engine " + short(r.Engine)
	f.Text = who + " logged other values than its range gives"
	key := r.Engine
	if r.Decision.Semantics != policy.Semantics {
		f.Check, f.Severity = checkSemantics, SeverityCannotJudge
		f.Text = fmt.Sprintf("%s decides by semantics %d, known is %d", who, r.Decision.Semantics, policy.Semantics)
		a.at(s.Index, key, f)
		return
	}
	if outlives(r) {
		f.Check, f.Text = checkGap, fmt.Sprintf("%s was away for %s and did not end the runs that cannot have lived through it", who, seconds(r.Outcome.Gap))
		a.at(s.Index, key, f)
		return
	}
	expected := map[string]policy.Verdict{}
	for _, v := range r.Outcome.Verdicts {
		expected[v.Run] = v
	}
	for _, v := range r.Decision.Changed {
		want, ok := expected[v.Run]
		switch {
		case v.State == log.StateHalt && (!ok || want.State != policy.StateHalt || !sameCauses(v.Causes, want.Causes)):
			f.Check, f.Run, key = checkCauses, v.Run, r.Engine+"/"+v.Run
			f.Text = fmt.Sprintf("%s halts run %s for causes that do not replay", who, v.Run)
		case ok && v.Policy != want.Policy && f.Check == checkReplay:
			f.Check, f.Run = checkPolicy, v.Run
			f.Text = fmt.Sprintf("%s judges run %s by policy %d, in force is %d", who, v.Run, v.Policy, want.Policy)
		}
	}
	for _, v := range r.Outcome.Changed {
		if v.State == policy.StateHalt && !halted(r.Decision.Changed, v.Run) && f.Check == checkReplay {
			f.Run, f.Text = v.Run, fmt.Sprintf("%s lets run %s go on, which its range halts for %s", who, v.Run, v.Causes[0].Tripwire)
		}
	}
	a.at(s.Index, key, f)
}

func sameCauses(a []log.Cause, b []policy.Cause) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Tripwire != b[i].Tripwire || a[i].Value != b[i].Value || a[i].Bound != b[i].Bound || a[i].Lists != b[i].Lists || !slices.Equal(a[i].Evidence, b[i].Evidence) {
			return false
		}
	}
	return true
}

// outOfChain is A11: a decision that an engine signed and that is void, because
// it does not follow the engine's last one.
func (a *Auditor) outOfChain(st *log.Decision, s fold.Step) bool {
	id := s.Signed.Signer()
	last, ok := a.machine.Ledger().Decision(id)
	if ok && last.Identity == s.Signed.Identity {
		return false // the same again changes nothing
	}
	e := a.engine(id)
	e.broken = true
	f := Finding{Check: checkChain, Severity: SeverityFinding, Engine: id, Text: fmt.Sprintf("decision %d of engine %s does not follow its chain: %s", st.Sequence, short(id), s.Reason)}
	if ok {
		f.entries = []uint64{last.Index}
	}
	a.at(s.Index, id, f)
	return true
}

// covers is A14: the first anchor whose size covers a decision bounds its time.
func (e *engineAudit) covers(a *Auditor, n log.AnchorInfo) {
	limit := n.Max.Add(time.Second + a.machine.Ledger().Params().Skew)
	k := 0
	for ; k < len(e.uncovered) && e.uncovered[k].index < n.Size; k++ {
		if d := e.uncovered[k]; d.asOf.After(limit) {
			id := a.engineOf(e)
			a.at(d.index, id, Finding{
				Check: checkLate, Severity: SeverityFinding, Engine: id, entries: []uint64{0, n.Index},
				Text: fmt.Sprintf("as_of %s of engine %s is %s after the latest that the anchor at %d allows", log.TimeOf(d.asOf), short(id), seconds(d.asOf.Sub(limit)), n.Index),
			})
		}
	}
	e.uncovered = append(e.uncovered[:0:0], e.uncovered[k:]...)
}

func (a *Auditor) engineOf(e *engineAudit) string {
	for id, x := range a.engines {
		if x == e {
			return id
		}
	}
	return ""
}

// awaits notes an anchor: the second decision after it has to reach its size.
func (e *engineAudit) awaits(n log.AnchorInfo) {
	if len(e.anchors) == maxUncovered {
		e.anchors = e.anchors[1:]
	}
	e.anchors = append(e.anchors, awaited{index: n.Index, size: n.Size})
}

// follows is A16, asked at each decision.
func (e *engineAudit) follows(a *Auditor, id string, to, index uint64) {
	keep := e.anchors[:0]
	for _, w := range e.anchors {
		w.decisions++
		switch {
		case to >= w.size:
			continue
		case w.decisions == 1:
			w.first = index
			keep = append(keep, w)
		default:
			if !e.broken {
				a.at(index, id, Finding{
					Check: checkCoverage, Severity: SeverityFinding, Engine: id, entries: []uint64{w.index, w.first},
					Text: fmt.Sprintf("engine %s folded up to %d in its second decision after the anchor at %d, which covers %d", short(id), to, w.index, w.size),
				})
			}
		}
	}
	e.anchors = keep
}

// owedHalts is A19: an engine's halts stand between its decision and the next.
func (a *Auditor) owedHalts(e *engineAudit, id string, index uint64) {
	for _, run := range slices.Sorted(maps.Keys(e.halts)) {
		o := e.halts[run]
		if r, ok := a.machine.Ledger().Run(run); ok && r.Closed && !r.Halted {
			continue // no halt of it is valid any more
		}
		a.at(o.index, id+"/"+run, Finding{
			Check: checkHalt, Severity: SeverityFinding, Engine: id, Run: run, entries: []uint64{index},
			Text: fmt.Sprintf("engine %s decided to halt run %s and logged no halt before its next decision", short(id), run),
		})
	}
	clear(e.halts)
}

// finishEngine is A17.
func (a *Auditor) finishEngine(id string, e *engineAudit) {
	if e.broken || e.silent.IsZero() || a.machine.Ledger().Frozen() {
		return
	}
	limit := a.maxGap() + a.tolerance()
	since := a.clock.last.Min.Sub(e.silent)
	if since <= limit {
		return
	}
	a.clock.outages = append(a.clock.outages, gap{from: e.silent, to: a.clock.last.Min})
	f := Finding{
		Check: checkEngine, Severity: SeverityOutage, Engine: id, Index: new(e.silentAt), entries: []uint64{e.silentAt, a.clock.last.Index},
		Text: fmt.Sprintf("engine %s has not decided for %s", short(id), seconds(since)),
	}
	if e.decided {
		f.entries = append(f.entries, e.last)
	}
	a.found.add("", f)
}
