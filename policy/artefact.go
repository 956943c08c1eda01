package policy

// artefact is true when no saved checkpoint's labels were escrowed for the
// policy's period.
type artefact struct{}

func (artefact) name() string           { return "artefact" }
func (artefact) mode(d *Document) Mode  { return d.Artefact.Mode }
func (artefact) lists(d *Document) bool { return d.Artefact.Lists }

func (artefact) keeps(old, next *Document) bool {
	return next.Artefact.PeriodMS <= old.Artefact.PeriodMS
}

func (artefact) judge(x *view) (Cause, bool) {
	return x.silence(x.run.artefact, x.rules.start(x.run, fArtefactMode, fArtefactPeriod), x.rules.doc.Artefact.PeriodMS)
}

func (artefact) due(x *view) int64 {
	return silent(x.run.artefact, x.rules.start(x.run, fArtefactMode, fArtefactPeriod), x.rules.doc.Artefact.PeriodMS)
}
