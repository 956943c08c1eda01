package httpapi

import (
	"context"
	"errors"
	"testing"

	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/follow"
	"github.com/haltlog/haltlog/log"
)

// TestSlowReaderIsCut: one that falls behind never holds up the others, or the fold.
func TestSlowReaderIsCut(t *testing.T) {
	h := NewHub()
	slow := h.listen("r")
	other := h.listen("q")
	for range streamBuffer + 10 {
		h.Halt("r", []byte("halt"))
	}
	n := 0
	for range slow.events {
		n++
	}
	if n != streamBuffer {
		t.Errorf("%d events before the cut, want %d", n, streamBuffer)
	}
	if len(other.events) != 0 {
		t.Error("a run heard of another")
	}
	h.leave("r", slow)
	h.Halt("r", []byte("halt")) // nobody is there
	h.leave("q", other)
	if h.open != 0 || len(h.listeners) != 0 {
		t.Errorf("%d streams are left", h.open)
	}
}

// TestDecisionsLookBack finds the decision that covers an entry, waits for it,
// and says when it is too long ago.
func TestDecisionsLookBack(t *testing.T) {
	d := NewDecisions()
	hear := func(index, from, to uint64) {
		d.Hear(follow.Entry{Step: fold.Step{
			Judged: log.Judged{Index: index}, Decision: &fold.Replayed{Decision: &log.Decision{From: from, To: to}},
		}})
	}
	ctx, cancel := context.WithCancel(t.Context())
	found := make(chan Decided, 1)
	go func() {
		if k, err := d.Covering(ctx, 5); err == nil {
			found <- k
		}
	}()
	hear(4, 0, 4)
	hear(8, 4, 8)
	if k := <-found; k.Index != 8 {
		t.Errorf("entry 5 is covered by decision %d, want 8", k.Index)
	}
	cancel()
	if _, err := d.Covering(ctx, 9); !errors.Is(err, context.Canceled) {
		t.Errorf("nothing covers entry 9: %v", err)
	}
	for i := range uint64(keptDecisions) {
		hear(10+i, 8+i, 9+i)
	}
	if _, err := d.Covering(t.Context(), 1); !errors.Is(err, ErrNotFound) {
		t.Errorf("long ago: %v", err)
	}
}
