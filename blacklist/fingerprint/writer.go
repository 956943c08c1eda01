package fingerprint

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// ErrTensor is returned by the writer for a tensor that no reader would take.
var ErrTensor = errors.New("invalid tensor")

// Source is one tensor to be written. Write gets the file and must write
// exactly the tensor's bytes, little-endian, row-major; it is called once.
type Source struct {
	Name  string
	Dtype Dtype
	Shape []uint64
	Write func(w io.Writer) error
}

// Bytes returns a Source over data in memory.
func Bytes(name string, d Dtype, shape []uint64, data []byte) Source {
	return Source{name, d, shape, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}}
}

// size returns the tensor's bytes.
func (s Source) size() (uint64, error) {
	n, ok := product(s.Shape)
	size, fits := s.Dtype.length(n)
	if s.Name == "" || s.Name == metadataName || len(s.Shape) > MaxRank || !ok || !fits {
		return 0, fmt.Errorf("%w: %q %v %v", ErrTensor, s.Name, s.Dtype, s.Shape)
	}
	return size, nil
}

// headerEntry is a tensor's JSON; the field order is the reference writer's.
type headerEntry struct {
	Dtype   string    `json:"dtype"`
	Shape   []uint64  `json:"shape"`
	Offsets [2]uint64 `json:"data_offsets"`
}

// WriteFile writes one safetensors file, streaming. Equal input gives equal
// bytes: tensors are laid out by falling element size, then by name (as the
// reference writer does, so that every tensor is aligned), and the header is
// padded with spaces to a multiple of 8.
func WriteFile(w io.Writer, metadata map[string]string, tensors []Source) error {
	sorted := slices.Clone(tensors)
	slices.SortFunc(sorted, func(a, b Source) int {
		return cmp.Or(cmp.Compare(b.Dtype.Size(), a.Dtype.Size()), cmp.Compare(a.Name, b.Name))
	})
	header, err := formatHeader(metadata, sorted)
	if err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	for _, s := range sorted {
		size, err := s.size()
		if err != nil {
			return err
		}
		exact := &exactWriter{w: w, left: size}
		if err := s.Write(exact); err != nil {
			return fmt.Errorf("write tensor %q: %w", s.Name, err)
		}
		if exact.left != 0 {
			return fmt.Errorf("%w: %q is short of %d bytes", ErrTensor, s.Name, exact.left)
		}
	}
	return nil
}

func formatHeader(metadata map[string]string, tensors []Source) ([]byte, error) {
	b := append(make([]byte, 8), '{')
	member := func(name string, v any) error {
		k, err := json.Marshal(name)
		if err != nil {
			return err
		}
		j, err := json.Marshal(v)
		if err != nil {
			return err
		}
		if len(b) > 9 {
			b = append(b, ',')
		}
		b = append(append(append(b, k...), ':'), j...)
		return nil
	}
	if len(metadata) > 0 {
		if err := member(metadataName, metadata); err != nil {
			return nil, err
		}
	}
	at := uint64(0)
	seen := make(map[string]bool)
	for _, s := range tensors {
		size, err := s.size()
		if err != nil {
			return nil, err
		}
		if s.Dtype.Quantised() { // safetensors has no name for it
			return nil, fmt.Errorf("%w: %q of %v", ErrTensor, s.Name, s.Dtype)
		}
		if seen[s.Name] {
			return nil, fmt.Errorf("%w: name %q twice", ErrTensor, s.Name)
		}
		seen[s.Name] = true
		shape := append([]uint64{}, s.Shape...)
		if err := member(s.Name, headerEntry{s.Dtype.String(), shape, [2]uint64{at, at + size}}); err != nil {
			return nil, err
		}
		at += size
	}
	b = append(b, '}')
	for len(b)%8 != 0 {
		b = append(b, ' ')
	}
	if len(b)-8 > MaxHeader {
		return nil, fmt.Errorf("%w: header of %d bytes", ErrTensor, len(b)-8)
	}
	binary.LittleEndian.PutUint64(b, uint64(len(b)-8))
	return b, nil
}

// exactWriter refuses bytes beyond those the header promised.
type exactWriter struct {
	w    io.Writer
	left uint64
}

func (e *exactWriter) Write(p []byte) (int, error) {
	if uint64(len(p)) > e.left {
		return 0, fmt.Errorf("%w: more bytes than its shape", ErrTensor)
	}
	n, err := e.w.Write(p)
	e.left -= uint64(n)
	return n, err
}

// WriteSharded writes the tensors, in the order given, into files of at most
// shard bytes of data (one tensor at least), named as model hubs name them,
// and the index beside them. create opens a new file of that name. A model
// that fits one shard is still written with its index.
func WriteSharded(create func(name string) (io.WriteCloser, error), shard uint64, metadata map[string]string, tensors []Source) error {
	var groups [][]Source
	var used, total uint64
	for _, s := range tensors {
		size, err := s.size()
		if err != nil {
			return err
		}
		if len(groups) == 0 || used+size > shard {
			groups, used = append(groups, nil), 0
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], s)
		used += size
		total += size
	}
	var index struct {
		Metadata struct {
			Total uint64 `json:"total_size"`
		} `json:"metadata"`
		Weights map[string]string `json:"weight_map"`
	}
	index.Metadata.Total = total
	index.Weights = make(map[string]string)
	for i, g := range groups {
		name := fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, len(groups))
		for _, s := range g {
			if _, ok := index.Weights[s.Name]; ok {
				return fmt.Errorf("%w: name %q twice", ErrTensor, s.Name)
			}
			index.Weights[s.Name] = name
		}
		if err := writeTo(create, name, func(w io.Writer) error { return WriteFile(w, metadata, g) }); err != nil {
			return err
		}
	}
	return writeTo(create, "model.safetensors.index.json", func(w io.Writer) error {
		b, err := json.MarshalIndent(index, "", "  ")
		if err != nil {
			return err
		}
		_, err = w.Write(append(b, '\n'))
		return err
	})
}

func writeTo(create func(string) (io.WriteCloser, error), name string, write func(io.Writer) error) error {
	f, err := create(name)
	if err != nil {
		return err
	}
	err = write(f)
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	return nil
}
