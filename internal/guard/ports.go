package guard

import (
	"context"
	"log/slog"
	"time"
)

// NoticeKind says what a notice is.
type NoticeKind string

// The notices that stop a run at once (G2).
const (
	NoticeHalt NoticeKind = "halt" // an engine's halt
	NoticeVote NoticeKind = "vote" // a live vote
)

// Notice is a halt or a live vote in its signed bytes.
type Notice struct {
	Kind  NoticeKind
	Bytes []byte
}

// Reply is an engine's answer to a lease request: a lease, or the halt that it folded.
type Reply struct {
	Lease []byte // signed bytes; nil with a halt
	Halt  []byte // signed bytes
}

// LeaseClient asks one engine. It signs and encodes the request, sends it, and returns what the engine answered,
// unjudged. It is called concurrently for several engines and must give up when ctx ends. An engine that refuses
// without a halt is an error.
type LeaseClient interface {
	Request(ctx context.Context, engine string, req LeaseRequest) (Reply, error)
}

// Checker verifies signed bytes; the state machine judges what they say. It is called concurrently.
type Checker interface {
	// CheckLease verifies the engine's signature, the checkpoint's quorum and origin, and the consistency proof from
	// the size and root named by seen (size 0 needs none). Everything in the result is verified.
	CheckLease(ctx context.Context, lease []byte, seen Seen) (Lease, Checked, error)
	// CheckHalt verifies that a halt names the guarded run and is signed by one of its engines.
	CheckHalt(ctx context.Context, halt []byte) error
	// CheckVote verifies a live vote for the guarded run by its group's ring, not expired.
	CheckVote(ctx context.Context, vote []byte) error
}

// Seen is the newest checkpoint that the guard had accepted when it asked.
type Seen struct {
	Size uint64
	Root Hash
}

// Ended is what a close statement says.
type Ended struct {
	Exit     Exit
	Evidence Evidence
	BootID   string
}

// Signer makes the guard's statements: encoded, anchored and signed, ready for Submit. Calls may overlap. sequence
// rises over all of a guard's statements and restarts, and is durable before Signer sees it.
type Signer interface {
	Heartbeat(ctx context.Context, sequence uint64, alive bool, bootID string) ([]byte, error)
	Actuation(ctx context.Context, sequence uint64, r Record, halt []byte) ([]byte, error) // halt is nil unless the cause is one
	Close(ctx context.Context, e Ended) ([]byte, error)
}

// Artefact fingerprints the saved model at path and returns what is to be logged, in order: one statement, or its parts,
// or nothing where nothing is to be escrowed. number starts at 0 and counts the run's checkpoints, also over restarts of
// the guard. It runs beside everything else and may take long; an error leaves the checkpoint to be tried again.
type Artefact func(ctx context.Context, path string, number uint64) ([][]byte, error)

// Deps is the outside world. All but Artefact and Actuators are required.
type Deps struct {
	Clock    Clock
	Leases   LeaseClient
	Checker  Checker
	Signer   Signer
	Submit   Submit
	Artefact Artefact
	Logger   *slog.Logger
	// Actuators act after the built-in ones when those leave death unconfirmed (a scheduler's or cloud's kill).
	// Their evidence counts only if it satisfies Evidence.Confirmed.
	Actuators []Actuator
	// Started, if not nil, is called once the command runs.
	Started func(Running)
}

// Running describes a run that has just been started.
type Running struct {
	Pid      int // of the PID namespace's init, as the guard sees it
	Reaper   int
	Mode     Mode
	Strength Strength
	Fallback error // why there is no cgroup, when ModeAuto found none
	At       time.Time
}
