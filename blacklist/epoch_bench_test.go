package blacklist

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"

	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

// mixed returns labels number from to to, mixed as a model's are: in a hundred 37
// tensors and 31 in the bands of each family. They are hashes and no elements:
// nothing below looks at the difference.
func mixed(from, to int) []Entry {
	out := []Entry{{fingerprint.Manifest, sha256.Sum256(fmt.Appendf(nil, "manifest %d", from))}}
	for i := from + 1; i < to; i++ {
		kind := fingerprint.Tensor
		switch r := i % 100; {
		case r >= 69:
			kind = fingerprint.BandP(i % fingerprint.Bands)
		case r >= 37:
			kind = fingerprint.Band(i % fingerprint.Bands)
		}
		out = append(out, Entry{kind, sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i)))})
	}
	return out
}

// BenchmarkEpoch is one epoch with 200 new labels, of three sizes of the list. The
// whole list is made before; the largest takes some minutes and 3 GB.
func BenchmarkEpoch(b *testing.B) {
	const more = 200
	for _, n := range []int{1e4, 1e6, 1e7} {
		b.Run(fmt.Sprintf("labels=%d", n), func(b *testing.B) {
			s := NewSet()
			index := uint64(10)
			made := 0
			add := func(k int) {
				mustList(b, s, listing(s, fmt.Sprint("run-", index), index, mixed(made, made+k)))
				made, index = made+k, index+10
			}
			for made < n {
				add(min(n-made, MaxArtefactLabels))
			}
			number := uint64(0)
			epoch := func() Epoch {
				number++
				e := s.EpochAt(number, s.From(), index)
				s.Commit(number, index, e)
				return e
			}
			epoch()
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			var e Epoch
			parts, deltas := 0, 0
			for b.Loop() {
				b.StopTimer()
				add(more)
				b.StartTimer()
				e = epoch()
				parts += len(e.Parts)
			}
			for _, p := range e.Parts {
				h, _ := p.Hash(CommitDeltaFull)
				d, ok := s.Object(h)
				if !ok {
					b.Fatal("no delta")
				}
				deltas += len(d)
			}
			b.ReportMetric(float64(m.HeapAlloc)/float64(n), "B/label")
			b.ReportMetric(float64(parts)/float64(b.N), "parts")
			b.ReportMetric(float64(deltas), "B-deltas")
		})
	}
}
