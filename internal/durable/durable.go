// Package durable owns the replacing of small files that others act on: a
// journal, a floor, what a reader has verified.
//
// Invariants:
//
//  1. Whole: whoever reads a name gets the old content or the new one, also after
//     a crash at any step, of the process or of the machine.
//  2. Durable: once Replace or Remove returns nil, a crash of the machine undoes
//     it no more; file and folder are synced.
//  3. A crash leaves nothing but files whose names begin with TempPrefix, which
//     nobody reads.
package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// TempPrefix begins the names of files that are being written.
const TempPrefix = ".tmp-"

// Replace puts content at path, with perm as its mode whatever the umask. Several
// may replace one file at once: one of the contents stands. On an error the old
// content stands, or, if only the folder could not be synced, either.
func Replace(path string, content []byte, perm fs.FileMode) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, TempPrefix+"*") // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // gone after the rename
		}
	}()
	_, err = f.Write(content)
	if err == nil {
		err = f.Chmod(perm)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return SyncDir(dir)
}

// Remove takes a file away; a missing one is no error.
func Remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// SyncDir makes the names in a folder durable.
func SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Sweep removes what crashed writers left in a folder. It takes the files of
// writers at work, too: only who holds the folder alone may call it.
func Sweep(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), TempPrefix) {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
