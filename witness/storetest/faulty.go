package storetest

import (
	"context"
	"sync"

	"github.com/haltlog/haltlog/witness"
)

// Faulty wraps a store and fails the call of number At, counted from 1 over
// Load and Swap together, in the way of Fault. At 0 never fails.
type Faulty struct {
	Store witness.Store
	At    int
	Fault Fault

	mu    sync.Mutex
	calls int
}

// Calls is how many calls there were.
func (f *Faulty) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

func (f *Faulty) due() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	return f.calls == f.At
}

// Load implements [witness.Store].
func (f *Faulty) Load(ctx context.Context, key string) ([]byte, error) {
	if f.due() {
		return nil, ErrInjected
	}
	return f.Store.Load(ctx, key)
}

// Swap implements [witness.Store].
func (f *Faulty) Swap(ctx context.Context, key string, old, new []byte) error {
	if !f.due() {
		return f.Store.Swap(ctx, key, old, new)
	}
	if f.Fault == FailedApplied {
		// A swap that loses is not applied; the caller learns neither.
		_ = f.Store.Swap(ctx, key, old, new)
	}
	return ErrInjected
}
