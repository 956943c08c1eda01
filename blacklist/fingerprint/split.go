package fingerprint

import (
	"errors"
	"fmt"
	"path"
)

// ErrSplit is returned for the parts of a split GGUF model that do not match
// one another.
var ErrSplit = errors.New("malformed GGUF split")

const ggufSuffix = ".gguf"

// The pairs of a part.
// Source: ggml-org/llama.cpp src/llama-model-loader.cpp (LLM_KV_SPLIT_*).
const (
	splitNumber  = "split.no"            // from 0
	splitCount   = "split.count"         // of files
	splitTensors = "split.tensors.count" // of all files together
)

// splitName is the name of part i of n, from 0.
func splitName(base string, i, n int) string {
	return fmt.Sprintf("%s-%05d-of-%05d%s", base, i+1, n, ggufSuffix)
}

// split is what a part says of the whole.
type split struct{ number, count, tensors uint64 }

// splitOf returns what the pairs say; count is 0 for a file that is no part.
func (g GGUF) splitOf() (split, error) {
	var s split
	for key, field := range map[string]*uint64{splitNumber: &s.number, splitCount: &s.count, splitTensors: &s.tensors} {
		m, ok := g.pair(key)
		if !ok {
			continue
		}
		if *field, ok = m.natural(); !ok {
			return split{}, fmt.Errorf("%w: %s is no number", ErrSplit, key)
		}
	}
	if s.count > maxSplit || s.count > 0 && s.number >= s.count {
		return split{}, fmt.Errorf("%w: part %d of %d", ErrSplit, s.number, s.count)
	}
	return s, nil
}

// checkSplit holds the parts of a folder's split models against one another:
// each where its own pairs say, all there, none of another model. A part that
// was left out would take its tensors out of the answer unseen. A part among
// unread is there, but in a format that is not read: it is told elsewhere.
func checkSplit(parts map[string]split, unread map[string]bool, headers map[string]Header) error {
	for name, s := range parts {
		if s.count < 2 {
			continue
		}
		dir, file := path.Split(name)
		end := splitName("", int(s.number), int(s.count))
		if !hasSuffix(file, end) {
			return fmt.Errorf("%w: %q is part %d of %d", ErrSplit, name, s.number+1, s.count)
		}
		if s.number != 0 {
			// Judged with the first part, if that is there.
			first := dir + splitName(file[:len(file)-len(end)], 0, int(s.count))
			if _, ok := parts[first]; !ok && !unread[first] {
				return fmt.Errorf("%w: the first part of %q is not there", ErrSplit, name)
			}
			continue
		}
		names, total, partial := make(map[string]bool), uint64(0), false
		for i := range int(s.count) {
			part := dir + splitName(file[:len(file)-len(end)], i, int(s.count))
			if unread[part] {
				partial = true
				continue
			}
			got, ok := parts[part]
			if !ok || got.number != uint64(i) || got.count != s.count {
				return fmt.Errorf("%w: %q is not there, or of another model", ErrSplit, part)
			}
			for _, e := range headers[part].Tensors {
				if names[e.Name] {
					return fmt.Errorf("%w: %q is in %q again", ErrSplit, e.Name, part)
				}
				names[e.Name] = true
				total++
			}
		}
		if total != s.tensors && !partial {
			return fmt.Errorf("%w: %d of %d tensors in the parts of %q", ErrSplit, total, s.tensors, name)
		}
	}
	return nil
}
