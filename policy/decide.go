package policy

import (
	"slices"
	"time"
)

// decision is the workspace of one Decide.
type decision struct {
	s     State // the state that will be returned
	t     int64
	first bool
	gap   int64
	// early are the causes found under rules that the range replaced, by run.
	early map[string]*causes
}

// causes of one run: at most one of each tripwire, in canonical order.
type causes struct {
	enforced, observed []Cause
}

// Evaluate is what a decision at asOf would say about every run, without its
// effect.
func Evaluate(s State, asOf time.Time) []Verdict {
	_, out := Decide(s, asOf)
	return out.Verdicts
}

// Decide gives all waiting events the time asOf, arms the runs among them,
// judges every run, and lets those that were halted or closed go. asOf is
// taken in whole milliseconds, and never goes back: an earlier one counts as
// the last decision's (E2). Equal states and times give equal outcomes (E1).
func Decide(s State, asOf time.Time) (State, Outcome) {
	d := &decision{s: s, t: asOf.UnixMilli(), first: s.decided == 0}
	if !d.first {
		d.t = max(d.t, s.asOf)
		d.gap = d.t - s.asOf
	}
	d.s.decided++
	d.s.asOf = d.t
	d.s.waiting = nil
	d.s.runs = slices.Clone(s.runs)
	events := s.events()

	out := Outcome{AsOf: at(d.t), Gap: time.Duration(d.gap) * time.Millisecond}
	d.fallDue()
	d.evidence(events)
	outlived := d.outlived(&out)
	d.change(events)
	d.judge(outlived, &out)
	return d.s, out
}

// own is run i as a copy that this decision may change.
func (d *decision) own(i int) *run {
	x := d.s.runs[i]
	if x.copied == d.s.decided {
		return x
	}
	y := *x
	y.copied = d.s.decided
	y.members = slices.Clone(x.members)
	d.s.runs[i] = &y
	return &y
}

// fallDue is step 1: what fell due before this as_of, by the values in force
// before the range (E8).
func (d *decision) fallDue() {
	for i, x := range d.s.runs {
		r := d.s.rulesOf(x)
		if r == nil || r.doc.Supported() != nil || r.doc.DeadVote.Mode == Off {
			continue
		}
		c, ok := r.class(x.class)
		if !ok {
			continue
		}
		expired := len(x.misses) > 0 && x.misses[0].at <= d.t-r.doc.DeadVote.window(c.interval)
		if x.next < d.t || expired {
			d.own(i).overdue(c.interval, r.doc.DeadVote, d.t)
		}
	}
}

// evidence is step 2: everything but what changes the rules.
func (d *decision) evidence(events []Event) {
	for _, e := range events {
		m := mark{at: d.t, index: e.at(), set: true}
		switch e := e.(type) {
		case Registered:
			d.register(e)
		case Checkin:
			if x := d.find(e.Run); x != nil {
				if i := x.member(e.Member); i >= 0 {
					x.members[i].last = m
					if c, ok := d.class(x); ok {
						x.members[i].due = d.t + c.interval
					}
				}
			}
		case Vote:
			if x := d.find(e.Run); x != nil && len(x.votes) < MaxEvidence {
				x.votes = append(slices.Clone(x.votes), e.Index)
			}
		case Beat:
			if x := d.find(e.Run); x != nil && e.Alive {
				x.beat = m
			}
		case Artefact:
			if x := d.find(e.Run); x != nil {
				x.artefact = m
			}
		case MonitorBeat:
			if i, ok := findSource(d.s.monitors, e.Monitor); ok {
				d.s.monitors = slices.Clone(d.s.monitors)
				d.s.monitors[i].mark = m
			}
		case Anchored:
			d.s.anchor = mark{at: e.Min.UnixMilli(), index: e.Index, set: true}
		case Decided:
			for _, id := range e.Go {
				i, ok := findRun(d.s.runs, id)
				if !ok {
					continue
				}
				if r := d.s.rulesOf(d.s.runs[i]); r != nil && r.doc.Engine.Mode != Off {
					d.own(i).heard(e.Engine, m)
				}
			}
		case Closed:
			if x := d.find(e.Run); x != nil {
				x.closing = true
			}
		case Halted:
			// E6: over at that index for all chains, whatever this one thinks.
			if i, ok := findRun(d.s.runs, e.Run); ok {
				d.s.runs = slices.Delete(d.s.runs, i, i+1)
			}
		}
	}
	for i, x := range d.s.runs {
		if x.copied == d.s.decided {
			d.s.runs[i].earliest()
		}
	}
}

