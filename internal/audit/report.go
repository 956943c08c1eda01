package audit

import (
	"slices"
	"time"

	"github.com/haltlog/haltlog/log"
)

// How the genesis was known.
const (
	TrustPinned   = "pinned"
	TrustState    = "state"     // by an earlier audit of this reader
	TrustFirstUse = "first use" // by nobody: a person has to compare the hash
)

// Report is what an audit says.
type Report struct {
	Origin     string    `json:"origin"`
	Genesis    string    `json:"genesis"` // hex, as it is pinned
	Trust      string    `json:"trust"`
	Size       uint64    `json:"size"` // of the checkpoint that was read
	Root       log.Hash  `json:"root"`
	Checkpoint []byte    `json:"checkpoint"`
	Witnessed  time.Time `json:"witnessed"` // largest time of its quorum
	Verified   uint64    `json:"verified"`  // size to which everything was recomputed
	Resumed    uint64    `json:"resumed"`   // size that a state held already
	ReadAt     time.Time `json:"read_at"`
	Views      []string  `json:"views"` // witnesses that were shown the same log
	Findings   []Finding `json:"findings"`
	Stats      Stats     `json:"stats"`
}

// Has reports whether a severity was given.
func (r *Report) Has(s Severity) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Severity == s })
}

// Exit codes of an audit that read the log. Outages and notes change none: a
// cron job speaks up when somebody did what may not be done, or when it cannot
// tell.
const (
	ExitClean    = 0
	ExitFindings = 3
	ExitLook     = 4
)

// ExitCode is the exit code of the audit.
func (r *Report) ExitCode() int {
	switch {
	case r.Has(SeverityFinding):
		return ExitFindings
	case r.Has(SeverityCannotJudge):
		return ExitLook
	}
	return ExitClean
}
