package tesseralog

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/transparency-dev/tessera/api/layout"
)

// A store reads Tessera's folder. Every path is below an [os.Root], and what
// is read is held to its shape; whether it is the right content is for the
// callers, who know hashes of it.
type store struct {
	root *os.Root
}

// treeState is Tessera's record of the integrated tree.
type treeState struct {
	Size uint64 `json:"size"`
	Root []byte `json:"root"`
}

const (
	treeStatePath = ".state/treeState"
	treeLockPath  = ".state/treeState.lock"
)

// state is the integrated size and root that Tessera recorded. ok is false if
// there is no record, as in a new folder.
func (s store) state() (size uint64, root Hash, ok bool, err error) {
	raw, err := s.root.ReadFile(filepath.FromSlash(treeStatePath))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, Hash{}, false, nil
	}
	if err != nil {
		return 0, Hash{}, false, fmt.Errorf("read tree state: %w", errors.Join(err, ErrStorage))
	}
	var t treeState
	if err := json.Unmarshal(raw, &t); err != nil || len(t.Root) != len(Hash{}) {
		return 0, Hash{}, false, fmt.Errorf("tree state: not a size and a root: %w", ErrCorrupt)
	}
	return t.Size, Hash(t.Root), true, nil
}

// writable asks for the right to write before Tessera does: its sequencer
// panics where it cannot open its lock file. Nobody holds that lock here, since
// the one sequencer of the one process asks.
func (s store) writable() error {
	f, err := s.root.OpenFile(filepath.FromSlash(treeLockPath), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("open for writing: %w", errors.Join(err, ErrStorage))
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("open for writing: %w", errors.Join(err, ErrStorage))
	}
	return nil
}

// width is how many nodes or entries the tile or bundle holds in a tree of
// that size: 0 to 256.
func width(level, index, size uint64) int {
	n := size >> (8 * level)
	if n <= index*tileWidth {
		return 0
	}
	return int(min(n-index*tileWidth, tileWidth))
}

// read returns the resource that holds at least the first w of 256 elements:
// the one of that very width, or the full one.
func (s store) read(path func(partial uint8) string, w int) ([]byte, error) {
	b, err := s.root.ReadFile(filepath.FromSlash(path(uint8(w % tileWidth))))
	if errors.Is(err, fs.ErrNotExist) && w < tileWidth {
		// The tree has grown since the width was taken, and the partial one was
		// collected.
		b, err = s.root.ReadFile(filepath.FromSlash(path(0)))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is missing: %w", path(uint8(w%tileWidth)), ErrCorrupt)
	}
	if err != nil {
		return nil, fmt.Errorf("read: %w", errors.Join(err, ErrStorage))
	}
	return b, nil
}

// tile is the first w hashes of a tile, w being its width in the integrated
// tree or less.
func (s store) tile(level, index uint64, w int) ([]Hash, error) {
	path := func(p uint8) string { return layout.TilePath(level, index, p) }
	b, err := s.read(path, w)
	if err != nil {
		return nil, err
	}
	if len(b) < w*len(Hash{}) || len(b)%len(Hash{}) != 0 {
		return nil, fmt.Errorf("%s holds %d bytes: %w", path(uint8(w%tileWidth)), len(b), ErrCorrupt)
	}
	hs := make([]Hash, w)
	for i := range hs {
		hs[i] = Hash(b[i*len(Hash{}):])
	}
	return hs, nil
}

// bundle is the first w entries of an entry bundle, and their bytes as stored.
func (s store) bundle(index uint64, w int) (leaves [][]byte, raw []byte, err error) {
	path := func(p uint8) string { return layout.EntriesPath(index, p) }
	b, err := s.read(path, w)
	if err != nil {
		return nil, nil, err
	}
	leaves, n, ok := splitBundle(b, w)
	if !ok {
		return nil, nil, fmt.Errorf("%s is cut short: %w", path(uint8(w%tileWidth)), ErrCorrupt)
	}
	return leaves, b[:n], nil
}

// splitBundle is the first w entries of a bundle's bytes and how many bytes
// they take.
func splitBundle(b []byte, w int) (leaves [][]byte, n int, ok bool) {
	leaves = make([][]byte, 0, w)
	for range w {
		if len(b)-n < 2 {
			return nil, 0, false
		}
		l := int(binary.BigEndian.Uint16(b[n:]))
		n += 2
		if len(b)-n < l {
			return nil, 0, false
		}
		leaves = append(leaves, b[n:n+l:n+l])
		n += l
	}
	return leaves, n, true
}

func appendBundle(b, leaf []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(leaf)))
	return append(b, leaf...)
}
