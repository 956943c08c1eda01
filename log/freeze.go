package log

// Freeze says that the log takes up nothing new, and where it goes on (L8).
// What ends the runs that it holds is taken still. Signed by the officers'
// threshold.
type Freeze struct {
	Origin    string `json:"origin"`
	Successor string `json:"successor"` // origin of the log that follows; empty if none
	Reason    string `json:"reason"`
}

// Kind is [KindFreeze].
func (s *Freeze) Kind() Kind { return KindFreeze }

func (s *Freeze) logOrigin() string { return s.Origin }

// Validate checks the bounds.
func (s *Freeze) Validate() error {
	var c checks
	c.origin(s.Origin)
	c.that(s.Successor == "" || ValidOrigin(s.Successor), "successor", "want an origin, or nothing")
	c.that(s.Successor != s.Origin, "successor", "a log does not follow itself")
	c.text("reason", s.Reason, 1, MaxReason)
	return c.err
}

// Replay is "freeze", once.
func (s *Freeze) Replay(string) ReplayKey { return ReplayKey{Scope: "freeze"} }

// Void: the log is not frozen yet.
func (s *Freeze) Void(v View, _ Signed) error {
	if v.Frozen() {
		return void(Conflict, "the log is frozen")
	}
	return nil
}
