package listsync

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/haltlog/haltlog/internal/durable"
)

// ErrDamaged is a folder whose objects are not those that its head names.
var ErrDamaged = errors.New("list is damaged on disk")

// ErrOther is an object with another hash than it was asked for by.
var ErrOther = errors.New("another object than the one committed to")

// Objects keeps bytes by their SHA-256, under objects/ of a folder; what is there
// under its name is whole, because it came there by a rename.
type Objects struct {
	Dir     string
	Partial string // folder of downloads that are not complete
}

func objectsIn(dir string) Objects { return Objects{dir, filepath.Join(dir, "partial")} }

// Path is where an object is, or will be.
func (o Objects) Path(h [32]byte) string {
	name := hex.EncodeToString(h[:])
	return filepath.Join(o.Dir, "objects", name[:2], name)
}

// Has reports whether an object is there.
func (o Objects) Has(h [32]byte) bool {
	_, err := os.Stat(o.Path(h))
	return err == nil
}

// Get reads an object and checks it.
func (o Objects) Get(h [32]byte) ([]byte, error) {
	raw, err := os.ReadFile(o.Path(h))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("object %x: %w: %w", h, ErrDamaged, err)
	}
	if err != nil {
		return nil, err
	}
	if sha256.Sum256(raw) != h {
		return nil, fmt.Errorf("object %x: %w", h, ErrDamaged)
	}
	return raw, nil
}

// folder makes the folder of a name, durably.
func (o Objects) folder(path string) error {
	dir := filepath.Dir(path)
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return errors.Join(durable.SyncDir(filepath.Dir(dir)), durable.SyncDir(o.Dir)) // the latter made, or was there
}

// Put keeps bytes made here, under their hash.
func (o Objects) Put(raw []byte) (h [32]byte, err error) {
	h = sha256.Sum256(raw)
	path := o.Path(h)
	if o.Has(h) {
		return h, nil
	}
	if err := o.folder(path); err != nil {
		return h, err
	}
	return h, durable.Replace(path, raw, 0o644)
}

// Opener asks a source for an object from an offset on.
type Opener func(ctx context.Context, hash [32]byte, offset int64) (body io.ReadCloser, from int64, err error)

// Fetch downloads an object, going on where an interrupted download ended. What does
// not have its hash is [ErrOther], and is returned in part.
func (o Objects) Fetch(ctx context.Context, h [32]byte, limit int64, open Opener) (wrong []byte, err error) {
	if o.Has(h) {
		return nil, nil
	}
	partial := filepath.Join(o.Partial, hex.EncodeToString(h[:]))
	if err := o.folder(partial); err != nil {
		return nil, err
	}
	for {
		resumed, err := o.download(ctx, partial, h, min(limit, maxObject), open)
		if err == nil {
			break
		}
		if !errors.Is(err, ErrOther) {
			return nil, err
		}
		wrong, _ := readPart(partial)
		if err := os.Remove(partial); err != nil {
			return nil, err
		}
		// What was there before may be another source's doing: only what one
		// answered whole tells about it.
		if !resumed {
			return wrong, ErrOther
		}
	}
	path := o.Path(h)
	if err := o.folder(path); err != nil {
		return nil, err
	}
	if err := os.Rename(partial, path); err != nil {
		return nil, err
	}
	return nil, errors.Join(durable.SyncDir(filepath.Dir(path)), durable.SyncDir(filepath.Dir(partial)))
}

func (o Objects) download(ctx context.Context, path string, h [32]byte, limit int64, open Opener) (resumed bool, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sum := sha256.New()
	have, err := io.Copy(sum, io.LimitReader(f, limit+1))
	if err != nil {
		return false, err
	}
	if have > 0 && [32]byte(sum.Sum(nil)) == h {
		return true, f.Sync()
	}
	body, from, err := open(ctx, h, have)
	if err != nil {
		return have > 0, err
	}
	defer body.Close()
	if from != have {
		sum.Reset()
		have = 0
		if err := errors.Join(f.Truncate(0), seek(f)); err != nil {
			return false, err
		}
	}
	n, err := io.Copy(io.MultiWriter(f, sum), io.LimitReader(body, limit+1-have))
	if err != nil {
		return have > 0, fmt.Errorf("object %x ended after %d bytes: %w", h, have+n, err)
	}
	if [32]byte(sum.Sum(nil)) != h {
		return have > 0, ErrOther
	}
	return have > 0, f.Sync()
}

func seek(f *os.File) error {
	_, err := f.Seek(0, io.SeekStart)
	return err
}

// readPart reads what is kept of a wrong answer.
func readPart(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxKept))
}

// sweep removes every object that is not kept, and what interrupted writers left.
func (o Objects) sweep(keep map[[32]byte]bool) error {
	root := filepath.Join(o.Dir, "objects")
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := hex.DecodeString(d.Name())
		if err == nil && len(raw) == 32 && keep[[32]byte(raw)] {
			return nil
		}
		return os.Remove(path)
	})
}
