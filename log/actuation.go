package log

import "slices"

// EvidenceMode says how much a guard could see of a process's end (G4).
type EvidenceMode string

const (
	ModeCgroup EvidenceMode = "cgroup" // a cgroup of its own, and a pidfd
	ModePIDNS  EvidenceMode = "pidns"  // a PID namespace with a uid of its own
	ModePidfd  EvidenceMode = "pidfd"  // a pidfd alone: weak
	ModeNone   EvidenceMode = "none"   // nothing was seen: the stop is unconfirmed
)

// Evidence is what was seen of a process's end, and when.
type Evidence struct {
	Mode          EvidenceMode `json:"mode"`
	PidfdExited   bool         `json:"pidfd_exited"`   // the root process's pidfd reported exit
	PopulatedZero bool         `json:"populated_zero"` // "populated 0" was read after the kill
	InitExited    bool         `json:"init_exited"`    // the pidfd of the namespace's init reported exit
	StopRequested Time         `json:"stop_requested"` // equal to observed if nothing was requested
	Observed      Time         `json:"observed"`
	ElapsedUS     int64        `json:"elapsed_us"` // between the two on the boot-time clock, microseconds
	BootID        string       `json:"boot_id"`
}

// Dead reports whether the evidence shows that every process of the run is
// gone (G4): the root's pidfd has exited and the cgroup was empty after the
// kill, or the init of the PID namespace has exited.
func (e Evidence) Dead() bool {
	switch e.Mode {
	case ModeCgroup:
		return e.PidfdExited && e.PopulatedZero
	case ModePIDNS:
		return e.InitExited
	}
	return false
}

// exited reports whether the root process was seen to end.
func (e Evidence) exited() bool { return e.Dead() || e.Mode != ModeNone && e.PidfdExited }

func (c *checks) evidence(place string, e Evidence) {
	switch e.Mode {
	case ModeCgroup, ModePIDNS, ModePidfd:
	case ModeNone:
		c.that(!e.PidfdExited && !e.PopulatedZero && !e.InitExited, place+".mode", "nothing was seen without a mode")
	default:
		c.that(false, place+".mode", "want cgroup, pidns, pidfd or none")
	}
	c.that(e.Mode == ModeCgroup || !e.PopulatedZero, place+".populated_zero", "only a cgroup shows it")
	c.that(e.Mode == ModePIDNS || !e.InitExited, place+".init_exited", "only a PID namespace shows it")
	c.between(place+".elapsed_us", e.ElapsedUS, 0, MaxInteger)
	c.token(place+".boot_id", e.BootID, 1, MaxBootID)
}

// ActuationState is how far a stop has come.
type ActuationState string

const (
	ActuationRequested    ActuationState = "requested"     // the stop was sent
	ActuationAcknowledged ActuationState = "acknowledged"  // an actuator took it
	ActuationObservedDead ActuationState = "observed-dead" // with the evidence that G4 asks for
	ActuationUnconfirmed  ActuationState = "unconfirmed"   // without: the next actuator acts
)

// Actuation is a receipt for stopping a run: by a halt, or by the guard's own
// reason (a lease that ended, a live vote that it verified itself). Signed by
// a guard of the run, or an actuator.
type Actuation struct {
	Origin   string         `json:"origin"`
	Run      string         `json:"run"`
	Sequence uint64         `json:"sequence"` // from 1, rising
	State    ActuationState `json:"state"`
	Halt     *Hash          `json:"halt"`  // identity of the halt; null if there was none yet
	Cause    string         `json:"cause"` // why, for machines: "halt", "lease", "livevote"
	Evidence Evidence       `json:"evidence"`
}

// Kind is [KindActuation].
func (s *Actuation) Kind() Kind { return KindActuation }

func (s *Actuation) logOrigin() string { return s.Origin }

// Validate checks the bounds, and that "observed dead" has its evidence (G4).
func (s *Actuation) Validate() error {
	var c checks
	c.origin(s.Origin)
	c.name("run", s.Run)
	c.that(s.Sequence >= 1, "sequence", "from 1")
	c.that(slices.Contains([]ActuationState{ActuationRequested, ActuationAcknowledged, ActuationObservedDead, ActuationUnconfirmed}, s.State), "state", "want requested, acknowledged, observed-dead or unconfirmed")
	c.token("cause", s.Cause, 1, MaxCause)
	c.evidence("evidence", s.Evidence)
	c.that(s.State != ActuationObservedDead || s.Evidence.Dead(), "evidence", "does not show the run dead")
	return c.err
}

// Replay is the run and the key, with the sequence.
func (s *Actuation) Replay(signer string) ReplayKey {
	return ReplayKey{Scope: "actuation/" + s.Run + "/" + signer, Sequence: s.Sequence, Monotone: true}
}

// Void: the run is known, the signer is one of its guards or an actuator, and
// a halt that is named is one of that run.
func (s *Actuation) Void(v View, e Signed) error {
	r, ok := v.Run(s.Run)
	if !ok {
		return voidf(Unknown, "no run %s", s.Run)
	}
	if !slices.ContainsFunc(v.Signers(), func(k Key) bool { return k.Role == RoleActuator }) {
		if err := guardOf(r, e); err != nil {
			return err
		}
	}
	if s.Halt != nil && !v.HaltIdentity(s.Run, *s.Halt) {
		return voidf(Unknown, "no such halt of run %s", s.Run)
	}
	return nil
}
