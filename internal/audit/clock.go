package audit

import (
	"fmt"
	"slices"
	"time"

	"github.com/haltlog/haltlog/log"
)

// clockAudit holds the anchors' side of time: when the log was witnessed last,
// and the gaps in which it was not.
type clockAudit struct {
	last    log.AnchorInfo
	any     bool      // whether there is one
	armed   time.Time // as_of since which runs are armed; zero while none is
	gaps    []gap     // between anchors while runs were armed (A18)
	outages []gap     // between decisions (A15): they explain the others
}

type gap struct {
	from, to time.Time
	entries  []uint64
}

func (g gap) overlaps(h gap) bool { return g.from.Before(h.to) && h.from.Before(g.to) }

// tolerance is how far consecutive anchors lie apart at most while they are
// needed: the period, cosignatures at both ends within the skew, and the
// rounding of their whole seconds.
func (a *Auditor) tolerance() time.Duration {
	p := a.machine.Ledger().Params()
	return p.AnchorPeriod + 2*p.Skew + time.Second
}

// anchor is what a valid anchor moves on: it is the only clock.
func (a *Auditor) anchor(n log.AnchorInfo) {
	armed := false
	for _, c := range a.machine.Chains() {
		e := a.engine(c.Engine())
		runs := len(c.Armed()) > 0
		armed = armed || runs
		e.covers(a, n)
		e.awaits(n)
		if to := chainTo(c.Last()); e.silent.IsZero() && (runs || a.news > to) {
			e.silent, e.silentAt = n.Max, n.Index
		}
	}
	from := a.clock.last.Min
	if a.clock.armed.After(from) {
		from = a.clock.armed // an idle log needs no anchors
	}
	if a.clock.any && armed && n.Min.Sub(from) > a.tolerance() && len(a.clock.gaps) < maxGaps {
		a.clock.gaps = append(a.clock.gaps, gap{from, n.Min, []uint64{a.clock.last.Index, n.Index}})
	}
	if !armed {
		a.clock.armed = time.Time{}
	}
	a.clock.last, a.clock.any = n, true
	a.halts.anchor(a, n)
}

func chainTo(d log.DecisionInfo, decided bool) uint64 {
	if !decided {
		return 0
	}
	return d.To
}

// maxGap is the shortest of the largest gaps that the policies in force allow;
// the decision period while there are none.
func (a *Auditor) maxGap() time.Duration {
	var shortest time.Duration
	for _, chain := range a.machine.Policies().Chains() {
		if r, ok := a.machine.Ledger().Rules(chain); ok && r.MaxGap > 0 && (shortest == 0 || r.MaxGap < shortest) {
			shortest = r.MaxGap
		}
	}
	return max(shortest, a.machine.Ledger().Params().DecisionPeriod)
}

// Finish asks what only the end of the log can answer, at the reader's time;
// latest is the largest time at which the log's end was witnessed.
func (a *Auditor) Finish(now, latest time.Time) {
	if a.finished || a.machine.Ledger().Genesis() == nil {
		return
	}
	a.finished = true
	armed := false
	for _, c := range a.machine.Chains() {
		e := a.engine(c.Engine())
		armed = armed || len(c.Armed()) > 0
		a.finishEngine(c.Engine(), e)
	}
	skew := a.machine.Ledger().Params().Skew
	if !latest.IsZero() && latest.Sub(now) > skew+clockSlack {
		a.found.add("", Finding{
			Check: checkSilence, Severity: SeverityCannotJudge,
			Text: fmt.Sprintf("the log's end was witnessed %s after the reader's time: one of the clocks is wrong", seconds(latest.Sub(now))),
		})
	}
	if limit := a.maxGap() + a.tolerance(); armed && !a.machine.Ledger().Frozen() && !latest.IsZero() && now.Sub(latest) > limit {
		a.clock.outages = append(a.clock.outages, gap{from: a.clock.last.Min, to: now})
		f := Finding{
			Check: checkSilence, Severity: SeverityOutage,
			Text: fmt.Sprintf("runs are armed, and nothing was witnessed for %s", seconds(now.Sub(latest))),
		}
		if now.Sub(latest) > maxSilent {
			f.Severity = SeverityCannotJudge
			f.Text += ": the log is down, or its end is withheld"
		}
		a.found.add("", f)
	}
	for _, g := range a.clock.gaps {
		if slices.ContainsFunc(a.clock.outages, g.overlaps) {
			continue // said once
		}
		a.found.add("anchors", Finding{
			Check: checkAnchors, Severity: SeverityOutage, Index: new(g.entries[1]), entries: g.entries,
			Text: fmt.Sprintf("no anchor for %s while runs were armed", seconds(g.to.Sub(g.from))),
		})
	}
	a.halts.finish(a, now, latest)
	a.leases.finish(a)
}
