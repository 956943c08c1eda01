package witness_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/witness"
)

// TestServedCheckpoint: what monitors get is a note that verifies under the
// log's and the witness's keys, never older than half an hour.
func TestServedCheckpoint(t *testing.T) {
	w := newWorld(t, witness.NewMemory())
	var policy strings.Builder
	fmt.Fprintf(&policy, "log %s\nwitness a %s\nwitness b %s\ngroup g all a b\nquorum g\n", w.log.VKey(), w.signers[0].VKey(), w.signers[1].VKey())
	q, err := checkpoint.ParseQuorum([]byte(policy.String()))
	if err != nil {
		t.Fatal(err)
	}
	get := func(size int) checkpoint.Verified {
		t.Helper()
		b, err := w.w.Checkpoint(t.Context(), origin)
		if err != nil {
			t.Fatal(err)
		}
		v, err := q.VerifyExact(b)
		if err != nil || v.Checkpoint.Size != uint64(size) || v.Checkpoint.Root != w.tree.root(t, size) {
			t.Fatalf("%+v, %v", v, err)
		}
		return v
	}
	if _, err := w.w.Checkpoint(t.Context(), "unknown"); !errors.Is(err, witness.ErrUnknownLog) {
		t.Fatal(err)
	}
	at := w.now
	w.mustAdd(t, w.body(t, w.tree, 0, 8))
	w.now += 1799
	if v := get(8); v.MinTime != at {
		t.Fatalf("cosigned anew after %d s", v.MinTime-at)
	}
	w.now++
	if v := get(8); v.MinTime != w.now {
		t.Fatalf("%d s old", w.now-v.MinTime)
	}
	// After a restart there is nothing in memory.
	w.start(t)
	w.now += 5
	if v := get(8); v.MinTime != w.now {
		t.Fatalf("%d s old", w.now-v.MinTime)
	}
	// A clock set back: the time served is never ahead of the clock.
	w.now -= 3600
	if v := get(8); v.MinTime != w.now {
		t.Fatal(v.MinTime, w.now)
	}
	w.mustAdd(t, w.body(t, w.tree, 8, 20))
	get(20)
	// Extension lines: signed as sent, served as first stored.
	c := checkpoint.Checkpoint{Origin: origin, Size: 20, Root: w.tree.root(t, 20), Extensions: []string{"x"}}
	w.verify(t, c, w.mustAdd(t, request(20, nil, c.String()+"\n"+sign(t, w.log, c))), w.now)
	get(20)
}

// TestEvidence: two roots for one size are kept, once each, bounded, and can be
// checked by whoever has the log's keys and nothing else.
func TestEvidence(t *testing.T) {
	t.Attr("invariant", "W3")
	w := newWorld(t, witness.NewMemory())
	w.mustAdd(t, w.body(t, w.tree, 0, 8))
	list := func(n int) []witness.Evidence {
		t.Helper()
		all, err := w.w.Evidence(t.Context(), origin)
		if err != nil || len(all) != n {
			t.Fatalf("%d items, %v; want %d", len(all), err, n)
		}
		return all
	}
	list(0)
	// A fork at another size proves nothing by itself.
	wantErr(t, w.add(t, w.body(t, w.fork, 8, 13)), witness.ErrInconsistent)
	list(0)
	wantErr(t, w.add(t, w.body(t, w.fork, 8, 8)), witness.ErrInconsistent)
	wantErr(t, w.add(t, w.body(t, w.fork, 8, 8)), witness.ErrInconsistent)
	w.start(t)
	e := list(1)[0]
	keys := []checkpoint.VKey{w.log.VKey()}
	if err := e.Check(keys); err != nil {
		t.Fatal(err)
	}
	// Also where the old size is wrong.
	wantConflict(t, w.add(t, w.body(t, newTree(t, "third", 8), 3, 8)), 8)
	list(2)
	for i := range 2 * witness.MaxEvidence {
		wantErr(t, w.add(t, w.body(t, newTree(t, fmt.Sprint(i), 8), 8, 8)), witness.ErrInconsistent)
	}
	list(witness.MaxEvidence)
	// One thing wrong at a time, and it convicts nobody.
	bad := func(f func(*witness.Evidence)) witness.Evidence {
		x := e
		f(&x)
		return x
	}
	c9 := checkpoint.Checkpoint{Origin: origin, Size: 9, Root: w.fork.root(t, 9)}
	for name, x := range map[string]witness.Evidence{
		"one root":       bad(func(x *witness.Evidence) { x.Second = x.First }),
		"another size":   bad(func(x *witness.Evidence) { x.Size = 9 }),
		"two sizes":      bad(func(x *witness.Evidence) { x.Second = c9.String() + "\n" + sign(t, w.log, c9) }),
		"another origin": bad(func(x *witness.Evidence) { x.Origin = "log.example/two" }),
		"unsigned":       bad(func(x *witness.Evidence) { x.Second = strings.Replace(x.Second, "\n8\n", "\n9\n", 1) }),
	} {
		if x.Check(keys) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if e.Check([]checkpoint.VKey{newSigner(t, checkpoint.TypeEd25519, origin, 99).VKey()}) == nil {
		t.Error("accepted under another key")
	}
}
