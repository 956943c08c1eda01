package evaluator

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/haltlog/haltlog/internal/durable"
)

// store keeps the newest checkpoint seen, so that after a restart no other history
// is believed (EV3). An empty path keeps nothing.
type store struct{ path string }

func (s store) load() ([]byte, error) {
	if s.path == "" {
		return nil, nil
	}
	info, err := os.Stat(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("state: %w", err)
	case info.Size() > maxState:
		return nil, fmt.Errorf("state: %s is longer than %d bytes", s.path, maxState)
	}
	b, err := os.ReadFile(s.path)
	if err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	return b, nil
}

func (s store) save(note []byte) error {
	if s.path == "" {
		return nil
	}
	if err := durable.Replace(s.path, note, 0o600); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	return nil
}
