package tesseralog_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/tesseralog"
	"github.com/haltlog/haltlog/internal/tesseralog/logtest"
)

// A rig is a log's keys and its three witnesses.
type rig struct {
	keys   logtest.Keys
	peers  []*peer
	quorum atomic.Pointer[checkpoint.Quorum] // the publisher reads it as it changes
	cfg    tesseralog.Config
	deps   tesseralog.Deps
}

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{keys: logtest.NewKeys(t, "log.example/test")}
	var urls []string
	for _, s := range r.keys.Witnesses {
		p := newPeer(t, r.keys, s)
		r.peers = append(r.peers, p)
		urls = append(urls, p.url)
	}
	r.quorum.Store(r.keys.Quorum(t, urls...))
	r.cfg = tesseralog.Config{
		Dir: t.TempDir(), Origin: r.keys.Origin, Signers: r.keys.Log, Skew: 2 * time.Second,
		Quorum: func() *checkpoint.Quorum { return r.quorum.Load() },
	}
	r.deps = tesseralog.Deps{Logger: slog.New(slog.DiscardHandler)}
	return r
}

func (r *rig) open(t testing.TB) *tesseralog.Log {
	t.Helper()
	l, err := tesseralog.New(r.cfg, r.deps)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeLog(t, l) })
	return l
}

func closeLog(t testing.TB, l *tesseralog.Log) {
	t.Helper()
	if err := l.Close(context.Background()); err != nil {
		t.Errorf("close: %v", err)
	}
}

func patient(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// fill appends n entries: their order is their numbers' only where few are
// appended, one after the other.
func fill(t testing.TB, l *tesseralog.Log, n int) {
	t.Helper()
	ctx := patient(t)
	if n < 100 {
		for range n {
			if _, err := l.Append(ctx, fmt.Appendf(nil, "entry %d", l.Size())); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if _, err := l.Append(ctx, fmt.Appendf(nil, "entry %d", i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestConformance(t *testing.T) {
	logtest.Run(t, func(t *testing.T) (logtest.Log, *checkpoint.Quorum) {
		r := newRig(t)
		l, err := tesseralog.New(r.cfg, r.deps)
		if err != nil {
			t.Fatal(err)
		}
		return l, r.quorum.Load()
	})
}

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		child()
		return
	}
	tesseralog.RouteLogs(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}
