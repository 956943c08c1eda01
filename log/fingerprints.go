package log

import (
	"cmp"
	"fmt"
)

// Fingerprints publishes the labels of a halted run: those of the newest
// artefact completed before the halt, every one of them, or its exclusion by
// number with a reason; empty with a reason if there is no artefact. Signed by
// an engine.
type Fingerprints struct {
	Origin     string      `json:"origin"`
	Run        string      `json:"run"`
	Halt       Hash        `json:"halt"`        // identity of the halt
	Artefact   *uint64     `json:"artefact"`    // its number; null if there is none
	KeyVersion uint64      `json:"key_version"` // the artefact's; 0 if there is none
	Labels     []Label     `json:"labels"`      // sorted by number
	Excluded   []Exclusion `json:"excluded"`    // sorted by number
	Reason     string      `json:"reason"`      // why there is nothing; empty if there is something
}

// Label is one published label.
type Label struct {
	Number uint64 `json:"number"` // in the artefact, from 0
	Kind   string `json:"kind"`
	Label  Bytes  `json:"label"` // 32 bytes
}

// Exclusion is a label that is never listed; its leaf hash keeps the root
// computable without showing it.
type Exclusion struct {
	Number uint64 `json:"number"`
	Reason string `json:"reason"`
	Leaf   Hash   `json:"leaf"`
}

// Kind is [KindFingerprints].
func (s *Fingerprints) Kind() Kind { return KindFingerprints }

func (s *Fingerprints) logOrigin() string { return s.Origin }

// Validate checks the bounds.
func (s *Fingerprints) Validate() error {
	var c checks
	c.origin(s.Origin)
	c.name("run", s.Run)
	c.count("labels", len(s.Labels), 0, MaxArtefactLabels)
	for i, l := range s.Labels {
		at := fmt.Sprintf("labels[%d]", i)
		c.labelKind(at+".kind", l.Kind)
		c.size(at+".label", l.Label, 32, 32)
	}
	sorted(&c, "labels", s.Labels, func(a, b Label) int { return cmp.Compare(a.Number, b.Number) })
	c.count("excluded", len(s.Excluded), 0, MaxArtefactLabels)
	for i, x := range s.Excluded {
		c.text(fmt.Sprintf("excluded[%d].reason", i), x.Reason, 1, MaxExclusion)
	}
	sorted(&c, "excluded", s.Excluded, func(a, b Exclusion) int { return cmp.Compare(a.Number, b.Number) })
	if s.Artefact == nil {
		c.text("reason", s.Reason, 1, MaxReason)
		c.that(len(s.Labels)+len(s.Excluded) == 0, "labels", "labels of no artefact")
		c.that(s.KeyVersion == 0, "key_version", "0 without an artefact")
	} else {
		c.that(s.Reason == "", "reason", "empty with an artefact")
		c.that(*s.Artefact >= 1, "artefact", "from 1")
		c.that(s.KeyVersion >= 1, "key_version", "from 1")
	}
	return c.err
}

// Replay is the run, once.
func (s *Fingerprints) Replay(string) ReplayKey { return ReplayKey{Scope: "fingerprints/" + s.Run} }

// Void: the run is halted by the halt named and has no fingerprints yet; they
// are those of its newest artefact before the halt (or there is none, and a
// reason), each number once as label or exclusion, under the escrowed root.
func (s *Fingerprints) Void(v View, _ Signed) error {
	r, ok := v.Run(s.Run)
	switch {
	case !ok:
		return voidf(Unknown, "no run %s", s.Run)
	case !r.Halted:
		return voidf(Conflict, "run %s is not halted", s.Run)
	case r.Fingerprinted:
		return voidf(Conflict, "run %s has its fingerprints", s.Run)
	case !v.HaltIdentity(s.Run, s.Halt):
		return voidf(Unknown, "no such halt of run %s", s.Run)
	case s.Artefact == nil && r.Artefact != nil:
		return voidf(Conflict, "run %s escrowed artefact %d before its halt", s.Run, r.Artefact.Number)
	case s.Artefact == nil:
		return nil
	case r.Artefact == nil || *s.Artefact != r.Artefact.Number:
		return void(Conflict, "not the newest artefact before the halt")
	case s.KeyVersion != r.Artefact.KeyVersion:
		return void(Conflict, "key version is not the artefact's")
	}
	return v.CheckListing(s, *r.Artefact)
}
