package fold

import (
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
