package log_test

import (
	"testing"

	"github.com/haltlog/haltlog/log"
)

// BenchmarkParse is what admission pays for a statement besides its signature.
func BenchmarkParse(b *testing.B) {
	all := samples(b)
	for _, k := range []log.Kind{log.KindCheckin, log.KindRun, log.KindGroup, log.KindDecision} {
		leaf := all[k].seal(b)
		b.Run(string(k), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := log.Parse(leaf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
