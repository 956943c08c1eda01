// Package api owns the wire forms of the daemon's HTTP interface that are not
// statements: what the routes answer, and where they are. Server and clients
// share it, so that neither can drift from the other.
//
// Nothing here is evidence. What counts is in the log, and a client that has to
// be sure verifies the leaf against a witnessed checkpoint.
package api

import (
	"time"

	"github.com/haltlog/haltlog/log"
)

// Routes of the public listener. A brace holds a path parameter.
const (
	RouteCheckpoint = "/checkpoint"
	RouteTile       = "/tile/"
	RouteStatements = "/v1/statements"
	RouteGenesis    = "/v1/genesis"
	RouteQuorum     = "/v1/quorum"
	RouteAnchor     = "/v1/anchor"
	RouteEntries    = "/v1/entries"
	RouteEntry      = "/v1/entries/{index}"
	RouteEntryProof = "/v1/entries/{index}/proof"
	RouteRuns       = "/v1/runs"
	RouteRun        = "/v1/runs/{run}"
	RouteRunWhy     = "/v1/runs/{run}/why"
	RouteRunMember  = "/v1/runs/{run}/members/{member}"
	RouteRunEvents  = "/v1/runs/{run}/events"
	RouteGroup      = "/v1/groups/{hash}"
	RoutePolicies   = "/v1/policies"
	RouteLeases     = "/v1/leases"
	RouteEvaluate   = "/v1/blacklist/evaluate"
	RouteEpoch      = "/v1/blacklist/epoch"
	RouteFull       = "/v1/blacklist/full/{version}/{kind}/{prefix}"
	RouteFullWhole  = "/v1/blacklist/full/{version}/{kind}" // a kind that is not split
	RouteHead       = "/v1/blacklist/head"                  // of the newest witnessed epoch
	RouteHeadOf     = "/v1/blacklist/heads/{number}"        // of any epoch
	RouteObject     = "/v1/blacklist/objects/{head}/{hash}" // by SHA-256, behind its first two digits
	RouteBucket     = "/v1/blacklist/bucket/{version}/{kind}/{prefix}/{bits}/{bucket}"
	RouteLabelProof = "/v1/blacklist/proof/{version}/{kind}/{label}"
	RouteListing    = "/v1/blacklist/labels/{kind}/{label}"
	RouteHealth     = "/healthz"
	RouteReady      = "/readyz"
	RouteMetrics    = "/metrics"
)

// Values of the query parameter `wait` of RouteStatements.
const (
	WaitFolded    = "folded"    // answer with the validity, and with the decision once it is logged
	WaitWitnessed = "witnessed" // answer with the tlog-proof
)

// TypeProof is the media type of a tlog-proof and of other C2SP texts.
const TypeProof = "text/plain; charset=utf-8"

// TypeProblem is the media type of a Problem (RFC 9457).
const TypeProblem = "application/problem+json"

// ProblemBase begins the `type` of every problem; its last element names the kind.
const ProblemBase = "https://haltlog.dev/problems/"

// Problem is an RFC 9457 problem. Detail is for people, Type for programs.
type Problem struct {
	Type   string  `json:"type"`
	Title  string  `json:"title"`
	Status int     `json:"status"`
	Detail string  `json:"detail,omitempty"`
	Place  string  `json:"place,omitempty"` // where in the statement, for malformed input
	Index  *uint64 `json:"index,omitempty"` // of the entry that is in the way, for a conflict
}

// Accepted answers a submission: the entry is durable at Index.
type Accepted struct {
	Index    uint64        `json:"index"`
	Identity log.Hash      `json:"identity"`
	Repeat   bool          `json:"repeat"`             // the statement was there before
	Validity string        `json:"validity,omitempty"` // with wait=folded: valid, void, stale, pending
	Reason   string        `json:"reason,omitempty"`
	Decision *uint64       `json:"decision,omitempty"` // index of the decision whose range holds the entry
	Verdicts []log.Verdict `json:"verdicts,omitempty"` // what that decision changed
}

