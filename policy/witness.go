package policy

// witness is true when witnessed time is too old: as_of minus the smallest
// quorum time of the newest valid anchor.
type witness struct{}

func (witness) name() string           { return "witness" }
func (witness) mode(d *Document) Mode  { return d.Witness.Mode }
func (witness) lists(d *Document) bool { return d.Witness.Lists }

func (witness) keeps(old, next *Document) bool {
	return next.Witness.MaxAgeMS <= old.Witness.MaxAgeMS
}

func (witness) judge(x *view) (Cause, bool) {
	return x.silence(x.state.anchor, x.rules.start(x.run, fWitnessMode, fWitnessMaxAge), x.rules.doc.Witness.MaxAgeMS)
}

func (witness) due(x *view) int64 {
	return silent(x.state.anchor, x.rules.start(x.run, fWitnessMode, fWitnessMaxAge), x.rules.doc.Witness.MaxAgeMS)
}
