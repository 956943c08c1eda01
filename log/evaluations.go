package log

// Evaluations says how many elements an evaluator evaluated in a period, so
// that fishing is visible. Signed by an evaluator.
type Evaluations struct {
	Origin   string `json:"origin"`
	Sequence uint64 `json:"sequence"` // from 1, rising
	From     Time   `json:"from"`
	Until    Time   `json:"until"`
	Elements uint64 `json:"elements"`
}

// Kind is [KindEvaluations].
func (s *Evaluations) Kind() Kind { return KindEvaluations }

func (s *Evaluations) logOrigin() string { return s.Origin }

// Validate checks the bounds.
func (s *Evaluations) Validate() error {
	var c checks
	c.origin(s.Origin)
	c.that(s.Sequence >= 1, "sequence", "from 1")
	c.that(s.From <= s.Until, "until", "before from")
	return c.err
}

// Replay is the evaluator's key, with the sequence.
func (s *Evaluations) Replay(signer string) ReplayKey {
	return ReplayKey{Scope: "evaluations/" + signer, Sequence: s.Sequence, Monotone: true}
}

// Void: nothing beyond what is common to all kinds.
func (s *Evaluations) Void(View, Signed) error { return nil }
