package demo

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

// Disguise writes a single-file checkpoint again under other tensor names and in
// shards, as somebody would who passes it on: no weight changes.
func Disguise(from, to string, shard uint64) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return fmt.Errorf("disguise: %w", err)
	}
	f, err := os.Open(filepath.Join(from, weightsFile))
	if err != nil {
		return fmt.Errorf("disguise: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("disguise: %w", err)
	}
	h, err := fingerprint.ReadHeader(f, uint64(info.Size()))
	if err != nil {
		return fmt.Errorf("disguise: %w", err)
	}
	var tensors []fingerprint.Source
	for i, e := range h.Tensors {
		data := io.NewSectionReader(f, int64(h.Data+e.Begin), int64(e.End-e.Begin))
		tensors = append(tensors, fingerprint.Source{
			Name: fmt.Sprintf("model.blocks.%d.w", i), Dtype: e.Dtype, Shape: e.Shape,
			Write: func(w io.Writer) error {
				_, err := io.Copy(w, data)
				return err
			},
		})
	}
	create := func(name string) (io.WriteCloser, error) { return os.Create(filepath.Join(to, name)) }
	if err := fingerprint.WriteSharded(create, shard, nil, tensors); err != nil {
		return fmt.Errorf("disguise: %w", err)
	}
	return nil
}
