package tesseralog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A dirSyncer makes the names in a folder durable. It is a port so that tests
// can see what was synced before an acknowledgement, and let it fail.
type dirSyncer interface {
	SyncDir(name string) error
}

type osDirs struct{}

func (osDirs) SyncDir(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// syncAncestors makes the way to the log's folder durable. Tessera syncs a
// parent only when it made the child itself, so a folder that an operator made
// just before could vanish with everything acknowledged in it (L1). An
// ancestor that may not be opened is not this process's to make.
func syncAncestors(s dirSyncer, dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("log folder: %w", err)
	}
	for dir != filepath.Dir(dir) {
		dir = filepath.Dir(dir)
		if err := s.SyncDir(dir); err != nil && !errors.Is(err, fs.ErrPermission) {
			return fmt.Errorf("sync %s: %w", dir, errors.Join(err, ErrStorage))
		}
	}
	return nil
}

// syncRightEdge makes the names along the tree's right edge durable: the
// folder, .state, tile, each level in it, and in each level the last folders
// at each depth. Tessera takes a folder that exists for a durable one, which is
// wrong after a crash, or a failed sync, between making it and syncing its
// parent (L1). Only the right edge ever gets new folders; the last two at each
// depth cover a batch across a boundary.
func syncRightEdge(s dirSyncer, dir string) error {
	sync := func(name string) error {
		if err := s.SyncDir(name); err != nil {
			return fmt.Errorf("sync %s: %w", name, errors.Join(err, ErrStorage))
		}
		return nil
	}
	var walk func(dir string, all bool) error
	walk = func(dir string, all bool) error {
		es, err := os.ReadDir(dir)
		if err != nil {
			return fmt.Errorf("sync %s: %w", dir, errors.Join(err, ErrStorage))
		}
		es = slices.DeleteFunc(es, func(e fs.DirEntry) bool { return !e.IsDir() })
		if !all {
			// "x000" holds deeper numbers, "000.p" partial tiles.
			es = append(last(es, func(n string) bool { return strings.HasPrefix(n, "x") }),
				last(es, func(n string) bool { return strings.HasSuffix(n, ".p") })...)
		}
		for _, e := range es {
			if err := walk(filepath.Join(dir, e.Name()), false); err != nil {
				return err
			}
		}
		return sync(dir)
	}
	if err := walk(filepath.Join(dir, "tile"), true); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := sync(filepath.Join(dir, ".state")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return sync(dir)
}

func last(es []fs.DirEntry, of func(name string) bool) []fs.DirEntry {
	var some []fs.DirEntry
	for _, e := range es { // ReadDir sorts by name
		if of(e.Name()) {
			some = append(some, e)
		}
	}
	return some[max(0, len(some)-2):]
}
