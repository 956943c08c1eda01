package log

// Close says that the run ended by itself. It takes effect through the
// decision whose range holds it, after everything in that range was evaluated.
// Signed by a guard of the run.
type Close struct {
	Origin   string   `json:"origin"`
	Run      string   `json:"run"`
	ExitCode int      `json:"exit_code"` // 0 to 255; 0 if ended by a signal
	Signal   int      `json:"signal"`    // 0 if it exited
	Evidence Evidence `json:"evidence"`
}

// Kind is [KindClose].
func (s *Close) Kind() Kind { return KindClose }

func (s *Close) logOrigin() string { return s.Origin }

// Validate checks the bounds, and that the exit was observed.
func (s *Close) Validate() error {
	var c checks
	c.origin(s.Origin)
	c.name("run", s.Run)
	c.between("exit_code", int64(s.ExitCode), 0, 255)
	c.between("signal", int64(s.Signal), 0, 127)
	c.that(s.Signal == 0 || s.ExitCode == 0, "exit_code", "a signal leaves none")
	c.evidence("evidence", s.Evidence)
	c.that(s.Evidence.exited(), "evidence", "does not show an exit")
	return c.err
}

// Replay is the run, once.
func (s *Close) Replay(string) ReplayKey { return ReplayKey{Scope: "close/" + s.Run} }

// Void: the run has not ended and the signer is one of its guards. (A close in
// a range in which something tripped is void too, through the halt.)
func (s *Close) Void(v View, e Signed) error {
	r, err := runFor(v, s.Run)
	if err != nil {
		return err
	}
	return guardOf(r, e)
}
