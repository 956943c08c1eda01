package log

import (
	"github.com/haltlog/haltlog/internal/checkpoint"
)

// Anchor writes a published checkpoint back into the log, with exactly one
// minimal quorum of cosignatures: witnessed time for whoever reads later. It
// is signed by nobody, it proves itself.
type Anchor struct {
	Origin     string `json:"origin"`
	Checkpoint Bytes  `json:"checkpoint"` // the signed note's bytes
}

// Size is the checkpoint's tree size; 0 if it does not parse.
func (s *Anchor) Size() uint64 {
	cp, err := s.open()
	if err != nil {
		return 0
	}
	return cp.Size
}

func (s *Anchor) open() (checkpoint.Checkpoint, error) {
	n, err := checkpoint.ParseNote(s.Checkpoint)
	if err != nil {
		return checkpoint.Checkpoint{}, err
	}
	return checkpoint.ParseCheckpoint(n.Text)
}

// Kind is [KindAnchor].
func (s *Anchor) Kind() Kind { return KindAnchor }

func (s *Anchor) logOrigin() string { return s.Origin }

// Validate checks the bounds, and that the checkpoint is one of this origin.
func (s *Anchor) Validate() error {
	var c checks
	c.origin(s.Origin)
	c.size("checkpoint", s.Checkpoint, 1, MaxCheckpoint)
	if c.err != nil {
		return c.err
	}
	cp, err := s.open()
	c.with(err, "checkpoint")
	c.that(err != nil || cp.Origin == s.Origin, "checkpoint", "of another origin")
	c.that(err != nil || cp.Size >= 1 && cp.Size <= MaxInteger, "checkpoint", "size out of range")
	return c.err
}

// Replay is the size.
func (s *Anchor) Replay(string) ReplayKey {
	return ReplayKey{Scope: "anchor", Sequence: s.Size(), Monotone: true}
}

// Void: the checkpoint satisfies the quorum that its size calls for with
// nothing to spare, it is of this log's own tree, its size and smallest time
// exceed the last valid one's, and its times lie within the skew.
func (s *Anchor) Void(v View, _ Signed) error { return v.CheckAnchor(s.Checkpoint) }
