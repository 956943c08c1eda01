package guard

import "fmt"

// Mode is how the run is held.
type Mode string

// The modes. ModeAuto takes the cgroup and falls back, loudly, to the namespace.
const (
	ModeAuto      Mode = "auto"
	ModeCgroup    Mode = "cgroup" // cgroup v2 of its own, and a PID namespace
	ModeNamespace Mode = "pidns"  // PID namespace and pidfds only; its init is the subreaper of all inside
)

// Strength says whether the command can get at what holds it.
type Strength string

// The strengths (G5). A cgroup, or a PID namespace with a uid of its own, is full; less needs Config.Weak.
const (
	StrengthFull Strength = "full"
	StrengthWeak Strength = "weak"
)

// Cause says why a guard stopped a run, or that it did not have to.
type Cause string

// The causes. CauseHalt, CauseVote and CauseLease are the record's; the others are the guard's own.
const (
	CauseEnded        Cause = "ended"         // the command ended by itself
	CauseHalt         Cause = "halt"          // G2: an engine's verified halt
	CauseVote         Cause = "vote"          // G2: a live vote that the guard verified
	CauseLease        Cause = "lease"         // G1: fewer than k leases live
	CauseClock        Cause = "clock"         // G1: boot id changed or the clocks drifted apart
	CauseKeeperDied   Cause = "keeper-died"   // G5, seen by the reaper
	CauseKeeperSilent Cause = "keeper-silent" // G5, seen by the reaper
	CauseReaperDied   Cause = "reaper-died"   // G5, seen by the keeper
	CauseReaperSilent Cause = "reaper-silent" // G5, seen by the keeper
	CauseOperator     Cause = "operator"      // the guard's context was cancelled
	CauseError        Cause = "error"         // the guard could not start or watch the command
)

// Evidence is what was seen of a kill (G4). Its JSON form is what the reaper leaves on disk.
type Evidence struct {
	Actuator      string `json:"actuator"`       // the last actuator that acted
	Mode          Mode   `json:"mode"`           // what had to be shown dead
	Pid           int    `json:"pid"`            // the root's pid as the guard sees it
	PidfdExited   bool   `json:"pidfd_exited"`   // the root's pidfd became readable
	PopulatedZero bool   `json:"populated_zero"` // cgroup.events read `populated 0` after the kill
	Ordered       Stamp  `json:"ordered"`        // before the first kill was sent
	Observed      Stamp  `json:"observed"`       // when the last observation was made
	Problem       string `json:"problem,omitempty"`
}

// Confirmed is G4: only this is "observed dead".
func (e Evidence) Confirmed() bool {
	switch e.Mode {
	case ModeCgroup:
		return e.PidfdExited && e.PopulatedZero
	case ModeNamespace:
		// The kernel reaps a whole PID namespace before its init counts as exited.
		return e.PidfdExited
	default:
		return false
	}
}

// String names the evidence as the receipt does.
func (e Evidence) String() string {
	switch {
	case !e.Confirmed():
		return "unconfirmed"
	case e.Mode == ModeCgroup:
		return fmt.Sprintf("pidfd of %d exited and cgroup populated 0", e.Pid)
	default:
		return fmt.Sprintf("pidfd of PID namespace init %d exited", e.Pid)
	}
}
