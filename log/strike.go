package log

// Strike marks a wrongly listed label. Nothing is removed: clients show it as
// struck. Signed by the officers' threshold.
type Strike struct {
	Origin    string `json:"origin"`
	Sequence  uint64 `json:"sequence"` // from 1, rising
	LabelKind string `json:"kind"`
	Label     Bytes  `json:"label"` // 32 bytes
	Reason    string `json:"reason"`
}

// Kind is [KindStrike].
func (s *Strike) Kind() Kind { return KindStrike }

func (s *Strike) logOrigin() string { return s.Origin }

// Validate checks the bounds.
func (s *Strike) Validate() error {
	var c checks
	c.origin(s.Origin)
	c.that(s.Sequence >= 1, "sequence", "from 1")
	c.labelKind("kind", s.LabelKind)
	c.size("label", s.Label, 32, 32)
	c.text("reason", s.Reason, 1, MaxReason)
	return c.err
}

// Replay is "strike" and the sequence.
func (s *Strike) Replay(string) ReplayKey {
	return ReplayKey{Scope: "strike", Sequence: s.Sequence, Monotone: true}
}

// Void: the label was published.
func (s *Strike) Void(v View, _ Signed) error {
	if !v.Published(s.LabelKind, s.Label) {
		return void(Unknown, "no such published label")
	}
	return nil
}
