package guard

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// BenchmarkVoteToDead is the guard's share of a stop: a verified vote handed in until death is observed, with the halt
// written to disk in between. The start of the next run is not counted.
func BenchmarkVoteToDead(b *testing.B) {
	for _, mode := range bothModes {
		b.Run(string(mode), func(b *testing.B) {
			var took []time.Duration
			exe := openCopy(b)
			for b.Loop() {
				b.StopTimer()
				c := Config{
					Origin: "log.example/bench", Run: "run", GuardKey: "guard", Engines: []string{"e1"}, Quorum: 1,
					MaxDuration: time.Minute, MaxAge: time.Minute, Skew: 2 * time.Second, Renew: 10 * time.Second,
					Heartbeat: 10 * time.Second, RequestTimeout: time.Second, Mode: mode,
					StateDir: filepath.Join(b.TempDir(), "state"), Command: []string{exe, "3600"}, arg0: "child-nap",
				}
				w := newWorld(time.Minute)
				d := w.deps()
				d.Logger = slog.New(slog.DiscardHandler)
				started := make(chan struct{})
				d.Started = func(Running) { close(started) }
				g, err := New(c, d)
				if err != nil {
					b.Fatal(err)
				}
				var out Outcome
				done := make(chan error)
				go func() {
					var err error
					out, err = g.Run(context.Background())
					done <- err
				}()
				<-started
				from := w.clock.Boot()
				b.StartTimer()
				if err := g.Notify(b.Context(), Notice{NoticeVote, []byte("vote")}); err != nil {
					b.Fatal(err)
				}
				if err := <-done; err != nil || !out.Evidence.Confirmed() {
					b.Fatal(out, err)
				}
				took = append(took, out.Evidence.Observed.Boot-from)
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}
