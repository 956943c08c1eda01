package audit

import (
	"fmt"

	"github.com/haltlog/haltlog/log"
)

// A Finding is what one check found, with the bytes that prove it.
type Finding struct {
	Check     string   `json:"check"`
	Invariant string   `json:"invariant"`
	Severity  Severity `json:"severity"`
	// Index is the entry that it stands at; nil if it is not about one.
	Index   *uint64 `json:"index,omitempty"`
	Engine  string  `json:"engine,omitempty"` // keyid
	Run     string  `json:"run,omitempty"`
	Witness string  `json:"witness,omitempty"`
	Text    string  `json:"text"`
	// Count is how often the same was found; the first is shown.
	Count    uint64   `json:"count"`
	Evidence Evidence `json:"evidence"`

	// entries are the log's entries that prove it, which the edge attaches.
	entries []uint64
}

// String is one line for people.
func (f Finding) String() string {
	s := fmt.Sprintf("%s %s %s", f.Check, f.Invariant, f.Severity)
	if f.Index != nil {
		s += fmt.Sprintf(" at %d", *f.Index)
	}
	s += ": " + f.Text
	if f.Count > 1 {
		s += fmt.Sprintf(" (%d times)", f.Count)
	}
	return s
}

// Evidence proves a finding without the log. Everything in it verifies under
// Quorum, the tlog-policy by which the reader trusted the log.
type Evidence struct {
	Quorum      string       `json:"quorum,omitempty"`
	Checkpoints []SignedNote `json:"checkpoints,omitempty"`
	// Entries stand under the first checkpoint.
	Entries []Entry `json:"entries,omitempty"`
	// Expected is the payload that the replay gives where the log has another.
	Expected []byte `json:"expected,omitempty"`
	// Lease is the envelope that a guard kept.
	Lease []byte `json:"lease,omitempty"`
	// Root is the root that the tree of the first checkpoint has at the second
	// one's size, with the consistency proof from there.
	Root *OldRoot `json:"root,omitempty"`
	// Missing says why something of it could not be had.
	Missing string `json:"missing,omitempty"`
}

// SignedNote is a checkpoint as somebody served it.
type SignedNote struct {
	From string `json:"from"` // "log", "state", a witness's name, "lease"
	Note []byte `json:"note"`
}

// Entry is an entry of the log with its inclusion proof. Served is set where
// the log served other bytes than its tree holds: Hash is then the tree's.
type Entry struct {
	Index  uint64     `json:"index"`
	Leaf   []byte     `json:"leaf"`
	Hash   log.Hash   `json:"hash"`
	Served bool       `json:"served,omitempty"`
	Proof  []log.Hash `json:"proof"`
}

// OldRoot is a tree's root at an earlier size.
type OldRoot struct {
	Size        uint64     `json:"size"`
	Root        log.Hash   `json:"root"`
	Consistency []log.Hash `json:"consistency"`
}

// findings collects, the first of each kind with a count.
type findings struct {
	list  []Finding
	keyed map[string]int // dedupe key → place in list
	per   map[string]int // check → kept
	more  map[string]int // check → place of the last one, which counts what is past the bound
}

func newFindings() findings {
	return findings{keyed: map[string]int{}, per: map[string]int{}, more: map[string]int{}}
}

// add takes a finding. A non-empty key names what is the same thing again.
func (fs *findings) add(key string, f Finding) {
	if key != "" {
		key = f.Check + "/" + string(f.Severity) + "/" + key
		if i, ok := fs.keyed[key]; ok {
			fs.list[i].Count++
			return
		}
	}
	slot := f.Check + "/" + string(f.Severity)
	if fs.per[slot] >= maxFindings {
		fs.list[fs.more[slot]].Count++
		return
	}
	f.Count = 1
	if c, ok := CheckOf(f.Check); ok && f.Invariant == "" {
		f.Invariant = c.Invariants[0]
	}
	fs.per[slot]++
	fs.more[slot] = len(fs.list)
	if key != "" {
		fs.keyed[key] = len(fs.list)
	}
	fs.list = append(fs.list, f)
}
