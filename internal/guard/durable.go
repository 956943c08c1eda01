package guard

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// tmpPrefix marks files that were being written when their writer died; they are never read.
const tmpPrefix = ".tmp-"

// makeDir makes a private directory and makes its name durable.
func makeDir(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	err = d.Sync()
	return errors.Join(err, d.Close())
}

// writeDurable replaces dir/name by b. A crash at any step leaves the old content or the new, and possibly a file
// under tmpPrefix; when it returns nil the new content survives a crash of the machine.
func writeDurable(dir, name string, b []byte) error {
	f, err := os.CreateTemp(dir, tmpPrefix)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, name))
	}
	if err == nil {
		return syncDir(dir)
	}
	_ = os.Remove(f.Name())
	return fmt.Errorf("write %s: %w", name, err)
}

// removeDurable takes dir/name away for good; a missing file is no error.
func removeDurable(dir, name string) error {
	if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return syncDir(dir)
}

// sweep removes what crashed writers left. Only the holder of the state's lock may call it.
func sweep(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), tmpPrefix) {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
