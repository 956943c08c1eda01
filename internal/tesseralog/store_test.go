package tesseralog_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/haltlog/haltlog/internal/tesseralog"
)

// refused opens a log that must be refused, with one sentence saying what to
// do.
func refused(t *testing.T, r *rig, family error, words ...string) {
	t.Helper()
	l, err := tesseralog.New(r.cfg, r.deps)
	if err == nil {
		closeLog(t, l)
		t.Fatal("opened")
	}
	if !errors.Is(err, family) {
		t.Errorf("%v, want %v", err, family)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
}

// filled is a closed log of n published entries.
func filled(t *testing.T, n int) *rig {
	t.Helper()
	r := newRig(t)
	l, err := tesseralog.New(r.cfg, r.deps)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, l, n)
	if _, err := l.WaitPublished(patient(t), uint64(n)); err != nil {
		t.Fatal(err)
	}
	closeLog(t, l)
	return r
}

func (r *rig) path(name string) string { return filepath.Join(r.cfg.Dir, filepath.FromSlash(name)) }

func flip(t *testing.T, name string, at int) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	b[at] ^= 1
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// TestReopen: everything is there after closing, and goes on.
func TestReopen(t *testing.T) {
	t.Attr("invariant", "L1")
	r := filled(t, 300)
	l := r.open(t)
	if l.Size() != 300 {
		t.Fatalf("size %d", l.Size())
	}
	if note, v := l.Published(); note == nil || v.Checkpoint.Size != 300 || len(v.Cosigned) < 2 {
		t.Errorf("published %q", note)
	}
	found := map[string]bool{}
	for leaf, err := range l.Entries(t.Context(), 0, 300) {
		if err != nil {
			t.Fatal(err)
		}
		found[string(leaf)] = true
	}
	if len(found) != 300 || !found["entry 0"] || !found["entry 299"] {
		t.Errorf("%d entries", len(found))
	}
	fill(t, l, 1)
	if _, err := l.WaitPublished(patient(t), 301); err != nil {
		t.Error(err)
	}
}

// TestInUse: a second process is refused, and so is a second log in this one.
func TestInUse(t *testing.T) {
	r := newRig(t)
	r.open(t)
	refused(t, r, tesseralog.ErrInUse, r.cfg.Dir, "stop")
}

// TestRollback: an older copy of the tree is refused, be it against the last
// published checkpoint or against what others persisted; so is another tree of
// the same size.
func TestRollback(t *testing.T) {
	t.Attr("invariant", "L6")
	t.Run("older tree", func(t *testing.T) {
		r := filled(t, 10)
		saved := t.TempDir()
		copyTree(t, r.path("tree"), saved)
		l := r.open(t)
		fill(t, l, 10)
		if _, err := l.WaitPublished(patient(t), 20); err != nil {
			t.Fatal(err)
		}
		closeLog(t, l)
		copyTree(t, saved, r.path("tree"))
		refused(t, r, tesseralog.ErrRollback, "has 10 entries", "20", "restore", "another name")
	})
	t.Run("older copy of everything", func(t *testing.T) {
		r := filled(t, 10)
		saved := t.TempDir()
		copyTree(t, r.cfg.Dir, saved)
		l := r.open(t)
		fill(t, l, 10)
		head := l.Head()
		closeLog(t, l)
		copyTree(t, saved, r.cfg.Dir)
		r.cfg.Expect = []tesseralog.Head{head} // what the engine had persisted
		refused(t, r, tesseralog.ErrRollback, "has 10 entries", "20")
	})
	t.Run("another tree", func(t *testing.T) {
		r, other := filled(t, 10), newRig(t)
		l := other.open(t)
		for i := range 12 {
			if _, err := l.Append(patient(t), fmt.Appendf(nil, "other %d", i)); err != nil {
				t.Fatal(err)
			}
		}
		closeLog(t, l)
		copyTree(t, other.path("tree"), r.path("tree"))
		refused(t, r, tesseralog.ErrRollback, "another root at size 10", "restore")
	})
	t.Run("another log's checkpoint", func(t *testing.T) {
		r := filled(t, 1)
		other := newRig(t)
		copyTree(t, r.path("published"), other.path("published"))
		refused(t, other, tesseralog.ErrRollback, "has 0 entries", "1 of this log")
	})
	t.Run("witnesses saw more", func(t *testing.T) {
		// Nothing can be published over a fork: no witness cosigns a smaller
		// size, or another root.
		r := filled(t, 10)
		r.cfg.Dir = t.TempDir()
		l := r.open(t)
		fill(t, l, 3)
		asked := r.peers[0].asked.Load()
		until(t, "asked in vain", func() bool { return r.peers[0].asked.Load() > asked })
		if note, _ := l.Published(); note != nil {
			t.Errorf("published a fork:\n%s", note)
		}
	})
}

// TestPublishedBySwap: a published checkpoint that somebody else put there is
// not overwritten.
func TestPublishedBySwap(t *testing.T) {
	t.Attr("invariant", "L6")
	r := newRig(t)
	l := r.open(t)
	fill(t, l, 1)
	until(t, "all cosignatures", func() bool { _, v := l.Published(); return len(v.Cosigned) == 3 })
	strange := []byte("somebody else's\n")
	if err := os.WriteFile(r.path("published/checkpoint"), strange, 0o644); err != nil {
		t.Fatal(err)
	}
	asked := r.peers[0].asked.Load()
	fill(t, l, 1)
	until(t, "tried twice", func() bool { return r.peers[0].asked.Load() > asked+1 })
	if b, err := os.ReadFile(r.path("published/checkpoint")); err != nil || !bytes.Equal(b, strange) {
		t.Errorf("overwritten with %q, %v", b, err)
	}
	if _, v := l.Published(); v.Checkpoint.Size != 1 {
		t.Errorf("published size %d", v.Checkpoint.Size)
	}
}

