package spread

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// ErrLink is the family of links that cannot be built.
var ErrLink = errors.New("bad link")

// Link is one direction between two regions.
type Link struct {
	Delay  time.Duration // one way, the least
	Jitter time.Duration // uniform in [0, Jitter], on top of Delay
	Loss   float64       // probability in [0, 1) that a packet is lost, each alone
	Queue  int           // packets under way at most; more are dropped
}

// Validate says what is wrong with l, as ErrLink.
func (l Link) Validate() error {
	switch {
	case l.Delay < 0 || l.Delay > maxDelay:
		return fmt.Errorf("%w: delay %v", ErrLink, l.Delay)
	case l.Jitter < 0 || l.Jitter > maxDelay:
		return fmt.Errorf("%w: jitter %v", ErrLink, l.Jitter)
	case !(l.Loss >= 0 && l.Loss < 1): // also refuses a NaN
		return fmt.Errorf("%w: loss %v", ErrLink, l.Loss)
	case l.Queue < 1 || l.Queue > maxQueue:
		return fmt.Errorf("%w: queue of %d", ErrLink, l.Queue)
	}
	return nil
}

// schedule decides the fate of a link's packets, one after the other.
type schedule struct {
	link Link
	rng  *rand.Rand
	last time.Time
}

func newSchedule(link Link, seed, stream uint64) *schedule {
	return &schedule{link: link, rng: rand.New(rand.NewPCG(seed, stream))}
}

// next says when a packet sent at now is due, or that it is lost. Two values are
// drawn for each packet whatever becomes of it, so that the fate of the n-th
// depends on the seed and n only (SP3).
func (s *schedule) next(now time.Time) (due time.Time, lost bool) {
	lost = s.rng.Float64() < s.link.Loss
	jitter := time.Duration(s.rng.Int64N(int64(s.link.Jitter) + 1))
	if lost {
		return time.Time{}, true
	}
	due = now.Add(s.link.Delay + jitter)
	if due.Before(s.last) {
		due = s.last // SP2: none overtakes
	}
	s.last = due
	return due, false
}
