package witness

import (
	"bytes"
	"context"
	"sync"
)

// Memory is a [Store] that forgets everything with its process: for tests and
// dry runs. A witness over it would sign second roots after a restart.
type Memory struct {
	mu sync.Mutex
	m  map[string][]byte
}

// NewMemory returns an empty store.
func NewMemory() *Memory { return &Memory{m: map[string][]byte{}} }

// Load implements [Store].
func (s *Memory) Load(_ context.Context, key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.m[key]
	if !ok {
		return nil, ErrNotFound
	}
	return v, nil
}

// Swap implements [Store].
func (s *Memory) Swap(_ context.Context, key string, old, new []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.m[key]
	if ok != (old != nil) || !bytes.Equal(v, old) {
		return ErrChanged
	}
	s.m[key] = bytes.Clone(new)
	return nil
}
