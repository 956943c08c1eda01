package fingerprint

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
)

// formatGGUF prints a header up to its last byte before the padding.
func formatGGUF(version uint32, pairs []Meta, tensors []Entry) ([]byte, error) {
	b := binary.LittleEndian.AppendUint32([]byte(ggufMagic), version)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(tensors)))
	b = binary.LittleEndian.AppendUint64(b, uint64(len(pairs)))
	text := func(s string) {
		b = binary.LittleEndian.AppendUint64(b, uint64(len(s)))
		b = append(b, s...)
	}
	for _, m := range pairs {
		text(m.Key)
		b = binary.LittleEndian.AppendUint32(b, uint32(m.Type))
		b = append(b, m.Raw...)
	}
	for _, e := range tensors {
		typ, ok := ggmlType(e.Dtype)
		if !ok {
			return nil, fmt.Errorf("%w: %q: GGUF has no %v", ErrTensor, e.Name, e.Dtype)
		}
		text(e.Name)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(e.Shape)))
		for _, n := range slices.Backward(e.Shape) {
			b = binary.LittleEndian.AppendUint64(b, n)
		}
		b = binary.LittleEndian.AppendUint32(b, typ)
		b = binary.LittleEndian.AppendUint64(b, e.Begin)
	}
	return b, nil
}

// WriteGGUF writes one GGUF file (version 3, little-endian), streaming: pairs
// and tensors in the order given, each tensor padded to the alignment that the
// pair general.alignment names (32 without it). What it would write and
// [ReadGGUF] would refuse is [ErrTensor].
func WriteGGUF(w io.Writer, pairs []Meta, tensors []Source) error {
	alignment := uint64(ggufAlignment)
	if m, ok := (GGUF{Pairs: pairs}).pair("general.alignment"); ok {
		if alignment, ok = m.natural(); !ok || alignment == 0 || alignment&(alignment-1) != 0 {
			return fmt.Errorf("%w: alignment %d", ErrTensor, alignment)
		}
	}
	var entries []Entry
	at := uint64(0)
	for _, s := range tensors {
		size, err := s.size()
		if err != nil {
			return err
		}
		entries = append(entries, Entry{s.Name, s.Dtype, s.Shape, at, at + size})
		at = pad(at+size, alignment)
	}
	header, err := formatGGUF(3, pairs, entries)
	if err != nil {
		return err
	}
	// One judge of what is well formed: the reader.
	padded := pad(uint64(len(header)), alignment)
	header = append(header, make([]byte, padded-uint64(len(header)))...)
	if _, err := parseGGUF(header, padded+at); err != nil {
		return fmt.Errorf("%w: %w", ErrTensor, err)
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	zeros := make([]byte, alignment)
	for i, s := range tensors {
		exact := &exactWriter{w: w, left: entries[i].End - entries[i].Begin}
		if err := s.Write(exact); err != nil {
			return fmt.Errorf("write tensor %q: %w", s.Name, err)
		}
		if exact.left != 0 {
			return fmt.Errorf("%w: %q is short of %d bytes", ErrTensor, s.Name, exact.left)
		}
		if _, err := w.Write(zeros[:pad(entries[i].End, alignment)-entries[i].End]); err != nil {
			return err
		}
	}
	return nil
}

// WriteGGUFSplit writes the tensors, in the order given, into files of at most
// perFile tensors, named and marked as llama.cpp's gguf-split does: every file
// says its number and how many there are, and the first one has the pairs.
func WriteGGUFSplit(create func(name string) (io.WriteCloser, error), base string, perFile int, pairs []Meta, tensors []Source) error {
	if perFile < 1 || len(tensors) == 0 {
		return fmt.Errorf("%w: %d tensors, %d per file", ErrTensor, len(tensors), perFile)
	}
	count := (len(tensors) + perFile - 1) / perFile
	if count > maxSplit {
		return fmt.Errorf("%w: %d files", ErrTensor, count)
	}
	short := func(key string, n int) Meta {
		return Meta{key, MetaUint16, binary.LittleEndian.AppendUint16(nil, uint16(n))}
	}
	i := 0
	for group := range slices.Chunk(tensors, perFile) {
		var own []Meta
		if i == 0 {
			own = slices.Clone(pairs)
		} else if m, ok := (GGUF{Pairs: pairs}).pair("general.alignment"); ok {
			own = append(own, m)
		}
		own = append(own, short(splitNumber, i), short(splitCount, count),
			Meta{splitTensors, MetaInt32, binary.LittleEndian.AppendUint32(nil, uint32(len(tensors)))})
		if err := writeTo(create, splitName(base, i, count), func(w io.Writer) error { return WriteGGUF(w, own, group) }); err != nil {
			return err
		}
		i++
	}
	return nil
}
