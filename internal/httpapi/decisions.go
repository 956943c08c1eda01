package httpapi

import (
	"context"
	"fmt"
	"sync"

	"github.com/haltlog/haltlog/internal/follow"
	"github.com/haltlog/haltlog/log"
)

// Decided is one valid decision.
type Decided struct {
	Index    uint64
	From, To uint64
	Changed  []log.Verdict
}

// Decisions remembers the last decisions, so that a submission can wait for the
// one whose range holds it. Hear must be among the follower's sinks.
type Decisions struct {
	mu      sync.Mutex
	kept    []Decided // by index, at most keptDecisions
	changed chan struct{}
}

// NewDecisions remembers none yet.
func NewDecisions() *Decisions { return &Decisions{changed: make(chan struct{})} }

// Hear is the follow.Sink.
func (d *Decisions) Hear(e follow.Entry) {
	if e.Step.Decision == nil {
		return
	}
	st := e.Step.Decision.Decision
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.kept) == keptDecisions {
		d.kept = append(d.kept[:0], d.kept[1:]...)
	}
	d.kept = append(d.kept, Decided{Index: e.Step.Index, From: st.From, To: st.To, Changed: st.Changed})
	close(d.changed)
	d.changed = make(chan struct{})
}

// Covering waits for the first decision whose range holds an entry. It is an
// error if that was too long ago to be remembered: the log has it.
func (d *Decisions) Covering(ctx context.Context, index uint64) (Decided, error) {
	for {
		d.mu.Lock()
		changed := d.changed
		for _, k := range d.kept {
			if k.From <= index && index < k.To {
				d.mu.Unlock()
				return k, nil
			}
		}
		past := len(d.kept) == keptDecisions && d.kept[0].From > index
		d.mu.Unlock()
		if past {
			return Decided{}, fmt.Errorf("%w: entry %d was decided on long ago, read its decision from the log", ErrNotFound, index)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Decided{}, context.Cause(ctx)
		}
	}
}
