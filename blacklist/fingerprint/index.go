package fingerprint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"unicode/utf8"
)

// ErrIndex is returned for a shard index that is malformed or that does not
// match the shards beside it.
var ErrIndex = errors.New("malformed safetensors index")

const (
	shardSuffix = ".safetensors"
	torchShard  = ".bin"
	indexSuffix = ".index.json" // behind the suffix of the shards
)

// parseIndex reads a *.index.json of shards with that suffix: the weight_map
// from tensor names to files. Its metadata is informative and only has to be
// JSON.
func parseIndex(text []byte, suffix string) (map[string]string, error) {
	if !utf8.Valid(text) {
		return nil, fmt.Errorf("%w: not UTF-8", ErrIndex)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var weights map[string]string
	seen := make(map[string]bool)
	err := object(d, func(key string) error {
		if seen[key] {
			return fmt.Errorf("%q twice", key)
		}
		seen[key] = true
		if key != "weight_map" {
			var skipped json.RawMessage
			return d.Decode(&skipped)
		}
		weights = make(map[string]string)
		return stringMap(d, weights)
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIndex, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("%w: trailing data", ErrIndex)
	}
	if weights == nil {
		return nil, fmt.Errorf("%w: no weight_map", ErrIndex)
	}
	for name, file := range weights {
		// A shard lies beside its index: a path could name a file outside
		// the model, or one that the manifest ignores.
		if path.Base(file) != file || !hasSuffix(file, suffix) {
			return nil, fmt.Errorf("%w: %q is in %q", ErrIndex, name, file)
		}
	}
	return weights, nil
}

// checkIndex holds an index against the headers of the files in its folder.
// Both ways: a tensor that the index promises and no shard has means that a
// shard was swapped; one that a shard has and the index does not name would
// be fingerprinted though no loader loads it, and pad the model.
func checkIndex(weights map[string]string, shards map[string]Header) error {
	left := make(map[string]int)
	for name, file := range weights {
		if _, ok := shards[file]; !ok {
			return fmt.Errorf("%w: %q is in %q, which is not there", ErrIndex, name, file)
		}
		left[file]++
	}
	for file, n := range left {
		for _, e := range shards[file].Tensors {
			if weights[e.Name] != file {
				return fmt.Errorf("%w: %q in %q is not in the index", ErrIndex, e.Name, file)
			}
			n--
		}
		if n != 0 {
			return fmt.Errorf("%w: %d tensors are not in %q", ErrIndex, n, file)
		}
	}
	return nil
}
