package fingerprint

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
)

// weights is what the files of a model hold.
type weights struct {
	headers map[string]Header // by file, of those that are read
	splits  map[string]split  // of GGUF files
	unread  map[string]bool   // in a format that is known and not read
	tensors int
}

// readWeights reads the header of every file of weights, and holds what names
// several files (an index, a split) against them. whole is false for a scan of
// one file, which is not asked for its siblings.
func readWeights(fsys fs.FS, files []file, whole bool) (map[string]Header, error) {
	w := weights{headers: make(map[string]Header), splits: make(map[string]split), unread: make(map[string]bool)}
	for _, f := range files {
		if err := w.read(fsys, f); err != nil {
			return nil, fmt.Errorf("%q: %w", f.name, err)
		}
		if w.tensors > MaxTensors {
			return nil, fmt.Errorf("%w: more than %d tensors", ErrHeader, MaxTensors)
		}
	}
	if err := indices(fsys, files, w.headers); err != nil {
		return nil, err
	}
	if whole {
		if err := checkSplit(w.splits, w.unread, w.headers); err != nil {
			return nil, err
		}
	}
	return w.headers, nil
}

// read reads one file's header, if it is in a format that is read here. A GGUF
// file with a tensor in a block format that is not, and a pickle of more than
// tensors and plain data, are left out whole: they are among [Model.Skipped]
// then, so that the manifest still answers for them.
func (w *weights) read(fsys fs.FS, f file) error {
	base := path.Base(f.name)
	safe, gguf := hasSuffix(base, shardSuffix), hasSuffix(base, ggufSuffix)
	if !safe && !gguf && !torchSuffix(base) {
		return nil
	}
	h, at, err := open(fsys, f)
	if err != nil {
		return err
	}
	defer h.Close()
	var header Header
	switch {
	case safe:
		header, err = ReadHeader(at, f.size)
	case gguf:
		var g GGUF
		if g, err = ReadGGUF(at, f.size); errors.Is(err, ErrDtype) {
			w.unread[f.name] = true
			return nil
		}
		if err == nil {
			header = g.Header
			w.splits[f.name], err = g.splitOf()
		}
	default:
		// Other formats go by the same suffixes, and pickles of settings and
		// optimisers lie beside many models.
		if header, err = ReadTorch(at, f.size); errors.Is(err, errNotTorch) || errors.Is(err, ErrGlobal) {
			return nil
		}
	}
	if err != nil {
		return err
	}
	w.tensors += len(header.Tensors)
	w.headers[f.name] = header
	return nil
}

// indices holds each index against the shards beside it: of safetensors name
// by name, of PyTorch, where a view under two names is one tensor here, file by
// file.
func indices(fsys fs.FS, files []file, headers map[string]Header) error {
	there := make(map[string]bool)
	for _, f := range files {
		there[f.name] = true
	}
	for _, f := range files {
		suffix := shardSuffix
		switch base := path.Base(f.name); {
		case hasSuffix(base, shardSuffix+indexSuffix):
		case hasSuffix(base, torchShard+indexSuffix):
			suffix = torchShard
		default:
			continue
		}
		text, err := readSmall(fsys, f, MaxIndex)
		if err != nil {
			return err
		}
		weights, err := parseIndex(text, suffix)
		if err != nil {
			return fmt.Errorf("%q: %w", f.name, err)
		}
		beside := make(map[string]Header)
		for _, shard := range weights {
			name := path.Join(path.Dir(f.name), shard)
			if h, ok := headers[name]; ok {
				beside[shard] = h
			} else if suffix == torchShard && !there[name] {
				return fmt.Errorf("%q: %w: %q is not there", f.name, ErrIndex, shard)
			}
		}
		if suffix == torchShard {
			continue
		}
		if err := checkIndex(weights, beside); err != nil {
			return fmt.Errorf("%q: %w", f.name, err)
		}
	}
	return nil
}
