package witnesshttp_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/boltstore"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/witnesshttp"
	"github.com/haltlog/haltlog/witness"
	"github.com/haltlog/haltlog/witness/logtest"
)

// BenchmarkAddCheckpoint is add-checkpoint end to end: over TCP with kept
// connections, verified, synced to the disk by bbolt, cosigned. Each log sends
// its next checkpoint when the last one was answered, as logs must; the
// requests are made beforehand. Metrics: requests per second over all logs,
// p50 and p99 in milliseconds. The store is in b.TempDir, so TMPDIR chooses the
// disk.
func BenchmarkAddCheckpoint(b *testing.B) {
	for _, logs := range []int{1, 20} {
		for _, keys := range []string{"ed25519", "both"} {
			b.Run(fmt.Sprintf("logs=%d/keys=%s", logs, keys), func(b *testing.B) { benchAdd(b, logs, keys == "both") })
		}
	}
}

// benchRequests is how many requests one run sends over all logs.
const benchRequests = 2000

func benchAdd(b *testing.B, logs int, both bool) {
	ed, _ := logtest.Key(b, checkpoint.TypeEd25519Cosignature, "w.example", 100)
	pq, _ := logtest.Key(b, checkpoint.TypeMLDSA44Cosignature, "w.example", 101)
	cfg := witness.Config{Signers: []checkpoint.Signer{ed}}
	if both {
		cfg.Signers = append(cfg.Signers, pq)
	}
	requests := make([][][]byte, logs)
	for i := range logs {
		l := logtest.New(b, fmt.Sprintf("log%d.example", i), byte(i+1))
		cfg.Logs = append(cfg.Logs, l.Config())
		// A tree that grows by 16 leaves at a time, from 0.
		for n := range benchRequests / logs {
			requests[i] = append(requests[i], l.Request(b, 16*n, 16*(n+1)))
		}
	}
	var took []time.Duration
	var spent time.Duration
	for b.Loop() {
		b.StopTimer()
		store, err := boltstore.Open(filepath.Join(b.TempDir(), "w.db"))
		if err != nil {
			b.Fatal(err)
		}
		w, err := witness.New(cfg, witness.Deps{Store: store, Clock: func() uint64 { return uint64(time.Now().Unix()) }})
		if err != nil {
			b.Fatal(err)
		}
		h, err := witnesshttp.New(witnesshttp.Config{}, witnesshttp.Deps{Witness: w, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			b.Fatal(err)
		}
		s := httptest.NewUnstartedServer(nil)
		s.Config = h.Server()
		s.Start()
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: logs}}
		var mu sync.Mutex
		var wg sync.WaitGroup
		b.StartTimer()
		start := time.Now()
		for _, rs := range requests {
			wg.Go(func() {
				mine := make([]time.Duration, 0, len(rs))
				for _, r := range rs {
					t := time.Now()
					resp, err := client.Post(s.URL+"/add-checkpoint", "", bytes.NewReader(r))
					if err != nil {
						b.Error(err)
						return
					}
					_, err = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					if err != nil || resp.StatusCode != http.StatusOK {
						b.Errorf("status %d, %v", resp.StatusCode, err)
						return
					}
					mine = append(mine, time.Since(t))
				}
				mu.Lock()
				defer mu.Unlock()
				took = append(took, mine...)
			})
		}
		wg.Wait()
		spent += time.Since(start)
		b.StopTimer()
		client.CloseIdleConnections()
		s.Close()
		if err := store.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	slices.Sort(took)
	at := func(q float64) float64 { return took[int(q*float64(len(took)-1))].Seconds() * 1e3 }
	b.ReportMetric(float64(len(took))/spent.Seconds(), "requests/s")
	b.ReportMetric(at(0.50), "p50-ms")
	b.ReportMetric(at(0.99), "p99-ms")
}
