package log

import (
	"fmt"
)

// Rotation publishes labels of one key version under the next: for each label
// under From, in the order in which they were first published, the label under
// To, and a proof that all of them are the old ones times one factor Δ, the one
// from one public key to the other. Signed by an engine.
type Rotation struct {
	Origin string  `json:"origin"`
	From   uint64  `json:"from"`  // key version of the labels that are carried over
	To     uint64  `json:"to"`    // key version that they get
	Delta  []Bytes `json:"delta"` // Feldman commitments to Δ: T of 32 bytes
	// PublicDelta is Δ itself, 32 bytes: only where the old key is known to be
	// safe, since either key gives the other with it.
	PublicDelta Bytes             `json:"public_delta,omitzero"`
	Offset      uint64            `json:"offset"`   // of the first label in the order of From
	Labels      []Bytes           `json:"labels"`   // under To, 32 bytes each, in that order
	Partials    []RotationPartial `json:"partials"` // the proof: as many holders' parts as Delta has commitments, by holder
}

// RotationPartial is one holder's part of the proof: the batch's weighted sum of
// old labels times its share of Δ, and that it is.
type RotationPartial struct {
	Index int   `json:"index"` // of the holder, from 1
	Z     Bytes `json:"z"`     // 32 bytes
	Proof Bytes `json:"proof"` // 64 bytes
}

// Kind is [KindRotation].
func (s *Rotation) Kind() Kind { return KindRotation }

func (s *Rotation) logOrigin() string { return s.Origin }

// Validate checks the bounds.
func (s *Rotation) Validate() error {
	var c checks
	c.origin(s.Origin)
	c.that(s.From >= 1 && s.From < s.To, "to", "above from")
	c.count("delta", len(s.Delta), 1, MaxEvaluators)
	for i, x := range s.Delta {
		c.size(fmt.Sprintf("delta[%d]", i), x, 32, 32)
	}
	if len(s.PublicDelta) > 0 {
		c.size("public_delta", s.PublicDelta, 32, 32)
	}
	c.count("labels", len(s.Labels), 1, MaxRotated)
	for i, x := range s.Labels {
		c.size(fmt.Sprintf("labels[%d]", i), x, 32, 32)
	}
	least, most := 1, MaxEvaluators
	if len(s.PublicDelta) > 0 {
		least, most = 0, 0 // it proves itself
	}
	c.count("partials", len(s.Partials), least, most)
	for i, p := range s.Partials {
		at := fmt.Sprintf("partials[%d]", i)
		c.between(at+".index", int64(p.Index), 1, MaxEvaluators)
		c.size(at+".z", p.Z, 32, 32)
		c.size(at+".proof", p.Proof, 64, 64)
	}
	sorted(&c, "partials", s.Partials, func(a, b RotationPartial) int { return a.Index - b.Index })
	return c.err
}

// Replay is from and to, with the offset.
func (s *Rotation) Replay(string) ReplayKey {
	return ReplayKey{Scope: fmt.Sprintf("rotation/%d/%d", s.From, s.To), Sequence: s.Offset + 1, Monotone: true}
}

// Void: a key version of the two is not installed, it does not follow the last
// rotation between them, there are not so many labels, or the proof is wrong.
func (s *Rotation) Void(v View, _ Signed) error {
	from, ok := v.EvaluatorSet(s.From)
	if !ok {
		return voidf(Unknown, "no evaluators of key version %d", s.From)
	}
	to, ok := v.EvaluatorSet(s.To)
	if !ok {
		return voidf(Unknown, "no evaluators of key version %d", s.To)
	}
	return v.CheckRotation(s, from, to)
}
