package fold

import (
	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/internal/keys"
)

// NewWithBacklog is New with another maxBacklog.
func NewWithBacklog(n int) *Machine {
	m := New(Config{}, Deps{Verifier: keys.NewVerifier()})
	m.backlog = n
	return m
}

// Held is how many events a machine keeps.
func (m *Machine) Held() int { return len(m.events) }

// Votes is how many votes wait for an engine's answer.
func (m *Machine) Votes() int {
	n := 0
	for _, o := range m.owed {
		n += len(o.votes)
	}
	return n
}

// DraftWithin is DraftOf with another bound on the parts of one statement.
func DraftWithin(limit int, set *blacklist.Set, origin string, number, size uint64) EpochDraft {
	return draftWithin(limit, set, origin, number, size)
}
