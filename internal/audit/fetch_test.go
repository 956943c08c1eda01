package audit

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
)

// busySource has no answer to every third request.
type busySource struct {
	memSource
	asked *atomic.Int64
	dead  bool
}

func (b busySource) busy() error {
	if n := b.asked.Add(1); b.dead || n%3 == 0 {
		return fmt.Errorf("read: %w", client.ErrUnavailable)
	}
	return nil
}

func (b busySource) Bundle(ctx context.Context, index uint64, width int) ([]byte, error) {
	if err := b.busy(); err != nil {
		return nil, err
	}
	return b.memSource.Bundle(ctx, index, width)
}

// A busy server is asked again, and entries come in order; one that is gone is
// given up.
func TestBundlesOfABusyServer(t *testing.T) {
	l, _ := world(t, foldtest.Options{}, nil)
	for l.Size() < 1500 {
		l.Leaves = append(l.Leaves, fmt.Appendf(nil, "entry %d", l.Size()))
	}
	s := serveLog(t, l)
	synctest.Test(t, func(t *testing.T) {
		for _, from := range []uint64{0, 1, 256, 300, 1499, 1500} {
			at := from
			for leaves, err := range bundles(t.Context(), busySource{memSource{s}, new(atomic.Int64), false}, from, l.Size()) {
				if err != nil {
					t.Fatal(err)
				}
				for _, leaf := range leaves {
					if string(leaf) != string(l.Leaves[at]) {
						t.Fatalf("from %d: entry %d is another", from, at)
					}
					at++
				}
			}
			if at != l.Size() {
				t.Errorf("from %d: ended at %d", from, at)
			}
		}
		began := time.Now()
		var last error
		for _, err := range bundles(t.Context(), busySource{memSource{s}, new(atomic.Int64), true}, 0, l.Size()) {
			last = err
		}
		if !errors.Is(last, client.ErrUnavailable) || time.Since(began) > time.Minute {
			t.Errorf("got %v after %v", last, time.Since(began))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		last = nil
		for _, err := range bundles(ctx, busySource{memSource{s}, new(atomic.Int64), true}, 0, l.Size()) {
			last = err
		}
		if !errors.Is(last, context.Canceled) {
			t.Errorf("got %v", last)
		}
		// Who stops early leaves nothing behind: the bubble would not end.
		for range bundles(t.Context(), memSource{s}, 0, l.Size()) {
			break
		}
	})
}
