package fingerprint

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"
)

// Errors of a directory that cannot be fingerprinted.
var (
	ErrNoFiles  = errors.New("no regular files")
	ErrFileType = errors.New("neither a regular file nor a directory")
	ErrChanged  = errors.New("file changed while it was read")
	ErrNotAt    = errors.New("file system gives no io.ReaderAt")
)

// file is one file under the manifest.
type file struct {
	name  string
	size  uint64
	mtime time.Time
}

// ignored reports what a manifest leaves out: the paths of git and, so that a
// signed release keeps the digest that its own signature names, the signature
// file of the model-signing tool.
// Source: sigstore/model-transparency src/model_signing/hashing.py
// (Config.hash) and src/model_signing/_cli.py.
func ignored(name string) bool {
	switch name {
	case ".git", ".gitattributes", ".github", ".gitignore", "model.sig":
		return true
	}
	return false
}

// walk lists the files in the manifest's order: component by component, by
// code point. fs.WalkDir reads each directory sorted by name, which is the
// same order; sorting whole paths is not ("a-b/x" < "a/x").
func walk(fsys fs.FS, symlinks bool) ([]file, error) {
	var files []file
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ignored(name) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return nil
		}
		info, err := d.Info()
		if symlinks && d.Type()&fs.ModeSymlink != 0 {
			info, err = fs.Stat(fsys, name)
		}
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("%q: %w", name, ErrFileType)
		}
		if len(files) == MaxFiles {
			return fmt.Errorf("more than %d files", MaxFiles)
		}
		files = append(files, file{name, uint64(info.Size()), info.ModTime()})
		return nil
	})
	return files, err
}

// same reports [ErrChanged] unless size and time of change are as listed (F4).
func (f file) same(info fs.FileInfo) error {
	if uint64(info.Size()) != f.size || !info.ModTime().Equal(f.mtime) {
		return fmt.Errorf("%q: %w", f.name, ErrChanged)
	}
	return nil
}

// unchanged looks at every file once more, after the last byte was read.
func unchanged(fsys fs.FS, files []file) error {
	for _, f := range files {
		info, err := fs.Stat(fsys, f.name)
		if err != nil {
			return err
		}
		if err := f.same(info); err != nil {
			return err
		}
	}
	return nil
}

// open opens a file for reading at offsets and checks that it is still the one
// that was listed.
func open(fsys fs.FS, f file) (fs.File, io.ReaderAt, error) {
	h, err := fsys.Open(f.name)
	if err != nil {
		return nil, nil, err
	}
	info, err := h.Stat()
	if err == nil {
		err = f.same(info)
	}
	at, ok := h.(io.ReaderAt)
	if err == nil && !ok {
		err = fmt.Errorf("%q: %w", f.name, ErrNotAt)
	}
	if err != nil {
		h.Close()
		return nil, nil, err
	}
	return h, at, nil
}

// readSmall reads a whole file of at most limit bytes.
func readSmall(fsys fs.FS, f file, limit uint64) ([]byte, error) {
	if f.size > limit {
		return nil, fmt.Errorf("%q: %d bytes, at most %d", f.name, f.size, limit)
	}
	h, at, err := open(fsys, f)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	b := make([]byte, f.size)
	if err := readAt(at, b, 0); err != nil {
		return nil, fmt.Errorf("%q: %w", f.name, err)
	}
	return b, nil
}

// otherWeights reports file names of weight formats that are not read here.
func otherWeights(name string) bool {
	switch path.Ext(name) {
	case ".safetensors", ".gguf", ".ggml", ".bin", ".pt", ".pth", ".ckpt", ".onnx", ".h5", ".keras", ".msgpack", ".npz", ".npy", ".pkl":
		return true
	}
	return false
}

func hasSuffix(name, suffix string) bool {
	return len(name) > len(suffix) && strings.HasSuffix(name, suffix)
}
