package witness_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/witness"
	"github.com/haltlog/haltlog/witness/storetest"
)

func TestMemoryConformance(t *testing.T) {
	s := witness.NewMemory()
	first := true
	storetest.Run(t, func(*testing.T) witness.Store {
		if !first {
			return nil
		}
		first = false
		return s
	})
}

// TestFaultyConformance: a wrapper that never fails keeps the contract, so what
// the fault matrix shows is the fault and not the wrapper.
func TestFaultyConformance(t *testing.T) {
	s := &storetest.Faulty{Store: witness.NewMemory()}
	storetest.Run(t, func(*testing.T) witness.Store { return s })
}

// TestFaultMatrix fails every call that the store gets, in both ways, and then
// looks at everything again: what was cosigned is what the store holds, no
// second root was signed, and the log can go on.
func TestFaultMatrix(t *testing.T) {
	t.Attr("invariant", "W1")
	t.Attr("invariant", "W3")
	script := func(w *world) (cosigned map[uint64]checkpoint.Hash, errs int) {
		cosigned = map[uint64]checkpoint.Hash{}
		old := 1
		for _, step := range []struct {
			m    *tree
			size int
		}{{w.tree, 3}, {w.fork, 3}, {w.tree, 8}, {w.fork, 8}, {w.fork, 13}, {w.tree, 13}} {
			lines, err := w.w.AddCheckpoint(context.Background(), []byte(w.body(t, step.m, old, step.size)))
			if err == nil {
				c := checkpoint.Checkpoint{Origin: origin, Size: uint64(step.size), Root: step.m.root(t, step.size)}
				w.verify(t, c, string(lines), w.now)
				if r, ok := cosigned[c.Size]; ok && r != c.Root {
					t.Fatalf("two roots for size %d", c.Size)
				}
				cosigned[c.Size] = c.Root
				old = step.size
			} else if errors.Is(err, witness.ErrStore) {
				errs++
			} else if step.m == w.tree {
				// After a write of unknown outcome an honest log learns the
				// size and asks again.
				c, ok := errors.AsType[*witness.ConflictError](err)
				if !ok {
					t.Fatal(err)
				}
				old = int(c.Size)
				w.verify(t, checkpoint.Checkpoint{Origin: origin, Size: uint64(step.size), Root: w.tree.root(t, step.size)},
					w.mustAdd(t, w.body(t, w.tree, old, step.size)), w.now)
				cosigned[uint64(step.size)] = w.tree.root(t, step.size)
				old = step.size
			}
			// The faulty step may leave old behind; learn it as a log would, with
			// the size 0 that never holds here.
			if c, ok := errors.AsType[*witness.ConflictError](w.add(t, w.body(t, w.tree, 0, 40))); ok {
				old = int(c.Size)
			}
		}
		return cosigned, errs
	}
	// At size 1 the witness has taken the tree's side; before that, whichever
	// of the two came first would be right.
	seeded := func() *witness.Memory {
		mem := witness.NewMemory()
		w := newWorld(t, mem)
		w.mustAdd(t, w.body(t, w.tree, 0, 1))
		return mem
	}
	calls := &storetest.Faulty{Store: seeded()}
	script(newWorld(t, calls))
	if calls.Calls() < 10 {
		t.Fatalf("only %d calls", calls.Calls())
	}
	for _, fault := range []storetest.Fault{storetest.Failed, storetest.FailedApplied} {
		for at := 1; at <= calls.Calls(); at++ {
			mem := seeded()
			w := newWorld(t, &storetest.Faulty{Store: mem, At: at, Fault: fault})
			cosigned, errs := script(w)
			if errs > 1 {
				t.Fatalf("fault %d at call %d: %d errors", fault, at, errs)
			}
			// Restart over the same memory, without faults.
			w.store = mem
			w.start(t)
			last, err := w.w.Last(t.Context(), origin)
			if err != nil || last.Root != w.tree.root(t, int(last.Size)) {
				t.Fatalf("fault %d at call %d: %v, %v", fault, at, last, err)
			}
			for size, root := range cosigned {
				if size > last.Size {
					t.Fatalf("fault %d at call %d: %d was cosigned and %d kept", fault, at, size, last.Size)
				}
				if root != w.tree.root(t, int(size)) {
					t.Fatalf("fault %d at call %d: the fork was cosigned at %d", fault, at, size)
				}
			}
			all, err := w.w.Evidence(t.Context(), origin)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range all {
				if err := e.Check([]checkpoint.VKey{w.log.VKey()}); err != nil {
					t.Fatal(err)
				}
			}
			w.mustAdd(t, w.body(t, w.tree, int(last.Size), 40))
		}
	}
}

