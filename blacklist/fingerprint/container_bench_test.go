package fingerprint

import (
	"crypto/sha256"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// benchFile writes a model of one file and returns its folder and name.
func benchFile(b *testing.B, name string, d Dtype, write func(io.Writer, []Source) error) string {
	b.Helper()
	dir := b.TempDir()
	r := rand.New(rand.NewPCG(1, 1))
	elements, size := d.Block()
	rows := uint64(64<<20) / uint64(size) * uint64(elements) / 4096
	length, _ := d.length(rows * 4096)
	data := make([]byte, length)
	for i := 0; i+8 <= len(data); i += 8 {
		binary.LittleEndian.PutUint64(data[i:], r.Uint64())
	}
	if d.Quantised() {
		for i := 0; i < len(data); i += size {
			for _, h := range blockHalves(d) {
				data[i+h+1] &= 0xbf
			}
		}
	} else {
		for i := 1; i < len(data); i += 2 {
			data[i] &= 0xbf // finite
		}
	}
	var tensors []Source
	for _, n := range []string{"a", "b", "c", "d"} {
		tensors = append(tensors, Bytes(n, d, []uint64{rows, 4096}, data))
	}
	f, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		b.Fatal(err)
	}
	if err := write(f, tensors); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	return dir
}

// BenchmarkContainer is a scan of one file with all kinds, and in the same run
// reading it and its SHA-256, which nobody can spread over cores: the metric
// scan/slower is how many times as fast as the slower of the two the scan is.
func BenchmarkContainer(b *testing.B) {
	safe := func(w io.Writer, s []Source) error { return WriteFile(w, nil, s) }
	gguf := func(w io.Writer, s []Source) error { return WriteGGUF(w, nil, s) }
	for _, c := range []struct {
		name  string
		d     Dtype
		write func(io.Writer, []Source) error
	}{{"m.safetensors", BF16, safe}, {"m.safetensors", F32, safe}, {"m.gguf", F16, gguf}, {"m.gguf", Q8_0, gguf}, {"m.gguf", Q4_0, gguf}, {"m.gguf", Q4_K, gguf}, {"m.gguf", Q6_K, gguf}} {
		b.Run(c.name+"/"+c.d.String(), func(b *testing.B) {
			dir := benchFile(b, c.name, c.d, c.write)
			fsys := os.DirFS(dir)
			var size uint64
			var scan, read, hash time.Duration
			timed := func(total *time.Duration, f func() error) {
				start := time.Now()
				if err := f(); err != nil {
					b.Fatal(err)
				}
				*total += time.Since(start)
			}
			pass := func(w io.Writer) error {
				f, err := fsys.Open(c.name)
				if err != nil {
					return err
				}
				defer f.Close()
				_, err = io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{f}, make([]byte, fileBlock))
				return err
			}
			for b.Loop() {
				timed(&read, func() error { return pass(io.Discard) })
				timed(&hash, func() error { return pass(sha256.New()) })
				timed(&scan, func() error {
					m, err := Scan(fsys, Options{})
					size = m.Bytes
					return err
				})
			}
			rate := func(d time.Duration) float64 { return float64(size) * float64(b.N) / d.Seconds() / 1e9 }
			b.ReportMetric(rate(scan), "GB/s")
			b.ReportMetric(rate(read), "read-GB/s")
			b.ReportMetric(rate(hash), "sha256-GB/s")
			b.ReportMetric(max(read, hash).Seconds()/scan.Seconds(), "scan/slower")
			b.ReportMetric(0, "ns/op")
		})
	}
}
