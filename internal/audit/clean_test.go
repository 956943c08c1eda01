package audit

import (
	"testing"

	"github.com/haltlog/haltlog/internal/fold/foldtest"
)

func TestCleanLog(t *testing.T) {
	t.Attr("invariant", "E1")
	t.Attr("invariant", "E6")
	for _, engines := range []int{1, 3} {
		l := foldtest.New(t, foldtest.Options{Engines: engines})
		foldtest.Golden(l)
		s := serveLog(t, l)
		for i, size := range []uint64{l.Size(), l.Size(), 5} {
			s.Views[[]string{"w0", "w1", "w2"}[i]] = l.Note(checkpointAt(l, size), l.Now, l.Witnesses[i])
		}
		r, err := run(t, l, s, options{})
		if err != nil {
			t.Fatal(err)
		}
		expect(t, l, r)
		if r.ExitCode() != ExitClean || r.Verified != l.Size() || r.Size != l.Size() || len(r.Views) != 3 || r.Trust != TrustPinned {
			t.Errorf("got %+v", r)
		}
		if r.Stats.Halts != 1 || r.Stats.Listings != 1 || r.Stats.Epochs != 1 || r.Stats.Dead != 1 {
			t.Errorf("counted %+v", r.Stats)
		}
	}
}

// A long log, so that proofs and tiles of every level are read.
func TestTilesOfEveryShape(t *testing.T) {
	l := foldtest.New(t, foldtest.Options{})
	l.Setup()
	l.Decide(l.Engines[0])
	l.Run("run-1")
	for i := range 700 {
		l.Heartbeat("run-1")
		if i%50 == 0 {
			for _, m := range l.Members {
				l.Checkin("run-1", m)
			}
			l.Anchor()
			l.Decide(l.Engines[0])
		}
	}
	s := serveLog(t, l)
	r, err := run(t, l, s, options{})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, l, r)
	h := newHashes(memSource{s}, l.Size())
	for _, size := range []uint64{1, 2, 255, 256, 257, 512, 600, l.Size() - 1} {
		old, err := h.root(t.Context(), size)
		if err != nil || old != rootOf(s.Hashes[:size]) {
			t.Fatalf("root at %d: %v", size, err)
		}
		a := &audit{cp: checkpointAt(l, l.Size())}
		if _, _, err := a.rootAt(t.Context(), h, size); err != nil {
			t.Errorf("consistency from %d: %v", size, err)
		}
		b := &audit{cp: a.cp, deps: Deps{Log: memSource{s}}}
		if _, err := b.proven(t.Context(), h, size-1); err != nil {
			t.Errorf("inclusion of %d: %v", size-1, err)
		}
	}
}
