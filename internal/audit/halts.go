package audit

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/log"
)

// haltAudit is what each halt brings with it: labels in time, and an epoch.
type haltAudit struct {
	causes map[string][]log.Cause // of the first valid halt, until the labels are there
	due    []*due
}

func newHaltAudit() haltAudit { return haltAudit{causes: map[string][]log.Cause{}} }

// due is something that has to stand in the log within a time, which counts
// from the first anchor that covers its reason. A time without anchors counts
// as the longest that an anchor may take: an outage is printed by itself, and
// is nobody's delay.
type due struct {
	check, run string
	index      uint64 // of the entry that asks for it
	limit      time.Duration
	covered    bool
	last       time.Time
	elapsed    time.Duration
	done       uint64 // 1 + index of the entry that settles it; 0 for none
}

func (h *haltAudit) await(a *Auditor, check, run string, index uint64) {
	r, ok := a.machine.Ledger().Run(run)
	if !ok || len(h.due) >= maxDue {
		return
	}
	rules, ok := a.machine.Ledger().Rules(r.Statement.Chain)
	if !ok {
		return
	}
	h.due = append(h.due, &due{check: check, run: run, index: index, limit: rules.ListingDelay + a.machine.Ledger().Params().Skew})
}

// settle marks what an entry settles.
func (h *haltAudit) settle(check string, upTo uint64, run string, index uint64) {
	for _, d := range h.due {
		if d.check == check && d.done == 0 && d.index < upTo && (run == "" || d.run == run) {
			d.done = index + 1
		}
	}
}

func (h *haltAudit) forget(run string) {
	h.due = slices.DeleteFunc(h.due, func(d *due) bool { return d.check == checkLabels && d.run == run })
}

// anchor moves time on for everything that is due.
func (h *haltAudit) anchor(a *Auditor, n log.AnchorInfo) {
	h.due = slices.DeleteFunc(h.due, func(d *due) bool {
		if d.done > 0 && d.done <= n.Size {
			return true
		}
		switch {
		case !d.covered && n.Size > d.index:
			d.covered, d.last = true, n.Max
		case d.covered:
			d.elapsed += max(0, min(n.Min.Sub(d.last), a.tolerance()))
			d.last = n.Min
		}
		if d.elapsed <= d.limit {
			return false
		}
		d.report(a, []uint64{n.Index})
		return true
	})
}

// finish asks for what is due at the reader's time.
func (h *haltAudit) finish(a *Auditor, now, latest time.Time) {
	for _, d := range h.due {
		if d.done > 0 || latest.IsZero() {
			continue
		}
		from := latest
		if d.covered {
			from = d.last
		}
		if d.elapsed+now.Sub(from) > d.limit+a.tolerance() {
			d.report(a, nil)
		}
	}
}

func (d *due) report(a *Auditor, entries []uint64) {
	text := fmt.Sprintf("run %s was halted, and has no labels after the listing delay of %s", d.run, seconds(d.limit))
	if d.check == checkEpochDue {
		text = fmt.Sprintf("the labels of run %s have no epoch after %s", d.run, seconds(d.limit))
	}
	a.at(d.index, d.run, Finding{Check: d.check, Severity: SeverityFinding, Run: d.run, entries: entries, Text: text})
}

// halt takes a valid halt.
func (h *haltAudit) halt(a *Auditor, st *log.Halt, s fold.Step) {
	delete(a.engine(s.Signed.Signer()).halts, st.Run)
	if s.Halt == nil || !s.Halt.First {
		return
	}
	a.stats.Halts++
	h.causes[st.Run] = st.Causes
	h.await(a, checkLabels, st.Run, s.Index)
}

