package listsync

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestGather: every object is fetched once, several at a time; an error ends it, and is
// what comes out.
func TestGather(t *testing.T) {
	t.Attr("invariant", "LS2")
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		fetched, busy, most := map[[32]byte]int{}, 0, 0
		fetch := func(_ context.Context, h [32]byte) error {
			mu.Lock()
			fetched[h]++
			busy++
			most = max(most, busy)
			mu.Unlock()
			time.Sleep(time.Second) // of the bubble's clock
			mu.Lock()
			busy--
			mu.Unlock()
			return nil
		}
		var hashes [][32]byte
		for i := range 100 {
			hashes = append(hashes, [32]byte{byte(i % 50)})
		}
		if err := Gather(t.Context(), hashes, fetch); err != nil {
			t.Fatal(err)
		}
		for h, n := range fetched {
			if n != 1 {
				t.Errorf("%x was fetched %d times", h[:1], n)
			}
		}
		if len(fetched) != 50 || most != atOnce {
			t.Errorf("%d objects, %d at once", len(fetched), most)
		}
		broken := errors.New("broken")
		begun := 0
		err := Gather(t.Context(), hashes, func(ctx context.Context, h [32]byte) error {
			mu.Lock()
			begun++
			mu.Unlock()
			if h[0] == 3 {
				return broken
			}
			<-ctx.Done() // who is under way is told
			return context.Cause(ctx)
		})
		if !errors.Is(err, broken) || begun > atOnce {
			t.Errorf("%v after %d", err, begun)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if err := Gather(gone, hashes, fetch); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		if err := Gather(t.Context(), nil, fetch); err != nil {
			t.Errorf("nothing: %v", err)
		}
	})
}