// TestSpecificationRace is the race that tlog-witness describes: two requests
// from size N to N and N+K. Whatever the order, the witness never goes back.
// Two witnesses share the store, so that no lock of this package helps.
func TestSpecificationRace(t *testing.T) {
	t.Attr("invariant", "W1")
	for range 50 {
		mem := witness.NewMemory()
		a, b := newWorld(t, mem), newWorld(t, mem)
		a.mustAdd(t, a.body(t, a.tree, 0, 4))
		small, large := a.body(t, a.tree, 4, 5), b.body(t, b.tree, 4, 9)
		errs := make([]error, 2)
		var wg sync.WaitGroup
		wg.Go(func() { errs[0] = a.add(t, small) })
		wg.Go(func() { errs[1] = b.add(t, large) })
		wg.Wait()
		last, err := a.w.Last(t.Context(), origin)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case errs[0] == nil && errs[1] != nil:
			wantConflict(t, errs[1], 5)
		case errs[1] == nil && errs[0] != nil:
			wantConflict(t, errs[0], 9)
		default:
			t.Fatalf("%v and %v", errs[0], errs[1])
		}
		if (errs[1] == nil) != (last.Size == 9) {
			t.Fatalf("at %d after %v", last.Size, errs)
		}
	}
}

// TestConcurrent lets two witnesses over one store, a log and its fork do what
// they like at the same time, and holds everything that was cosigned together.
func TestConcurrent(t *testing.T) {
	t.Attr("invariant", "W3")
	mem := witness.NewMemory()
	ws := []*world{newWorld(t, mem), newWorld(t, mem)}
	var mu sync.Mutex
	roots := map[uint64]checkpoint.Hash{}
	var wg sync.WaitGroup
	for i := range 8 {
		r := rand.New(rand.NewPCG(uint64(i), 1))
		wg.Go(func() {
			w, old := ws[i%2], 0
			for range 60 {
				m := w.tree
				if r.IntN(2) == 0 {
					m = w.fork
				}
				size := min(39, old+r.IntN(3))
				err := w.add(t, w.body(t, m, old, size))
				if c, ok := errors.AsType[*witness.ConflictError](err); ok {
					old = int(c.Size)
				}
				if err != nil {
					continue
				}
				old = size
				mu.Lock()
				root, seen := roots[uint64(size)]
				roots[uint64(size)] = m.root(t, size)
				mu.Unlock()
				if seen && root != m.root(t, size) {
					t.Errorf("two roots for size %d", size)
					return
				}
			}
		})
	}
	wg.Wait()
	if len(roots) < 3 {
		t.Fatalf("only %d sizes cosigned", len(roots))
	}
}

func TestDamagedRecord(t *testing.T) {
	for name, record := range map[string]string{
		"noise":          "noise",
		"another origin": "log.example/two\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n\u2014 a AAAAAAA=\n",
	} {
		t.Run(name, func(t *testing.T) {
			mem := witness.NewMemory()
			if err := mem.Swap(t.Context(), "latest\n"+origin, nil, []byte(record)); err != nil {
				t.Fatal(err)
			}
			w := newWorld(t, mem)
			wantErr(t, w.add(t, w.body(t, w.tree, 0, 8)), witness.ErrStore)
			_, err := w.w.Checkpoint(t.Context(), origin)
			wantErr(t, err, witness.ErrStore)
		})
	}
}

// TestWaitIsGivenUp: a request that waits behind a slow store ends with its
// context, and signs nothing.
func TestWaitIsGivenUp(t *testing.T) {
	slow := &slowStore{Store: witness.NewMemory(), entered: make(chan struct{}), release: make(chan struct{})}
	w := newWorld(t, slow)
	body := w.body(t, w.tree, 0, 8)
	done := make(chan error)
	go func() { _, err := w.w.AddCheckpoint(context.Background(), []byte(body)); done <- err }()
	<-slow.entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.w.AddCheckpoint(ctx, []byte(body))
	wantErr(t, err, context.Canceled)
	close(slow.release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

type slowStore struct {
	witness.Store
	entered, release chan struct{}
	once             sync.Once
}

func (s *slowStore) Swap(ctx context.Context, key string, old, new []byte) error {
	s.once.Do(func() { close(s.entered); <-s.release })
	return s.Store.Swap(ctx, key, old, new)
}
