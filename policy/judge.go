package policy

import "slices"

// trips are the causes of one run under some rules at this as_of.
func (d *decision) trips(x *run, r *rules) *causes {
	c := &causes{}
	v := &view{t: d.t, run: x, rules: r, state: &d.s}
	known := r.doc.Supported() == nil
	for place, w := range order {
		m := w.mode(r.doc)
		if _, unknown := w.(semantics); m == Off || unknown == known {
			continue
		}
		found, ok := v.judge(place)
		if !ok {
			continue
		}
		found.Tripwire, found.Lists = w.name(), w.lists(r.doc)
		if m == Enforce {
			c.enforced = append(c.enforced, found)
		} else {
			c.observed = append(c.observed, found)
		}
	}
	return c
}

// merge joins causes in canonical order; of two by one tripwire the first
// list's stays, which is that of the earlier rules.
func merge(a, b []Cause) []Cause {
	if len(a) == 0 {
		return b
	}
	all := make([]Cause, 0, len(a)+len(b))
	for _, w := range order {
		for _, c := range slices.Concat(a, b) {
			if c.Tripwire == w.name() {
				all = append(all, c)
				break
			}
		}
	}
	return all
}

// judge is step 5: every run by what is in force now.
func (d *decision) judge(outlived map[string]Cause, out *Outcome) {
	leaves := make([]Hash, 0, len(d.s.runs))
	out.Verdicts = make([]Verdict, 0, len(d.s.runs))
	out.Armed = len(d.s.runs)
	keep := d.s.runs[:0:0]
	for i := range d.s.runs {
		x := d.s.runs[i]
		r := d.s.rulesOf(x)
		v := Verdict{Run: x.id, State: StateGo, Causes: []Cause{}}
		c := &causes{}
		if r == nil {
			// No policy of that chain is in force: none valid, halt.
			c.enforced = []Cause{{Tripwire: expiry{}.name(), Evidence: []uint64{x.index}, Lists: true}}
		} else {
			v.Policy = r.doc.Number
			c = d.trips(x, r)
		}
		if e := d.early[x.id]; e != nil {
			c.enforced, c.observed = merge(e.enforced, c.enforced), merge(e.observed, c.observed)
		}
		if end, ok := outlived[x.id]; ok {
			c.enforced = merge([]Cause{end}, c.enforced)
		}
		switch {
		case len(c.enforced) > 0:
			v.State, v.Causes = StateHalt, c.enforced
		case x.closing:
			v.State = StateClosed
		}
		if len(c.observed) > 0 {
			out.Observed = append(out.Observed, Verdict{Run: x.id, Policy: v.Policy, State: v.State, Causes: c.observed})
		}
		changed := v.State != StateGo || !x.judged || x.policy != v.Policy
		if changed {
			out.Changed = append(out.Changed, v)
		}
		out.Verdicts = append(out.Verdicts, v)
		if v.State != StateGo {
			leaves = append(leaves, v.Leaf())
			continue // E5: gone for ever
		}
		if changed {
			x = d.own(i)
			x.judged, x.policy, x.leaf = true, v.Policy, v.Leaf()
		}
		if x.copied == d.s.decided {
			x.fresh, x.votes, x.dead = false, nil, nil
		}
		leaves = append(leaves, x.leaf)
		keep = append(keep, x)
	}
	d.s.runs = keep
	out.Root = root(leaves)
}

// silence is the cause by which a run ends after a gap that it cannot have
// lived through: lease, or engine where the policy does not enforce the lease.
func (d *decision) silence(r *rules) Cause {
	c := Cause{Tripwire: lease{}.name(), Evidence: []uint64{}, Value: d.gap, Bound: r.leaseBound(), Lists: r.doc.Lease.Lists}
	if r.doc.Lease.Mode != Enforce {
		c.Tripwire, c.Lists = engine{}.name(), r.doc.Engine.Lists
	}
	return c
}
