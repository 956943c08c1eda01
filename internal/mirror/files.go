package mirror

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/haltlog/haltlog/internal/durable"
)

// files are the mirror's files, by the paths of the routes.
type files struct{ dir string }

func (f files) path(name string) string {
	return filepath.Join(f.dir, filepath.FromSlash(strings.TrimPrefix(name, "/")))
}

func (f files) has(name string) bool {
	_, err := os.Stat(f.path(name))
	return err == nil
}

// read returns nil for a file that is not there.
func (f files) read(name string) ([]byte, error) {
	h, err := os.Open(f.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer h.Close()
	raw, err := io.ReadAll(io.LimitReader(h, maxFile+1))
	if err == nil && len(raw) > maxFile {
		err = fmt.Errorf("%s is longer than %d bytes", f.path(name), maxFile)
	}
	return raw, err
}

// write puts a file where it is served, whole and durable, in folders that are
// durable too (MI2).
func (f files) write(name string, raw []byte) error {
	path := f.path(name)
	if err := f.folder(filepath.Dir(path)); err != nil {
		return err
	}
	return durable.Replace(path, raw, 0o644)
}

// folder makes a folder and those above it.
func (f files) folder(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if up := filepath.Dir(dir); up != dir {
		if err := f.folder(up); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return durable.SyncDir(filepath.Dir(dir))
}

// update is write where the content differs.
func (f files) update(name string, raw []byte) error {
	if old, err := f.read(name); err == nil && bytes.Equal(old, raw) {
		return nil
	}
	return f.write(name, raw)
}

// sweep removes what interrupted writers left, and partial tiles that nobody asks for
// any more: of other widths than the checkpoint's, and older than the grace.
//
// What was there before the process is looked for once, in the whole folder.
func (m *Mirror) sweep(size uint64) error {
	now := m.cfg.Now()
	for path, at := range m.partial {
		if now.Sub(at) < partialGrace || m.current(path, size) {
			continue
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		delete(m.partial, path)
	}
	if m.swept {
		return nil
	}
	m.swept = true
	return filepath.WalkDir(m.files.dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		if strings.HasPrefix(d.Name(), durable.TempPrefix) {
			return os.Remove(path)
		}
		if !strings.HasSuffix(filepath.Dir(path), ".p") {
			return nil
		}
		if _, err := strconv.Atoi(d.Name()); err != nil || m.current(path, size) {
			return nil
		}
		m.partial[path] = now
		return nil
	})
}

// current reports whether a partial tile is one of the tree of a size.
func (m *Mirror) current(path string, size uint64) bool {
	for level := 0; size>>(8*level) > 0; level++ {
		n := size >> (8 * level)
		if n%tileWidth == 0 {
			continue
		}
		if path == m.files.path(tileName(level, n/tileWidth, int(n%tileWidth))) || (level == 0 && path == m.files.path(bundleName(n/tileWidth, int(n%tileWidth)))) {
			return true
		}
	}
	return false
}