// TestChangedAtRest: a store in which anything was changed or deleted is
// refused at start, or where it is an entry in a full bundle when it is read.
func TestChangedAtRest(t *testing.T) {
	t.Attr("invariant", "L2")
	const n = 600
	whole := filled(t, n)
	copied := func(t *testing.T) *rig {
		r := &rig{keys: whole.keys, peers: whole.peers, cfg: whole.cfg, deps: whole.deps}
		r.quorum.Store(whole.quorum.Load())
		r.cfg.Dir = t.TempDir()
		copyTree(t, whole.cfg.Dir, r.cfg.Dir)
		return r
	}
	for name, change := range map[string]func(*testing.T, *rig){
		"full tile":          func(t *testing.T, r *rig) { flip(t, r.path("tree/tile/0/000"), 40) },
		"full tile deleted":  func(t *testing.T, r *rig) { os.Remove(r.path("tree/tile/0/001")) },
		"partial tile":       func(t *testing.T, r *rig) { flip(t, r.path("tree/tile/0/002.p/88"), 40) },
		"upper tile":         func(t *testing.T, r *rig) { flip(t, r.path("tree/tile/1/000.p/2"), 40) },
		"partial bundle":     func(t *testing.T, r *rig) { flip(t, r.path("tree/tile/entries/002.p/88"), 10) },
		"partial bundle cut": func(t *testing.T, r *rig) { os.Truncate(r.path("tree/tile/entries/002.p/88"), 100) },
		"partial deleted":    func(t *testing.T, r *rig) { os.RemoveAll(r.path("tree/tile/entries/002.p")) },
		"state":              func(t *testing.T, r *rig) { flip(t, r.path("tree/.state/treeState"), 25) },
		"state deleted":      func(t *testing.T, r *rig) { os.Remove(r.path("tree/.state/treeState")) },
		"published":          func(t *testing.T, r *rig) { flip(t, r.path("published/checkpoint"), 60) },
	} {
		t.Run(name, func(t *testing.T) {
			r := copied(t)
			change(t, r)
			l, err := tesseralog.New(r.cfg, r.deps)
			if err == nil {
				closeLog(t, l)
				t.Fatal("opened")
			}
			if !errors.Is(err, tesseralog.ErrCorrupt) && !errors.Is(err, tesseralog.ErrRollback) {
				t.Error(err)
			}
			if !strings.Contains(err.Error(), "restore") {
				t.Errorf("%q does not say what to do", err)
			}
		})
	}
	for name, change := range map[string]func(*rig) error{
		"full bundle":         func(r *rig) error { flip(t, r.path("tree/tile/entries/001"), 10); return nil },
		"full bundle cut":     func(r *rig) error { return os.Truncate(r.path("tree/tile/entries/001"), 100) },
		"full bundle deleted": func(r *rig) error { return os.Remove(r.path("tree/tile/entries/001")) },
	} {
		t.Run(name, func(t *testing.T) {
			r := copied(t)
			if err := change(r); err != nil {
				t.Fatal(err)
			}
			l := r.open(t)
			var last error
			good := 0
			for _, err := range l.Entries(t.Context(), 0, n) {
				if last = err; err == nil {
					good++
				}
			}
			if !errors.Is(last, tesseralog.ErrCorrupt) || good != 256 {
				t.Errorf("%d entries, then %v", good, last)
			}
		})
	}
}

// TestChangedWhileOpen: nothing is built on a store that is not what was left
// in it, and nothing more is acknowledged.
func TestChangedWhileOpen(t *testing.T) {
	t.Attr("invariant", "L2")
	for name, change := range map[string]func(*testing.T, *rig){
		"bundle":        func(t *testing.T, r *rig) { flip(t, r.path("tree/tile/entries/000.p/20"), 10) },
		"bundle gone":   func(t *testing.T, r *rig) { os.RemoveAll(r.path("tree/tile/entries/000.p")) },
		"tile":          func(t *testing.T, r *rig) { flip(t, r.path("tree/tile/0/000.p/20"), 40) },
		"state gone":    func(t *testing.T, r *rig) { os.Remove(r.path("tree/.state/treeState")) },
		"state smaller": func(t *testing.T, r *rig) { copyState(t, r) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			l := r.open(t)
			fill(t, l, 20)
			if _, err := l.WaitPublished(patient(t), 20); err != nil {
				t.Fatal(err)
			}
			change(t, r)
			for range 2 {
				if _, err := l.Append(patient(t), []byte("more")); !errors.Is(err, tesseralog.ErrCorrupt) {
					t.Fatalf("append: %v", err)
				}
			}
			if l.Size() != 20 {
				t.Errorf("size %d", l.Size())
			}
		})
	}
}

// copyState puts an earlier state in place.
func copyState(t *testing.T, r *rig) {
	t.Helper()
	b, err := os.ReadFile(r.path("tree/.state/treeState"))
	if err != nil {
		t.Fatal(err)
	}
	b = bytes.Replace(b, []byte(`"size":20`), []byte(`"size":19`), 1)
	if err := os.WriteFile(r.path("tree/.state/treeState"), b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestConfig: every problem at once.
func TestConfig(t *testing.T) {
	_, err := tesseralog.New(tesseralog.Config{BatchSize: -1, Refresh: -1, Interval: -1}, tesseralog.Deps{})
	for _, w := range []string{"folder", "origin", "signer", "quorum", "skew", "batch size", "interval", "refresh", "logger"} {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("%v does not say %q", err, w)
		}
	}
}
