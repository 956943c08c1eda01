package witness_test

import (
	"testing"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/witness"
)

// TestRestore: a store put back to an older copy is brought forward by what the
// witness itself has cosigned, and by nothing else.
func TestRestore(t *testing.T) {
	t.Attr("invariant", "W3")
	w := newWorld(t, witness.NewMemory())
	w.mustAdd(t, w.body(t, w.tree, 0, 8))
	w.mustAdd(t, w.body(t, w.tree, 8, 20))
	own, err := w.w.Checkpoint(t.Context(), origin)
	if err != nil {
		t.Fatal(err)
	}
	// The older copy: size 8 again.
	w.store = witness.NewMemory()
	w.start(t)
	w.mustAdd(t, w.body(t, w.tree, 0, 8))

	c20 := checkpoint.Checkpoint{Origin: origin, Size: 20, Root: w.tree.root(t, 20)}
	f20 := checkpoint.Checkpoint{Origin: origin, Size: 20, Root: w.fork.root(t, 20)}
	logLine, forkLine := sign(t, w.log, c20), sign(t, w.log, f20)
	ownLine := sign(t, w.signers[0], c20)
	for name, tc := range map[string]struct {
		note string
		err  error
	}{
		"noise":           {"noise", witness.ErrMalformed},
		"not cosigned":    {c20.String() + "\n" + logLine, witness.ErrForbidden},
		"not of the log":  {c20.String() + "\n" + ownLine, witness.ErrForbidden},
		"another's":       {f20.String() + "\n" + forkLine + ownLine, witness.ErrForbidden},
		"unknown log":     {"x" + string(own), witness.ErrUnknownLog},
		"fork, same size": {cosigned(t, w, 8), witness.ErrInconsistent},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := w.w.Restore(t.Context(), []byte(tc.note))
			wantErr(t, err, tc.err)
		})
	}
	for range 2 {
		o, size, err := w.w.Restore(t.Context(), own)
		if err != nil || o != origin || size != 20 {
			t.Fatal(o, size, err)
		}
	}
	wantConflict(t, w.add(t, w.body(t, w.fork, 8, 13)), 20)
	w.mustAdd(t, w.body(t, w.tree, 20, 21))
	if _, size, err := w.w.Restore(t.Context(), own); err != nil || size != 21 {
		t.Fatal(size, err)
	}
}

// cosigned is a fork's checkpoint with every signature it needs, as a witness
// that had signed two roots would have left it.
func cosigned(t *testing.T, w *world, size int) string {
	t.Helper()
	c := checkpoint.Checkpoint{Origin: origin, Size: uint64(size), Root: w.fork.root(t, size)}
	return c.String() + "\n" + sign(t, w.log, c) + sign(t, w.signers[1], c)
}
