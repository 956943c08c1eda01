// Package storetest holds implementations of [witness.Store] to their contract.
package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/haltlog/haltlog/witness"
)

// Run holds the stores that open returns to the contract. Each call of open
// must return a store over the same memory, as a process that starts again
// would see it, or nil where a kind of store forgets; the first finds it
// empty. The previous store is not used after that.
func Run(t *testing.T, open func(t *testing.T) witness.Store) {
	ctx := t.Context()
	s := open(t)
	load := func(t *testing.T, key, want string) {
		t.Helper()
		v, err := s.Load(ctx, key)
		if want == "" {
			if !errors.Is(err, witness.ErrNotFound) {
				t.Fatalf("load %q: %q, %v; want it absent", key, v, err)
			}
			return
		}
		if err != nil || string(v) != want {
			t.Fatalf("load %q: %q, %v; want %q", key, v, err, want)
		}
	}
	swap := func(t *testing.T, key, old, new string, want error) {
		t.Helper()
		var o []byte
		if old != "" {
			o = []byte(old)
		}
		if err := s.Swap(ctx, key, o, []byte(new)); !errors.Is(err, want) {
			t.Fatalf("swap %q: %v, want %v", key, err, want)
		}
	}
	long := "latest\n" + strings.Repeat("\xff", 255)
	t.Run("swap", func(t *testing.T) {
		load(t, "a", "")
		swap(t, "a", "1", "2", witness.ErrChanged)
		load(t, "a", "")
		swap(t, "a", "", "1", nil)
		load(t, "a", "1")
		swap(t, "a", "", "3", witness.ErrChanged)
		swap(t, "a", "2", "3", witness.ErrChanged)
		load(t, "a", "1")
		swap(t, "a", "1", "2", nil)
		swap(t, "a", "2", "2", nil)
		load(t, "a", "2")
		load(t, "b", "")
		swap(t, long, "", strings.Repeat("x", 1<<20), nil)
		load(t, long, strings.Repeat("x", 1<<20))
	})
	t.Run("values are apart", func(t *testing.T) {
		v := []byte("value")
		if err := s.Swap(ctx, "c", nil, v); err != nil {
			t.Fatal(err)
		}
		copy(v, "VALUE")
		load(t, "c", "value")
	})
	t.Run("concurrent", func(t *testing.T) { concurrent(t, s) })
	t.Run("reopened", func(t *testing.T) {
		again := open(t)
		if again == nil {
			t.Skip("this store forgets by design")
		}
		s = again
		load(t, "a", "2")
		load(t, "c", "value")
		load(t, long, strings.Repeat("x", 1<<20))
		swap(t, "a", "", "5", witness.ErrChanged)
		swap(t, "a", "2", "5", nil)
		load(t, "a", "5")
	})
}

// concurrent lets many goroutines count up under few keys: each acknowledged
// swap must be one step of its key's counter, none lost and none doubled.
func concurrent(t *testing.T, s witness.Store) {
	ctx := t.Context()
	const workers, steps, keys = 8, 25, 3
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := map[string]int{}
	for range workers {
		wg.Go(func() {
			for i := range steps {
				key := fmt.Sprintf("counter %d", i%keys)
				old, err := s.Load(ctx, key)
				if err != nil && !errors.Is(err, witness.ErrNotFound) {
					t.Error(err)
					return
				}
				switch err := s.Swap(ctx, key, old, append(bytes.Clone(old), '.')); {
				case err == nil:
					mu.Lock()
					won[key]++
					mu.Unlock()
				case !errors.Is(err, witness.ErrChanged):
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	for key, n := range won {
		v, err := s.Load(ctx, key)
		if err != nil || len(v) != n {
			t.Fatalf("%s is %d after %d acknowledged steps, %v", key, len(v), n, err)
		}
	}
}

// A Fault is what a [Faulty] store does with one call.
type Fault int

// The two ways in which a write goes wrong.
const (
	Failed        Fault = iota + 1 // error, nothing written
	FailedApplied                  // error, although it was written
)

// ErrInjected is the error of a [Faulty] store.
var ErrInjected = errors.New("injected fault")
