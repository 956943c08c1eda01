package durable

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	es, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range es {
		all = append(all, e.Name())
	}
	return all
}

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	for _, c := range []struct {
		content string
		perm    fs.FileMode
	}{{"one", 0o600}, {"", 0o644}, {"three", 0o600}} {
		if err := Replace(path, []byte(c.content), c.perm); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != c.content {
			t.Errorf("%q: %v", got, err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != c.perm {
			t.Errorf("mode %v: %v", info.Mode(), err)
		}
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("left behind: %v", got)
	}
	for range 2 {
		if err := Remove(path); err != nil {
			t.Error(err)
		}
	}
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
}

// TestRefused: what cannot be replaced stays as it was, and nothing is left beside it.
func TestRefused(t *testing.T) {
	dir := t.TempDir()
	full := filepath.Join(dir, "folder", "within")
	if err := os.MkdirAll(full, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Replace(filepath.Dir(full), []byte("x"), 0o600); err == nil {
		t.Error("a folder was replaced")
	}
	if err := Replace(filepath.Join(dir, "none", "f"), nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if err := Remove(filepath.Dir(full)); !errors.Is(err, syscall.ENOTEMPTY) {
		t.Error(err)
	}
	if got := names(t, dir); len(got) != 1 || got[0] != "folder" {
		t.Errorf("left behind: %v", got)
	}
}

// TestWhole: readers beside writers see one content or another, never a part.
func TestWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	content := func(b byte) []byte { return bytes.Repeat([]byte{b}, 1<<16) }
	if err := Replace(path, content('a'), 0o600); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, b := range []byte("bc") {
		wg.Go(func() {
			for range 20 {
				if err := Replace(path, content(b), 0o600); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 200 {
		got, err := os.ReadFile(path)
		if err != nil || len(got) != 1<<16 || !bytes.Equal(got, content(got[0])) {
			t.Fatalf("%d bytes: %v", len(got), err)
		}
	}
	wg.Wait()
}

func TestSweep(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{TempPrefix + "1", "f", ".other"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := Sweep(dir); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(names(t, dir), " "); got != ".other f" {
		t.Errorf("left: %s", got)
	}
	if err := Sweep(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
