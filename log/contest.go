package log

import "fmt"

// Contest says that a published label was escrowed earlier by another run: it
// carries the label's Merkle path into that older root. From here clients
// report it as a lead until the officers decide. Signed by a guard of the run
// that escrowed it.
type Contest struct {
	Origin    string `json:"origin"`
	Run       string `json:"run"` // that escrowed it earlier
	LabelKind string `json:"kind"`
	Label     Bytes  `json:"label"`
	Artefact  uint64 `json:"artefact"` // number, of that run
	Number    uint64 `json:"number"`   // of the label in it, from 0
	Path      []Hash `json:"path"`     // from the leaf's sibling to the root's child
}

// Kind is [KindContest].
func (s *Contest) Kind() Kind { return KindContest }

func (s *Contest) logOrigin() string { return s.Origin }

// Validate checks the bounds.
func (s *Contest) Validate() error {
	var c checks
	c.origin(s.Origin)
	c.name("run", s.Run)
	c.labelKind("kind", s.LabelKind)
	c.size("label", s.Label, 32, 32)
	c.that(s.Artefact >= 1, "artefact", "from 1")
	c.that(s.Number < MaxArtefactLabels, "number", fmt.Sprintf("below %d", MaxArtefactLabels))
	c.count("path", len(s.Path), 0, MaxPath)
	return c.err
}

// Replay is the run and the label, once.
func (s *Contest) Replay(string) ReplayKey {
	return ReplayKey{Scope: "contest/" + s.Run + "/" + s.LabelKind + "/" + s.Label.String()}
}

// Void: the label is published, the signer is a guard of the contesting run,
// and the path leads into a root that this run escrowed.
func (s *Contest) Void(v View, e Signed) error {
	r, ok := v.Run(s.Run)
	if !ok {
		return voidf(Unknown, "no run %s", s.Run)
	}
	if err := guardOf(r, e); err != nil {
		return err
	}
	if !v.Published(s.LabelKind, s.Label) {
		return void(Unknown, "no such published label")
	}
	a, ok := v.ArtefactRoot(s.Run, s.Artefact)
	if !ok {
		return voidf(Unknown, "run %s escrowed no artefact %d", s.Run, s.Artefact)
	}
	return v.CheckContest(s, a)
}
