package witness_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/witness"
	"github.com/haltlog/haltlog/witness/storetest"
)

// TestAgainstModel plays random requests of a log and its fork, restarts and
// store faults, against the rules written out by hand: two numbers and a side.
func TestAgainstModel(t *testing.T) {
	t.Attr("invariant", "W1")
	t.Attr("invariant", "W3")
	shared := newWorld(t, witness.NewMemory())
	rapid.Check(t, func(rt *rapid.T) {
		mem := witness.NewMemory()
		w := &world{store: mem, now: 1, log: shared.log, signers: shared.signers[:1], tree: shared.tree, fork: shared.fork}
		w.start(t)
		size, forked := 0, false
		roots := map[int]checkpoint.Hash{}
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			m, onFork := w.tree, rapid.Bool().Draw(rt, "fork")
			if onFork {
				m = w.fork
			}
			old := rapid.SampledFrom([]int{size, size, size, 0, max(0, size-1), size + 1}).Draw(rt, "old")
			next := min(40, rapid.SampledFrom([]int{old, old + 1, old + 5, max(0, old-1), size}).Draw(rt, "size"))
			faulty := &storetest.Faulty{Store: mem, Fault: rapid.SampledFrom([]storetest.Fault{storetest.Failed, storetest.FailedApplied}).Draw(rt, "fault")}
			if rapid.IntRange(0, 4).Draw(rt, "faulty") == 0 {
				faulty.At = rapid.IntRange(1, 4).Draw(rt, "at")
			}
			w.store = faulty
			w.start(t) // a restart before each request
			_, err := w.w.AddCheckpoint(t.Context(), []byte(w.body(t, m, old, next)))
			same := next == 0 || onFork == forked
			if errors.Is(err, witness.ErrStore) {
				if faulty.Calls() < faulty.At || faulty.At == 0 {
					rt.Fatalf("store error without a fault: %v", err)
				}
				// Unknown: it is what the store says, and that is either the
				// old or the new state.
				c, err := witness.Stored(t.Context(), mem, origin)
				switch {
				case errors.Is(err, witness.ErrNeverCosigned):
					if size != 0 {
						rt.Fatalf("forgot size %d", size)
					}
				case err != nil:
					rt.Fatal(err)
				case int(c.Size) == size && (size == 0 || c.Root == root(t, w, forked, size)):
				case int(c.Size) == next && old == size && c.Root == m.root(t, next):
					size, forked = next, onFork
				default:
					rt.Fatalf("the store is at %d, neither %d nor %d", c.Size, size, next)
				}
				continue
			}
			var want error
			conflict := false
			switch {
			case old > next:
				want = witness.ErrMalformed
			case old != size:
				conflict = true
			case old == next && !same, old > 0 && old < next && !same:
				want = witness.ErrInconsistent
			}
			if c, ok := errors.AsType[*witness.ConflictError](err); conflict != ok || ok && int(c.Size) != size {
				rt.Fatalf("old %d, size %d at %d: %v", old, next, size, err)
			}
			if !conflict && !errors.Is(err, want) {
				rt.Fatalf("old %d, size %d at %d: %v, want %v", old, next, size, err, want)
			}
			if err != nil {
				continue
			}
			if next != size {
				size, forked = next, onFork
			}
			if r, seen := roots[next]; seen && r != m.root(t, next) {
				rt.Fatalf("two roots for size %d", next)
			}
			roots[next] = m.root(t, next)
		}
	})
}

func root(t *testing.T, w *world, forked bool, size int) checkpoint.Hash {
	if forked {
		return w.fork.root(t, size)
	}
	return w.tree.root(t, size)
}