// find is a run by id as this decision's own copy; nil where it is not armed.
func (d *decision) find(id string) *run {
	if i, ok := findRun(d.s.runs, id); ok {
		return d.own(i)
	}
	return nil
}

// class is the run's class under the rules in force so far.
func (d *decision) class(x *run) (classRule, bool) {
	r := d.s.rulesOf(x)
	if r == nil {
		return classRule{}, false
	}
	return r.class(x.class)
}

// register arms a run as of this decision (E8).
func (d *decision) register(e Registered) {
	i, ok := findRun(d.s.runs, e.Run)
	if ok {
		return
	}
	x := &run{
		copied: d.s.decided, id: e.Run, chain: e.Chain, class: e.Class, index: e.Index,
		armed: d.t, fresh: true, limit: e.MaxLife.Milliseconds(),
	}
	c, ok := d.class(x)
	if !ok {
		c.interval = maxInterval // until the rules of this very range are known
	}
	x.regroup(e.Members, d.t, c.interval)
	d.s.runs = slices.Insert(d.s.runs, i, x)
}

// outlived marks the runs that were armed through a gap longer than lease and
// grace (E3), by the rules that were in force before the range.
func (d *decision) outlived(out *Outcome) map[string]Cause {
	if d.first || d.gap == 0 {
		return nil
	}
	var ends map[string]Cause
	for _, x := range d.s.runs {
		r := d.s.rulesOf(x)
		if x.fresh || r == nil || r.doc.Supported() != nil {
			continue
		}
		if d.gap > r.doc.MaxGapMS {
			out.Outage = true
		}
		if d.gap > r.leaseBound() {
			if ends == nil {
				ends = map[string]Cause{}
			}
			ends[x.id] = d.silence(r)
		}
	}
	return ends
}

// change is steps 3 and 4: policies and groups of the range take force.
func (d *decision) change(events []Event) {
	var docs []*Document
	for _, e := range events {
		if e, ok := e.(Enforced); ok {
			docs = append(docs, e.Doc)
		}
	}
	if len(docs) > 0 {
		d.chronicle(docs)
		d.s.chains = slices.Clone(d.s.chains)
		for _, doc := range docs {
			d.enforce(doc)
		}
		d.watch()
	}
	for _, e := range events {
		e, ok := e.(Regrouped)
		if !ok {
			continue
		}
		if x := d.find(e.Run); x != nil {
			c, _ := d.class(x)
			x.regroup(e.Members, d.t, c.interval)
		}
	}
}

// chronicle is step 3: runs whose rules change are judged by the old ones.
func (d *decision) chronicle(docs []*Document) {
	for i, x := range d.s.runs {
		if x.fresh || !slices.ContainsFunc(docs, func(p *Document) bool { return p.Chain == x.chain }) {
			continue
		}
		r := d.s.rulesOf(x)
		if r == nil {
			continue
		}
		if c := d.trips(x, r); len(c.enforced)+len(c.observed) > 0 {
			if d.early == nil {
				d.early = map[string]*causes{}
			}
			d.early[x.id] = c
		}
		// E8: what fell due earlier has now been judged by the earlier value.
		if x.dead != nil {
			d.own(i).dead = nil
		}
	}
}

// enforce lets one policy take force at this as_of.
func (d *decision) enforce(doc *Document) {
	i, ok := findRules(d.s.chains, doc.Chain)
	var old *rules
	if ok {
		old = d.s.chains[i]
	}
	if !ok {
		d.s.chains = slices.Insert(d.s.chains, i, follow(nil, doc, d.t))
	} else {
		d.s.chains[i] = follow(d.s.chains[i], doc, d.t)
	}
	r := d.s.chains[i]
	for j, x := range d.s.runs {
		if x.chain != doc.Chain {
			continue
		}
		c, ok := r.class(x.class)
		switch {
		case !ok:
		case x.fresh || r.since[fDeadMode] == d.t:
			d.own(j).restart(d.t, c.interval)
		case c.since == d.t:
			x := d.own(j)
			was, ok := classRule{}, false
			if old != nil && old.doc.Supported() == nil {
				was, ok = old.class(x.class)
			}
			if ok && c.interval <= was.interval {
				x.hasten(d.t, c.interval)
			} else {
				x.restart(d.t, c.interval)
			}
		}
	}
}

// watch keeps a place for every monitor that a policy in force names.
func (d *decision) watch() {
	var list []source
	for _, r := range d.s.chains {
		for _, key := range r.doc.Monitors.Keys {
			if i, ok := findSource(list, key); !ok {
				list = slices.Insert(list, i, source{name: key, mark: d.s.monitor(key)})
			}
		}
	}
	d.s.monitors = list
}
