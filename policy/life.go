package policy

// life is true when the run's maximum life is reached, the policy's or the
// run's own; both are counted like every window, from the start (E8).
type life struct{}

func (life) name() string           { return "life" }
func (life) mode(d *Document) Mode  { return d.Life.Mode }
func (life) lists(d *Document) bool { return d.Life.Lists }

func (life) keeps(old, next *Document) bool {
	return next.Life.MaxMS <= old.Life.MaxMS
}

func (w life) judge(x *view) (Cause, bool) {
	if x.t < w.due(x) {
		return Cause{}, false
	}
	bound := x.rules.doc.Life.MaxMS
	if x.run.limit > 0 {
		bound = min(bound, x.run.limit)
	}
	return Cause{Evidence: []uint64{x.run.index}, Value: x.t - x.run.armed, Bound: bound}, true
}

func (life) due(x *view) int64 {
	t := x.rules.start(x.run, fLifeMode, fLifeMax) + x.rules.doc.Life.MaxMS
	if x.run.limit > 0 {
		t = min(t, x.rules.start(x.run, fLifeMode)+x.run.limit)
	}
	return t
}
