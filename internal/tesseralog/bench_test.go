package tesseralog

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
)

// BenchmarkTessera is the peer of BenchmarkAppend: Tessera's own appender over
// its POSIX driver with its own batching of the same size, under as many
// appenders, nothing else in between.
func BenchmarkTessera(b *testing.B) {
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	d, err := posix.New(ctx, posix.Config{Path: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	s, err := newInnerSigner()
	if err != nil {
		b.Fatal(err)
	}
	a, _, _, err := tessera.NewAppender(ctx, d, tessera.NewAppendOptions().
		WithCheckpointSigner(s).WithCheckpointRepublishInterval(0).WithBatching(defaultBatchSize, defaultBatchAge))
	if err != nil {
		b.Fatal(err)
	}
	b.SetParallelism(128)
	b.RunParallel(func(pb *testing.PB) {
		leaf := bytes.Repeat([]byte("x"), 1000)
		for i := 0; pb.Next(); i++ {
			if _, err := a.Add(ctx, tessera.NewEntry(fmt.Appendf(leaf[:900], "%p %d", pb, i)))(); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