// relabelled is A20 for a void halt: an engine signed causes, or a decision,
// that it never logged. A repeat, or one that came too late, is no lie.
func (h *haltAudit) relabelled(a *Auditor, st *log.Halt, s fold.Step) bool {
	id := s.Signed.Signer()
	v, ok := a.machine.Ledger().HaltVerdict(id, st.Decision, st.Run)
	why := ""
	switch {
	case !ok:
		why = "which no decision of it says"
	case !slices.EqualFunc(v.Causes, st.Causes, func(x, y log.Cause) bool {
		return x.Tripwire == y.Tripwire && x.Value == y.Value && x.Bound == y.Bound && x.Lists == y.Lists && slices.Equal(x.Evidence, y.Evidence)
	}):
		why = "for other causes than its decision"
	default:
		return false
	}
	e := a.engine(id)
	f := Finding{
		Check: checkCauses, Severity: SeverityFinding, Engine: id, Run: st.Run,
		Text: fmt.Sprintf("engine %s signed a halt of run %s, %s", short(id), st.Run, why),
	}
	if o, ok := e.halts[st.Run]; ok {
		f.entries = []uint64{o.index}
	}
	a.at(s.Index, id+"/"+st.Run, f)
	delete(e.halts, st.Run) // that it is missing is the same thing
	return true
}

// misListed is A22: an engine signed labels that are not those of the artefact.
func (h *haltAudit) misListed(a *Auditor, st *log.Fingerprints, s fold.Step) bool {
	r, ok := a.machine.Ledger().Run(st.Run)
	if !ok || !r.Halted || r.Fingerprinted {
		return false
	}
	f := Finding{
		Check: checkListing, Severity: SeverityFinding, Engine: s.Signed.Signer(), Run: st.Run, entries: []uint64{r.HaltIndex},
		Text: fmt.Sprintf("the labels published for run %s are void: %s", st.Run, s.Reason),
	}
	if r.Artefact != nil {
		f.entries = append(f.entries, r.Artefact.Index)
	}
	a.at(s.Index, st.Run, f)
	h.forget(st.Run) // that they are missing is the same thing
	return true
}

// fingerprints takes valid labels, whose completeness under the escrowed root
// the ledger has judged, and asks why some were left out (A23).
func (h *haltAudit) fingerprints(a *Auditor, st *log.Fingerprints, s fold.Step) {
	h.settle(checkLabels, s.Index, st.Run, s.Index)
	causes := h.causes[st.Run]
	delete(h.causes, st.Run)
	if s.Listing == nil {
		return
	}
	if len(s.Listing.Labels) > 0 {
		h.await(a, checkEpochDue, st.Run, s.Index)
	}
	f := Finding{Check: checkExclusions, Severity: SeverityFinding, Engine: s.Signed.Signer(), Run: st.Run}
	if r, ok := a.machine.Ledger().Run(st.Run); ok {
		f.entries = []uint64{r.HaltIndex}
	}
	if len(s.Listing.Unlistable) > 0 {
		n := f
		n.Severity, n.Text = SeverityNote, fmt.Sprintf("%d labels of run %s are of no form that can be listed", len(s.Listing.Unlistable), st.Run)
		a.at(s.Index, st.Run, n)
	}
	lists := slices.ContainsFunc(causes, func(c log.Cause) bool { return c.Lists })
	if !lists {
		if len(s.Listing.Labels) > 0 {
			f.Text = fmt.Sprintf("%d labels of run %s were listed, for which no cause of its halt lists: %s", len(s.Listing.Labels), st.Run, tripwires(causes))
			a.at(s.Index, st.Run, f)
		}
		return
	}
	for _, x := range st.Excluded {
		if a.machine.List().Excuses(blacklist.Exclusion{Number: x.Number, Reason: x.Reason, Leaf: blacklist.Hash(x.Leaf)}) {
			continue
		}
		f.Text = fmt.Sprintf("label %d of run %s was left out for %q, which does not hold", x.Number, st.Run, x.Reason)
		a.at(s.Index, st.Run, f)
	}
}

func tripwires(cs []log.Cause) string {
	names := make([]string, len(cs))
	for i, c := range cs {
		names[i] = c.Tripwire
	}
	return strings.Join(names, ", ")
}
