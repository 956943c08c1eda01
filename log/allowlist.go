package log

import "fmt"

// AllowList names labels that are never listed: causal masks, tables of
// frequencies, public bases. Signed by the officers' threshold.
type AllowList struct {
	Origin    string  `json:"origin"`
	Sequence  uint64  `json:"sequence"` // from 1, rising
	LabelKind string  `json:"kind"`
	Labels    []Bytes `json:"labels"` // 32 bytes each, sorted
	Reason    string  `json:"reason"`
}

// Kind is [KindAllowList].
func (s *AllowList) Kind() Kind { return KindAllowList }

func (s *AllowList) logOrigin() string { return s.Origin }

// Validate checks the bounds.
func (s *AllowList) Validate() error {
	var c checks
	c.origin(s.Origin)
	c.that(s.Sequence >= 1, "sequence", "from 1")
	c.labelKind("kind", s.LabelKind)
	c.count("labels", len(s.Labels), 1, MaxAllowed)
	for i, l := range s.Labels {
		c.size(fmt.Sprintf("labels[%d]", i), l, 32, 32)
	}
	sorted(&c, "labels", s.Labels, compareBytes)
	c.text("reason", s.Reason, 1, MaxReason)
	return c.err
}

// Replay is "allowlist" and the sequence.
func (s *AllowList) Replay(string) ReplayKey {
	return ReplayKey{Scope: "allowlist", Sequence: s.Sequence, Monotone: true}
}

// Void: nothing beyond what is common to all kinds.
func (s *AllowList) Void(View, Signed) error { return nil }
