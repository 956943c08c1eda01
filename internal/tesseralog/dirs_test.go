package tesseralog

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
)

// recorded writes down which folders were synced, and may fail.
type recorded struct {
	mu    sync.Mutex
	names []string
	err   error
}

func (r *recorded) SyncDir(name string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return r.err
	}
	r.names = append(r.names, name)
	return osDirs{}.SyncDir(name)
}

func (r *recorded) set(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err, r.names = err, nil
}

func (r *recorded) has(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Contains(r.names, name)
}

func openRecorded(t *testing.T, dir string) (*Log, *recorded, error) {
	t.Helper()
	skey, vkey, err := checkpoint.GenerateKey(checkpoint.TypeEd25519, "log.example/dirs", nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := checkpoint.ParseSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	q, err := checkpoint.ParseQuorum([]byte("log " + vkey + "\nquorum none\n"))
	if err != nil {
		t.Fatal(err)
	}
	rec := &recorded{}
	l, err := New(Config{
		Dir: dir, Origin: "log.example/dirs", Signers: []checkpoint.Signer{s}, Skew: time.Second,
		Quorum: func() *checkpoint.Quorum { return q },
	}, Deps{Logger: slog.New(slog.DiscardHandler), dirs: rec})
	if err == nil {
		t.Cleanup(func() {
			if err := l.Close(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	return l, rec, err
}

// TestSyncedBeforeAcknowledged: the way to the folder, which an operator made a
// moment ago, and every folder along the tree's right edge, which a crash may
// have left without a sync, are durable before the first index is returned.
func TestSyncedBeforeAcknowledged(t *testing.T) {
	t.Attr("invariant", "L1")
	base := t.TempDir()
	dir := filepath.Join(base, "made", "by hand")
	// What a crash between mkdir and the parent's fsync leaves behind.
	for _, d := range []string{"tree/tile/entries/x000", "tree/tile/entries/x001/x002/003.p", "tree/tile/0/x001", "tree/.state"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	tree := filepath.Join(dir, "tree")
	rec := &recorded{}
	if err := syncAncestors(rec, tree); err != nil {
		t.Fatal(err)
	}
	if err := syncRightEdge(rec, tree); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{
		base, filepath.Dir(dir), dir, tree, filepath.Join(tree, ".state"), filepath.Join(tree, "tile"), filepath.Join(tree, "tile/0"),
		filepath.Join(tree, "tile/0/x001"), filepath.Join(tree, "tile/entries"), filepath.Join(tree, "tile/entries/x000"),
		filepath.Join(tree, "tile/entries/x001/x002"), filepath.Join(tree, "tile/entries/x001/x002/003.p"),
	} {
		if !rec.has(d) {
			t.Errorf("%s was not synced", d)
		}
	}

	fresh := filepath.Join(base, "log")
	l, rec, err := openRecorded(t, fresh)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{base, fresh, filepath.Join(fresh, "tree"), filepath.Join(fresh, "tree/.state")} {
		if !rec.has(d) {
			t.Errorf("%s was not synced at opening", d)
		}
	}
	if _, err := l.Append(t.Context(), []byte("x")); err != nil {
		t.Fatal(err)
	}
}

// TestFailedSync: after a batch of unknown outcome nothing is acknowledged
// until the folders were synced again.
func TestFailedSync(t *testing.T) {
	t.Attr("invariant", "L1")
	dir := filepath.Join(t.TempDir(), "log")
	l, rec, err := openRecorded(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), []byte("a")); err != nil {
		t.Fatal(err)
	}
	// A folder in the way of the next tile makes Tessera's batch fail.
	blocked := filepath.Join(dir, "tree/tile/0/000.p/2")
	if err := os.MkdirAll(filepath.Join(blocked, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	sick := errors.New("I/O error")
	rec.set(sick)
	for i := range 2 {
		if _, err := l.Append(t.Context(), []byte("b")); !errors.Is(err, ErrStorage) {
			t.Errorf("append %d: %v", i, err)
		}
	}
	if err := os.RemoveAll(blocked); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), []byte("b")); !errors.Is(err, ErrStorage) || !errors.Is(err, sick) {
		t.Errorf("append before a good sync: %v", err)
	}
	rec.set(nil)
	if index, err := l.Append(t.Context(), []byte("b")); err != nil || index != 1 {
		t.Errorf("append after it: %d, %v", index, err)
	}
	if edge := filepath.Join(dir, "tree/tile/entries"); !rec.has(edge) {
		t.Errorf("%s was not synced again", edge)
	}
}

// TestOpenWithSickDisk: a folder that cannot be made durable is not opened.
func TestOpenWithSickDisk(t *testing.T) {
	t.Attr("invariant", "L1")
	d := &driver{dir: t.TempDir(), dirs: &recorded{err: errors.New("I/O error")}}
	if _, _, err := d.Appender(t.Context(), nil); !errors.Is(err, ErrStorage) {
		t.Error(err)
	}
}

// TestLostBundle: Tessera takes "file exists" for success when it writes a
// bundle, and would integrate and acknowledge entries that are stored nowhere.
// Reading back before acknowledging is what catches it.
func TestLostBundle(t *testing.T) {
	t.Attr("invariant", "L1")
	dir := filepath.Join(t.TempDir(), "log")
	l, _, err := openRecorded(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), []byte("a")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "tree/tile/entries/000.p/2/x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if index, err := l.Append(t.Context(), []byte("b")); err == nil {
		t.Errorf("acknowledged at %d, and stored nowhere", index)
	}
	if l.Size() != 1 {
		t.Errorf("size %d", l.Size())
	}
}
