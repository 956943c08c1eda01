package demo

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/internal/train"
)

// Training says what the trained program does. It knows nothing of haltlog.
type Training struct {
	Out        string // folder for checkpoints
	Seed       uint64
	FrozenSeed uint64
	Every      int           // steps between two checkpoints
	Pause      time.Duration // after each step, so that a demo's child leaves the processors to the others
	Steps      int           // 0: without end
	Name       string        // of the checkpoint; empty: by its step
}

// Train trains until its steps are done or the context ends, and prints the mean
// loss since the last checkpoint with each.
func Train(ctx context.Context, t Training, stdout io.Writer) error {
	tr := train.New(train.Config{Seed: t.Seed, FrozenSeed: t.FrozenSeed})
	var sum float64
	for step := 1; t.Steps == 0 || step <= t.Steps; step++ {
		sum += tr.Step()
		if step%t.Every == 0 {
			name := fmt.Sprintf("step-%06d", step)
			if t.Name != "" {
				name = t.Name
			}
			if err := SaveModel(filepath.Join(t.Out, name), tr.Model); err != nil {
				return err
			}
			fmt.Fprintf(stdout, "step %d loss %.4f saved %s\n", step, sum/float64(t.Every), name)
			sum = 0
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(t.Pause):
		}
	}
	return nil
}

// SaveModel writes a checkpoint folder with one safetensors file, which appears
// whole or not at all: it is written under a name with a dot and renamed.
func SaveModel(dir string, m *train.Model) (err error) {
	part := filepath.Join(filepath.Dir(dir), "."+filepath.Base(dir))
	if err = os.MkdirAll(part, 0o755); err == nil {
		err = writeModel(filepath.Join(part, weightsFile), m)
	}
	if err == nil {
		err = os.Rename(part, dir)
	}
	if err != nil {
		return fmt.Errorf("save model: %w", err)
	}
	return nil
}

// weightsFile is what model hubs call a model of one file.
const weightsFile = "model.safetensors"

func writeModel(path string, m *train.Model) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(fingerprint.WriteFile(f, nil, tensors(m)), f.Close())
}

// tensors are a model's as F32.
func tensors(m *train.Model) []fingerprint.Source {
	var out []fingerprint.Source
	for _, l := range m.Layers {
		out = append(out,
			fingerprint.Bytes(l.Name+".weight", fingerprint.F32, []uint64{uint64(l.Out), uint64(l.In)}, floats(l.W)),
			fingerprint.Bytes(l.Name+".bias", fingerprint.F32, []uint64{uint64(l.Out)}, floats(l.B)),
		)
	}
	return out
}

func floats(v []float32) []byte {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}
