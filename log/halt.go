package log

import "slices"

// Halt ends a run: the first valid one in log order, at its index, for all
// chains (E6). Later ones confirm it. It refers to the engine's own decision,
// behind which it stands, and repeats the causes from there. Signed by an
// engine.
type Halt struct {
	Origin   string  `json:"origin"`
	Run      string  `json:"run"`
	Decision Hash    `json:"decision"` // identity
	Causes   []Cause `json:"causes"`
}

// Kind is [KindHalt].
func (s *Halt) Kind() Kind { return KindHalt }

func (s *Halt) logOrigin() string { return s.Origin }

// Validate checks the bounds.
func (s *Halt) Validate() error {
	var c checks
	c.origin(s.Origin)
	c.name("run", s.Run)
	c.causes("causes", s.Causes, 1)
	return c.err
}

// Replay is the run and the engine's key, once.
func (s *Halt) Replay(signer string) ReplayKey {
	return ReplayKey{Scope: "halt/" + s.Run + "/" + signer}
}

// Void: the run is known and did not close; the engine's own valid decision
// says halt of it, with the same causes.
func (s *Halt) Void(v View, e Signed) error {
	r, ok := v.Run(s.Run)
	switch {
	case !ok:
		return voidf(Unknown, "no run %s", s.Run)
	case r.Closed && !r.Halted:
		return voidf(Conflict, "run %s is closed", s.Run)
	}
	verdict, ok := v.HaltVerdict(e.Signer(), s.Decision, s.Run)
	switch {
	case !ok:
		return voidf(Unknown, "no decision of this engine that halts run %s", s.Run)
	case !slices.EqualFunc(verdict.Causes, s.Causes, Cause.equal):
		return void(Conflict, "the causes are not those of the decision")
	}
	return nil
}
