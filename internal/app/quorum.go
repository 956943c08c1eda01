package app

import (
	"fmt"
	"strings"
	"sync"

	"github.com/haltlog/haltlog/internal/checkpoint"
)

// quorums hands the publisher the quorum in force, with the operator's own
// addresses over those that the quorum names: where a witness listens is no
// matter of trust, its key is.
type quorums struct {
	urls map[string]string // by name in the quorum file

	mu  sync.Mutex
	now *checkpoint.Quorum // nil until the log's start was folded
}

// newQuorums reads NAME=URL settings.
func newQuorums(settings []string) (*quorums, error) {
	q := &quorums{urls: map[string]string{}}
	for _, s := range settings {
		name, url, ok := strings.Cut(s, "=")
		if !ok || name == "" || !(strings.HasPrefix(url, "http://") || strings.HasPrefix(url, "https://")) {
			return nil, fmt.Errorf("log.witness_urls: %q is not NAME=URL", s)
		}
		q.urls[name] = url
	}
	return q, nil
}

// set takes a quorum that came into force.
func (q *quorums) set(c *checkpoint.Quorum) error {
	lines := strings.Split(c.String(), "\n")
	for i, line := range lines {
		f := strings.Fields(line)
		if len(f) < 3 || f[0] != "witness" || q.urls[f[1]] == "" {
			continue
		}
		lines[i] = strings.Join([]string{f[0], f[1], f[2], q.urls[f[1]]}, " ")
	}
	own, err := checkpoint.ParseQuorum([]byte(strings.Join(lines, "\n")))
	if err != nil {
		return fmt.Errorf("quorum with own addresses: %w", err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.now = own
	return nil
}

func (q *quorums) get() *checkpoint.Quorum {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.now
}
