package policy

import "time"

// An Event is one fact of the log that the engine's state rests on. The caller
// has judged it: signatures, authority and freshness are settled. Events come
// in the order of their indices and have no time of their own (E1).
type Event interface{ at() uint64 }

// The events. Index is the entry's index in the log.
type (
	// Registered is a run that a registrar put under a policy chain.
	Registered struct {
		Run, Chain, Class string
		Members           []string // of its consensus group, in any order
		MaxLife           time.Duration
		Index             uint64
	}
	// Regrouped gives a run another consensus group, in force now.
	Regrouped struct {
		Run     string
		Members []string
		Index   uint64
	}
	// Enforced is a policy that took force (Book, whose Check it passed: what
	// Validate demands bounds the work of a decision). Index is that of the
	// entry that put it in force, the policy's own or an anchor's.
	Enforced struct {
		Doc   *Document
		Index uint64
	}
	// Checkin is a member's check-in for a run.
	Checkin struct {
		Run, Member string
		Index       uint64
	}
	// Vote is a live vote against a run.
	Vote struct {
		Run   string
		Index uint64
	}
	// Beat is a heartbeat of a run's guard; Alive says that its process lives.
	Beat struct {
		Run   string
		Alive bool
		Index uint64
	}
	// MonitorBeat is a heartbeat of a monitor, by key id, that says it is up.
	MonitorBeat struct {
		Monitor string
		Index   uint64
	}
	// Artefact is a saved model checkpoint whose labels were escrowed.
	Artefact struct {
		Run   string
		Index uint64
	}
	// Anchored is a valid anchor with its size and its quorum's smallest and
	// largest time.
	Anchored struct {
		Size     uint64
		Min, Max time.Time
		Index    uint64
	}
	// Closed is a guard's close: the run ended by itself.
	Closed struct {
		Run   string
		Index uint64
	}
	// Halted is the first valid halt of a run, by whichever engine.
	Halted struct {
		Run   string
		Index uint64
	}
	// Decided is a valid decision of another engine, with the runs to which its
	// verdict is go. A chain's own decisions are no events of it.
	Decided struct {
		Engine string
		Go     []string
		Index  uint64
	}
)

func (e Registered) at() uint64  { return e.Index }
func (e Regrouped) at() uint64   { return e.Index }
func (e Enforced) at() uint64    { return e.Index }
func (e Checkin) at() uint64     { return e.Index }
func (e Vote) at() uint64        { return e.Index }
func (e Beat) at() uint64        { return e.Index }
func (e MonitorBeat) at() uint64 { return e.Index }
func (e Artefact) at() uint64    { return e.Index }
func (e Anchored) at() uint64    { return e.Index }
func (e Closed) at() uint64      { return e.Index }
func (e Halted) at() uint64      { return e.Index }
func (e Decided) at() uint64     { return e.Index }

// Trips says whether an event can trip a tripwire at the very as_of that it is
// given, so that an engine decides at once instead of at its next period.
func Trips(e Event) bool {
	switch e.(type) {
	case Vote, Enforced:
		return true
	}
	return false
}
