package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

const (
	// checkRuns is how often the model is read each way.
	checkRuns = 20
	// checkShards and checkShard are the model's files: few enough to stay in
	// the page cache, so that the processors are compared and not the disk.
	checkShards = 4
	checkShard  = 128 << 20
	// checkBlock is what SHA-256 reads at once.
	checkBlock = 1 << 20
)

// checkModel is a model in one of the containers and formats that are read.
type checkModel struct {
	name  string
	write func(dir string, bytes int) error
}

func checkModels() []checkModel {
	shards := func(d fingerprint.Dtype) func(string, int) error {
		return func(dir string, bytes int) error { return writeShards(dir, d, checkShards, bytes) }
	}
	gguf := func(d fingerprint.Dtype) func(string, int) error {
		return func(dir string, bytes int) error { return writeGGUF(dir, d, checkShards*bytes) }
	}
	return []checkModel{
		{"safetensors, BF16, 4 shards", shards(fingerprint.BF16)},
		{"safetensors, F32, 4 shards", shards(fingerprint.F32)},
		{"GGUF, F16", gguf(fingerprint.F16)},
		{"GGUF, Q4_K", gguf(fingerprint.Q4_K)},
	}
}

// benchCheck fingerprints models with all kinds, beside SHA-256 of the same files,
// a core each: the slower of reading and hashing them.
func benchCheck(ctx context.Context, b *bench) error {
	for i, m := range checkModels() {
		dir := filepath.Join(b.work, fmt.Sprint("model-", i))
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		if err := m.write(dir, b.scale(checkShard)); err != nil {
			return err
		}
		fsys := os.DirFS(dir)
		s, peer := sample{unit: gigabytes}, sample{unit: gigabytes}
		for range b.scale(checkRuns) {
			if err := ctx.Err(); err != nil {
				return err
			}
			began := time.Now()
			m, err := fingerprint.Scan(fsys, fingerprint.Options{})
			if err != nil {
				return err
			}
			s.all = append(s.all, float64(m.Bytes)/1e9/time.Since(began).Seconds())
			began = time.Now()
			if err := sums(fsys); err != nil {
				return err
			}
			peer.all = append(peer.all, float64(m.Bytes)/1e9/time.Since(began).Seconds())
		}
		b.add("fingerprints, all kinds: "+m.name, s, &Target{Ratio: new(0.5)}, peer.peer("reading and SHA-256 of the same files, a core each"), "from the page cache, all cores")
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

// weights are random finite values of two bytes or four: no exponent is all ones.
func weights(bytes int) []byte {
	r := rand.New(rand.NewPCG(1, 1))
	data := make([]byte, bytes)
	for i := 0; i+8 <= len(data); i += 8 {
		binary.LittleEndian.PutUint64(data[i:], r.Uint64()&0x3fff_3fff_3fff_3fff)
	}
	return data
}

// writeShards writes shards of one tensor each.
func writeShards(dir string, d fingerprint.Dtype, shards, bytes int) error {
	data := weights(bytes)
	var tensors []fingerprint.Source
	columns := len(data) / d.Size() / 1024
	data = data[:columns*1024*d.Size()]
	for i := range shards {
		tensors = append(tensors, fingerprint.Bytes(fmt.Sprint("w", i), d, []uint64{1024, uint64(columns)}, data))
	}
	create := func(name string) (io.WriteCloser, error) { return os.Create(filepath.Join(dir, name)) }
	return fingerprint.WriteSharded(create, uint64(len(data)), nil, tensors)
}

// writeGGUF writes one file of equal tensors of 4,096 columns, about as many bytes in
// all.
func writeGGUF(dir string, d fingerprint.Dtype, bytes int) (err error) {
	const columns, rows = 4096, 1024
	values := make([]float32, columns*rows)
	r := rand.New(rand.NewPCG(2, 2))
	for i := range values {
		values[i] = float32(r.NormFloat64())
	}
	data, err := fingerprint.Quantise(nil, d, values)
	if err != nil {
		return err
	}
	var tensors []fingerprint.Source
	for i := range max(1, bytes/len(data)) {
		tensors = append(tensors, fingerprint.Bytes(fmt.Sprintf("blk.%d.ffn_up.weight", i), d, []uint64{rows, columns}, data))
	}
	f, err := os.Create(filepath.Join(dir, "model.gguf"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return fingerprint.WriteGGUF(f, nil, tensors)
}

func sums(fsys fs.FS) error {
	names, err := fs.Glob(fsys, "*")
	if err != nil {
		return err
	}
	errs := make([]error, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() {
			f, err := fsys.Open(name)
			if err != nil {
				errs[i] = err
				return
			}
			defer f.Close()
			_, errs[i] = io.CopyBuffer(sha256.New(), struct{ io.Reader }{f}, make([]byte, checkBlock))
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
