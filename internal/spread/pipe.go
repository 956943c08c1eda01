package spread

import (
	"context"
	"sync/atomic"
	"time"
)

// Counts are what became of the packets of one link.
type Counts struct {
	Sent, Lost, Dropped, Delivered uint64
}

type packet struct {
	due   time.Time
	bytes []byte
}

// pipe is a link at work. One goroutine sends, one delivers.
type pipe struct {
	schedule *schedule
	queue    chan packet
	deliver  func([]byte) error

	sent, lost, dropped, delivered atomic.Uint64
}

func newPipe(link Link, seed, stream uint64, deliver func([]byte) error) *pipe {
	return &pipe{schedule: newSchedule(link, seed, stream), queue: make(chan packet, link.Queue), deliver: deliver}
}

// send takes a copy of p into the link, unless it is lost or the queue is full.
// It never waits: a router does not either.
func (p *pipe) send(b []byte) {
	p.sent.Add(1)
	due, lost := p.schedule.next(time.Now())
	if lost {
		p.lost.Add(1)
		return
	}
	select {
	case p.queue <- packet{due, append([]byte(nil), b...)}:
	default:
		p.dropped.Add(1)
	}
}

// run delivers until ctx is done. A packet that the far device refuses counts as
// dropped: the device of a region that is going away refuses all.
func (p *pipe) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var next packet
		select {
		case <-ctx.Done():
			return
		case next = <-p.queue:
		}
		timer.Reset(time.Until(next.due))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if err := p.deliver(next.bytes); err != nil {
			p.dropped.Add(1)
			continue
		}
		p.delivered.Add(1)
	}
}

func (p *pipe) counts() Counts {
	return Counts{Sent: p.sent.Load(), Lost: p.lost.Load(), Dropped: p.dropped.Load(), Delivered: p.delivered.Load()}
}
