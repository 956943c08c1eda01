package demo

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

// Quantise writes a single-file checkpoint again as GGUF: its matrices in Q4_0,
// four and a half bits for each weight, under other names in a file of another
// name. No weight is what it was.
func Quantise(from, to string) (err error) {
	f, err := os.Open(filepath.Join(from, weightsFile))
	if err != nil {
		return fmt.Errorf("quantise: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("quantise: %w", err)
	}
	h, err := fingerprint.ReadHeader(f, uint64(info.Size()))
	if err != nil {
		return fmt.Errorf("quantise: %w", err)
	}
	var tensors []fingerprint.Source
	for i, e := range h.Tensors {
		raw := make([]byte, e.End-e.Begin)
		if _, err := f.ReadAt(raw, int64(h.Data+e.Begin)); err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("quantise: %w", err)
		}
		values := make([]float32, len(raw)/4)
		for j := range values {
			values[j] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*j:]))
		}
		as := fingerprint.F32
		if len(e.Shape) == 2 {
			as = fingerprint.Q4_0
		}
		data, err := fingerprint.Quantise(nil, as, values)
		if err != nil {
			return fmt.Errorf("quantise %s: %w", e.Name, err)
		}
		tensors = append(tensors, fingerprint.Bytes(fmt.Sprintf("blk.%d.w", i), as, e.Shape, data))
	}
	out, err := os.Create(to)
	if err != nil {
		return fmt.Errorf("quantise: %w", err)
	}
	if err := errors.Join(fingerprint.WriteGGUF(out, nil, tensors), out.Close()); err != nil {
		return fmt.Errorf("quantise: %w", err)
	}
	return nil
}
