package fingerprint

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// benchModel writes shards of random weights and returns their folder.
func benchModel(b *testing.B, d Dtype, shards, megabytes int) string {
	b.Helper()
	dir := b.TempDir()
	r := rand.New(rand.NewPCG(1, 1))
	data := make([]byte, megabytes<<20)
	for i := 0; i < len(data); i += 8 {
		binary.LittleEndian.PutUint64(data[i:], r.Uint64()&0x3fff_3fff_3fff_3fff) // finite in every format
	}
	var tensors []Source
	for i := range shards {
		tensors = append(tensors, Bytes(fmt.Sprint("w", i), d, []uint64{1024, uint64(len(data) / d.Size() / 1024)}, data))
	}
	create := func(name string) (io.WriteCloser, error) { return os.Create(filepath.Join(dir, name)) }
	if err := WriteSharded(create, uint64(len(data)), nil, tensors); err != nil {
		b.Fatal(err)
	}
	return dir
}

// BenchmarkScan is a whole scan beside SHA-256 of the same files on as many
// cores: what anyone who checks a download pays anyway.
func BenchmarkScan(b *testing.B) {
	for _, d := range []Dtype{BF16, F32} {
		dir := benchModel(b, d, 4, 64)
		fsys := os.DirFS(dir)
		m, err := Scan(fsys, Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("%v/scan", d), func(b *testing.B) {
			b.SetBytes(int64(m.Bytes))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Scan(fsys, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("%v/sha256", d), func(b *testing.B) {
			b.SetBytes(int64(m.Bytes))
			for b.Loop() {
				names, err := fs.Glob(fsys, "*")
				if err != nil {
					b.Fatal(err)
				}
				var wg sync.WaitGroup
				for _, name := range names {
					wg.Go(func() {
						f, err := fsys.Open(name)
						if err != nil {
							b.Error(err)
							return
						}
						defer f.Close()
						if _, err := io.CopyBuffer(sha256.New(), struct{ io.Reader }{f}, make([]byte, fileBlock)); err != nil {
							b.Error(err)
						}
					})
				}
				wg.Wait()
			}
		})
	}
}

// BenchmarkLeaf is the tensor's own pass alone, on one core, by container.
func BenchmarkLeaf(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	single := func() uint64 { return uint64(math.Float32bits(float32(r.NormFloat64()))) }
	for name, c := range map[string]struct {
		d   Dtype
		one func() uint64
	}{
		"BF16":         {BF16, func() uint64 { return single() >> 16 }},
		"F32":          {F32, single},
		"F32 of BF16":  {F32, func() uint64 { return single() &^ 0xffff }},
		"F16":          {F16, func() uint64 { return r.Uint64() & 0x3fff }},
		"F64":          {F64, func() uint64 { return math.Float64bits(r.NormFloat64()) }},
		"F8_E4M3":      {F8E4M3, func() uint64 { return r.Uint64() & 0x7e }},
		"I8":           {I8, r.Uint64},
		"F32 of F16":   {F32, func() uint64 { return uint64(math.Float32bits(float32(formatF16.decode(r.Uint64() & 0x3fff)))) }},
		"sha256 alone": {U8, r.Uint64},
	} {
		b.Run(name, func(b *testing.B) {
			var src []byte
			for range leafElements {
				src = append(src, binary.LittleEndian.AppendUint64(nil, c.one())[:c.d.Size()]...)
			}
			shape := []uint64{leafElements}
			h := newLeafHasher()
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				if name == "sha256 alone" {
					sha256.Sum256(src)
					continue
				}
				newTensor(Entry{Dtype: c.d, Shape: shape, End: uint64(len(src))}, 0, 0).hashLeaf(0, src, h)
			}
		})
	}
}
