package log

// AnchorRef names the newest anchor that a signer has verified (S4), so that
// nothing can be signed ahead and hoarded.
type AnchorRef struct {
	Index uint64 `json:"index"` // of the anchor's entry
	Root  Hash   `json:"root"`  // of its checkpoint
}

// Checkin says that a member of a run's group is alive, for one interval.
// Signed by the member's check-in key.
type Checkin struct {
	Origin   string    `json:"origin"`
	Run      string    `json:"run"`
	Sequence uint64    `json:"sequence"` // from 1, rising
	Anchor   AnchorRef `json:"anchor"`
}

// Kind is [KindCheckin].
func (s *Checkin) Kind() Kind { return KindCheckin }

func (s *Checkin) logOrigin() string { return s.Origin }

// Validate checks the bounds.
func (s *Checkin) Validate() error {
	var c checks
	c.origin(s.Origin)
	c.name("run", s.Run)
	c.that(s.Sequence >= 1, "sequence", "from 1")
	return c.err
}

// Replay is the run and the member's key, with the sequence.
func (s *Checkin) Replay(signer string) ReplayKey {
	return ReplayKey{Scope: "checkin/" + s.Run + "/" + signer, Sequence: s.Sequence, Monotone: true}
}

// Void: the run has not ended, the signer is a member of its group in force,
// and the anchor is no older than the class's interval allows.
func (s *Checkin) Void(v View, e Signed) error {
	r, err := runFor(v, s.Run)
	if err != nil {
		return err
	}
	if _, ok := r.Group.Statement.MemberByKey(e.Signer()); !ok {
		return voidf(Forbidden, "not a member of the group of run %s", s.Run)
	}
	rules, ok := v.Rules(r.Statement.Chain)
	if !ok {
		return voidf(Unknown, "no policy in force in chain %s", r.Statement.Chain)
	}
	return v.Fresh(s.Anchor, rules.Intervals[r.Statement.Class])
}
