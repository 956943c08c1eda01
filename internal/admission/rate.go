package admission

import (
	"maps"
	"sync"
	"time"
)

// rates holds the bound of each verified key in one lane: the generic cell
// rate algorithm, which needs one time for each.
type rates struct {
	interval time.Duration // between statements at the sustained rate
	room     time.Duration // how far ahead of it a burst may run

	mu   sync.Mutex
	next map[string]time.Time // when a key has all its room back
}

func newRates(perSecond float64, burst int) *rates {
	interval := time.Duration(float64(time.Second) / perSecond)
	return &rates{interval: interval, room: interval * time.Duration(burst-1), next: map[string]time.Time{}}
}

// take charges a key for one statement at a time, and returns 0, or how long it
// has to wait.
func (r *rates) take(key string, now time.Time) (wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, ok := r.next[key]
	if !ok && len(r.next) >= maxKeys {
		maps.DeleteFunc(r.next, func(_ string, at time.Time) bool { return !at.After(now) })
	}
	if at.Before(now) {
		at = now
	}
	if ahead := at.Sub(now); ahead > r.room {
		return ahead - r.room
	}
	r.next[key] = at.Add(r.interval)
	return 0
}

// window bounds how many may pass within a period.
type window struct {
	mu   sync.Mutex
	last [anchorsPerPeriod]time.Time // oldest first
}

// take takes a place at a time, and returns 0 and a way to give the place
// back, or how long it takes until there is one.
func (w *window) take(now time.Time, period time.Duration) (wait time.Duration, back func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if free := w.last[0].Add(period); !w.last[0].IsZero() && free.After(now) {
		return free.Sub(now), nil
	}
	was := w.last
	copy(w.last[:], w.last[1:])
	w.last[len(w.last)-1] = now
	mine := w.last
	return 0, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.last == mine {
			w.last = was
		}
	}
}
