package tesseralog

import (
	"context"
	"math"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
)

// Published is the last published note and what its quorum says; nil and the
// zero value before the first. After a start the value stays zero while the
// quorum is not known, or if the note was published under another quorum.
func (l *Log) Published() (note []byte, v checkpoint.Verified) {
	p := l.pub.current()
	return p.note, p.verified
}

// WaitPublished returns when a checkpoint of at least that size is published,
// and the largest one then.
func (l *Log) WaitPublished(ctx context.Context, size uint64) (checkpoint.Verified, error) {
	for {
		l.pub.mu.Lock()
		changed := l.pub.changed
		l.pub.mu.Unlock()
		if p := l.pub.current(); p.verified.Raw != nil && p.cp.Size >= size {
			return p.verified, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return checkpoint.Verified{}, ctx.Err()
		case <-l.quiet:
			return checkpoint.Verified{}, ErrClosed
		}
	}
}

// QuorumChanged tells a publisher that waits to ask for the quorum again at once.
func (l *Log) QuorumChanged() { signal(l.pub.news) }

// Renew has the witnesses asked once more although the log has not grown: what
// waits for a later witnessed time need not wait for Config.Refresh.
func (l *Log) Renew() { l.pub.again() }

// A Lag is how far publication is behind (L7).
type Lag struct {
	// Entries are integrated and not covered by the published checkpoint.
	Entries uint64
	// Behind is for how long there have been such entries without any
	// checkpoint being published; 0 if there are none.
	Behind time.Duration
	// Age is how old the published checkpoint is: since its smallest counted
	// cosignature, or since its publication if the quorum counts none. It is
	// the largest duration while there is none, so that unknown is never
	// fresh.
	Age time.Duration
}

// Lag is the present lag.
func (l *Log) Lag() Lag {
	p := l.pub.current()
	now := l.deps.Now()
	// After the published size, which never exceeds it.
	lag := Lag{Entries: l.Size() - p.cp.Size, Age: math.MaxInt64}
	l.pub.mu.Lock()
	defer l.pub.mu.Unlock()
	if lag.Entries > 0 && !l.pub.behind.IsZero() {
		lag.Behind = max(0, now.Sub(l.pub.behind))
	}
	switch {
	case p.verified.Raw == nil:
	case len(p.verified.Cosigned) > 0:
		lag.Age = max(0, now.Sub(time.Unix(int64(p.verified.MinTime), 0)))
	case !l.pub.at.IsZero():
		lag.Age = max(0, now.Sub(l.pub.at))
	}
	return lag
}