// Entry is one entry of the log as the projection knows it.
type Entry struct {
	Index    uint64     `json:"index"`
	Kind     string     `json:"kind"`
	Run      string     `json:"run,omitempty"`
	Identity log.Hash   `json:"identity"`
	Validity string     `json:"validity"`
	Reason   string     `json:"reason,omitempty"`
	LogTime  *time.Time `json:"log_time,omitempty"` // smallest time of the newest valid anchor before it
	Leaf     []byte     `json:"leaf"`
}

// Entries is one page. Built is the size to which the projection is built.
type Entries struct {
	Built   uint64  `json:"built"`
	Entries []Entry `json:"entries"`
	Next    string  `json:"next,omitempty"` // cursor of the next page; empty at the end
}

// Anchor is the newest valid anchor.
type Anchor struct {
	Index      uint64   `json:"index"`
	Size       uint64   `json:"size"`
	Root       log.Hash `json:"root"`
	Checkpoint []byte   `json:"checkpoint"`
}

// RunState is where a run stands.
type RunState string

// States of a run. A registered run is armed by the next decision.
const (
	RunRegistered RunState = "registered"
	RunArmed      RunState = "armed"
	RunHalted     RunState = "halted"
	RunClosed     RunState = "closed"
)

// Run is a run as the fold of this daemon knows it.
type Run struct {
	Run          string      `json:"run"`
	Class        string      `json:"class"`
	Task         string      `json:"task"`
	Chain        string      `json:"chain"`
	Group        log.Hash    `json:"group"`
	Registered   uint64      `json:"registered"`
	State        RunState    `json:"state"`
	Halt         *uint64     `json:"halt,omitempty"` // index of the first valid halt
	Causes       []log.Cause `json:"causes,omitempty"`
	Artefact     *uint64     `json:"artefact,omitempty"` // index of the newest artefact
	Fingerprints *uint64     `json:"fingerprints,omitempty"`
	ObservedDead *uint64     `json:"observed_dead,omitempty"`
	Close        *uint64     `json:"close,omitempty"`
}

// Why says in one sentence how a run ended, or that it lives.
type Why struct {
	Run      string `json:"run"`
	Sentence string `json:"sentence"`
}

// Member is how a member's beeper stands for a run (see policy.Status).
type Member struct {
	Run       string    `json:"run"`
	Member    string    `json:"member"`
	Interval  int64     `json:"interval_ms"`
	AsOf      time.Time `json:"as_of"` // of the newest decision
	NextDue   time.Time `json:"next_due"`
	Sequence  uint64    `json:"sequence"` // last one counted; 0 if none
	Misses    int       `json:"misses"`   // of the group, that stand
	Threshold int       `json:"threshold"`
	Warning   bool      `json:"warning"` // one more miss trips
	State     RunState  `json:"state"`
}

// Policy is one policy of a chain.
type Policy struct {
	Chain    string   `json:"chain"`
	Number   uint64   `json:"number"`
	Hash     log.Hash `json:"hash"`
	Index    uint64   `json:"index"`
	InForce  bool     `json:"in_force"`
	Document []byte   `json:"document"`
}

// Event names of RouteRunEvents. The data of EventHalt is the engine's halt
// statement, sent before it is logged (stop first, prove after); the data of
// EventEntry is an Entry.
const (
	EventHalt  = "halt"
	EventVote  = "vote" // a live vote that the daemon verified: its leaf, before it is logged and again after
	EventEntry = "entry"
)

// Listing says what is known of one label.
type Listing struct {
	Kind         string  `json:"kind"`
	Label        []byte  `json:"label"`
	State        string  `json:"state"` // absent, listed, contested, struck
	Run          string  `json:"run,omitempty"`
	Halt         *uint64 `json:"halt,omitempty"`
	Fingerprints *uint64 `json:"fingerprints,omitempty"`
	Reason       string  `json:"reason,omitempty"`
}
