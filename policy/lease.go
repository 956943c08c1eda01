package policy

// lease is true when the run's guard was not heard for lease + grace. Silence
// of the engine itself ends runs by the same name (E3, see decision.outlived).
type lease struct{}

func (lease) name() string           { return "lease" }
func (lease) mode(d *Document) Mode  { return d.Lease.Mode }
func (lease) lists(d *Document) bool { return d.Lease.Lists }

func (lease) keeps(old, next *Document) bool {
	return next.Lease.DurationMS+next.Lease.GraceMS <= old.Lease.DurationMS+old.Lease.GraceMS
}

func (lease) judge(x *view) (Cause, bool) {
	return x.silence(x.run.beat, x.rules.start(x.run, fLeaseMode, fLeaseDuration, fLeaseGrace), x.rules.leaseBound())
}

func (lease) due(x *view) int64 {
	return silent(x.run.beat, x.rules.start(x.run, fLeaseMode, fLeaseDuration, fLeaseGrace), x.rules.leaseBound())
}
