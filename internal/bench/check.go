package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
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

// benchCheck fingerprints a model, beside SHA-256 of the same files, a core each.
func benchCheck(ctx context.Context, b *bench) error {
	for _, d := range []fingerprint.Dtype{fingerprint.BF16, fingerprint.F32} {
		dir := filepath.Join(b.work, fmt.Sprintf("model-%v", d))
		if err := writeModel(dir, d, checkShards, b.scale(checkShard)); err != nil {
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
		b.add(fmt.Sprintf("check: fingerprints of %v files", d), s, nil, peer.peer("SHA-256 of the same files, a core each"), "from the page cache, all cores")
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

// writeModel writes shards of random finite weights.
func writeModel(dir string, d fingerprint.Dtype, shards, bytes int) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(1, 1))
	data := make([]byte, bytes)
	for i := 0; i+8 <= len(data); i += 8 {
		binary.LittleEndian.PutUint64(data[i:], r.Uint64()&0x3fff_3fff_3fff_3fff)
	}
	var tensors []fingerprint.Source
	columns := len(data) / d.Size() / 1024
	data = data[:columns*1024*d.Size()]
	for i := range shards {
		tensors = append(tensors, fingerprint.Bytes(fmt.Sprint("w", i), d, []uint64{1024, uint64(columns)}, data))
	}
	create := func(name string) (io.WriteCloser, error) { return os.Create(filepath.Join(dir, name)) }
	return fingerprint.WriteSharded(create, uint64(len(data)), nil, tensors)
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
