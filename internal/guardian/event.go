package guardian

import (
	"time"

	"github.com/haltlog/haltlog/internal/guard"
)

// Names of events.
const (
	EventReady       = "ready"       // log, run and anchors are verified; leases are asked for
	EventStarted     = "started"     // the command runs
	EventLease       = "lease"       // a lease was verified
	EventHalt        = "halt"        // an engine's halt was verified
	EventVote        = "vote"        // a live vote was verified
	EventDead        = "dead"        // the run was observed dead, after a stop
	EventUnconfirmed = "unconfirmed" // a stop whose effect was not seen
	EventEnded       = "ended"       // the command ended by itself
	EventLogged      = "logged"      // the log took a statement of the guard
	EventRefused     = "refused"     // the log will never take a statement of the guard
	EventOver        = "over"        // the guard is done; the last event
)

// Event is something that happened to a guarded run, for programs that show it. Times are of when it happened: in
// milliseconds since 1970 on the wall clock, in nanoseconds since the machine's start on the boot-time clock.
type Event struct {
	Event  string `json:"event"`
	Run    string `json:"run"`
	WallMS int64  `json:"wall_ms"`
	BootNS int64  `json:"boot_ns"`

	Engine     string   `json:"engine,omitempty"` // key id
	Sequence   uint64   `json:"sequence,omitempty"`
	DurationMS int64    `json:"duration_ms,omitempty"`
	Kind       string   `json:"kind,omitempty"` // of a statement
	Identity   string   `json:"identity,omitempty"`
	Index      *uint64  `json:"index,omitempty"`
	Causes     []string `json:"causes,omitempty"`
	Cause      string   `json:"cause,omitempty"`
	By         string   `json:"by,omitempty"` // who observed: keeper or reaper
	Evidence   string   `json:"evidence,omitempty"`
	// OrderedWallMS and OrderedBootNS are when the stop was ordered; the event's own times are when death was observed.
	OrderedWallMS int64  `json:"ordered_wall_ms,omitempty"`
	OrderedBootNS int64  `json:"ordered_boot_ns,omitempty"`
	Mode          string `json:"mode,omitempty"`
	Strength      string `json:"strength,omitempty"`
	Pid           int    `json:"pid,omitempty"`
	Reaper        int    `json:"reaper,omitempty"`
	ExitCode      *int   `json:"exit_code,omitempty"` // of the guard, with EventOver
	Left          int    `json:"left,omitempty"`      // statements that wait in the spool
	Error         string `json:"error,omitempty"`
}

func evidenceEvent(name, by, cause string, e guard.Evidence) Event {
	return Event{
		Event: name, By: by, Cause: cause, Evidence: e.String(), Mode: string(e.Mode), Pid: e.Pid,
		WallMS: e.Observed.Wall.UnixMilli(), BootNS: int64(e.Observed.Boot),
		OrderedWallMS: e.Ordered.Wall.UnixMilli(), OrderedBootNS: int64(e.Ordered.Boot),
	}
}

// at fills an event's run, and its times if it has none.
func (e Event) at(run string, now guard.Stamp) Event {
	e.Run = run
	if e.WallMS == 0 {
		e.WallMS, e.BootNS = now.Wall.UnixMilli(), int64(now.Boot/time.Nanosecond)
	}
	return e
}
