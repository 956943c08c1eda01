package audit

import (
	"errors"
	"iter"

	"github.com/haltlog/haltlog/log"
)

// Saved is what a reader keeps between two audits: what it verified last. The
// entries are kept beside it and folded again, so that nothing of a state is
// believed that the entries do not give.
type Saved struct {
	Origin     string      `json:"origin"`
	Genesis    log.Hash    `json:"genesis"`
	Size       uint64      `json:"size"`
	Checkpoint []byte      `json:"checkpoint"`
	Views      []SavedView `json:"views"` // of witnesses that were ahead of the log
}

// SavedView is a checkpoint that a witness served, of a size that the log had
// not published.
type SavedView struct {
	Witness string `json:"witness"`
	Note    []byte `json:"note"`
}

// State keeps what was verified. It is used by one audit at a time.
type State interface {
	// Load is what was saved last; nil before the first. ErrDamaged is a state
	// that cannot be what Save wrote.
	Load() (*Saved, error)
	// Entries are the entries below the saved size, in order.
	Entries() iter.Seq2[[]byte, error]
	// Append keeps an entry behind those; it counts once it is saved.
	Append(leaf []byte) error
	// Save is durable when it returns, and all or nothing.
	Save(Saved) error
}

// ErrDamaged is a state that does not hold together. It is never repaired: it
// may be the only witness of a log that was rewritten.
var ErrDamaged = errors.New("the audit's state is damaged: restore it, or move it away to begin anew")

// ErrOtherLog is a state of another log than the one asked for.
var ErrOtherLog = errors.New("the audit's state is of another log")
