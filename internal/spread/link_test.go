package spread

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"
)

func TestScheduleKeepsItsBounds(t *testing.T) {
	t.Attr("invariant", "SP1")
	t.Attr("invariant", "SP3")
	link := Link{Delay: 40 * time.Millisecond, Jitter: 10 * time.Millisecond, Loss: 0.02, Queue: 1}
	s, again := newSchedule(link, 7, 3), newSchedule(link, 7, 3)
	const n = 100_000
	start := time.Unix(0, 0)
	lost := 0
	var sum time.Duration
	for i := range n {
		// Further apart than the jitter, so that none waits for the one before it.
		now := start.Add(time.Duration(i) * 20 * time.Millisecond)
		due, gone := s.next(now)
		if d, g := again.next(now); d != due || g != gone {
			t.Fatalf("packet %d: another fate from the same seed", i)
		}
		if gone {
			lost++
			continue
		}
		took := due.Sub(now)
		if took < link.Delay || took > link.Delay+link.Jitter {
			t.Fatalf("packet %d takes %v", i, took)
		}
		sum += took
	}
	// Five standard deviations: the seed is fixed, so this is no gamble.
	if sigma := math.Sqrt(n * link.Loss * (1 - link.Loss)); math.Abs(float64(lost)-n*link.Loss) > 5*sigma {
		t.Errorf("%d of %d lost, want %v ± %.0f", lost, n, n*link.Loss, 5*sigma)
	}
	mean, want := sum/time.Duration(n-lost), link.Delay+link.Jitter/2
	if (mean - want).Abs() > 100*time.Microsecond {
		t.Errorf("mean delay %v, want %v", mean, want)
	}
}

func TestPipeKeepsOrderAndBytes(t *testing.T) {
	t.Attr("invariant", "SP2")
	synctest.Test(t, func(t *testing.T) {
		link := Link{Delay: 30 * time.Millisecond, Jitter: 20 * time.Millisecond, Loss: 0.1, Queue: 8192}
		var got [][]byte
		p := newPipe(link, 1, 2, func(b []byte) error { got = append(got, b); return nil })
		ctx, cancel := context.WithCancel(t.Context())
		go p.run(ctx)
		buffer := make([]byte, 64) // one buffer for all: the pipe must copy
		const n = 5000
		for i := range n {
			binary.BigEndian.PutUint64(buffer, uint64(i))
			copy(buffer[8:], bytes.Repeat([]byte{byte(i)}, 56))
			p.send(buffer)
			time.Sleep(time.Microsecond) // of the bubble's clock
		}
		time.Sleep(time.Second)
		synctest.Wait()
		cancel()
		synctest.Wait()
		last := -1
		for _, b := range got {
			i := int(binary.BigEndian.Uint64(b))
			if i <= last || !bytes.Equal(b[8:], bytes.Repeat([]byte{byte(i)}, 56)) {
				t.Fatalf("packet %d after %d, or altered", i, last)
			}
			last = i
		}
		c := p.counts()
		if c.Sent != n || c.Dropped != 0 || c.Lost == 0 || c.Lost+c.Delivered != n || int(c.Delivered) != len(got) {
			t.Errorf("counts %+v, %d arrived", c, len(got))
		}
	})
}

func TestPipeDropsWhenFull(t *testing.T) {
	t.Attr("invariant", "SP3")
	p := newPipe(Link{Queue: 3}, 1, 1, func([]byte) error { return nil })
	for range 10 {
		p.send([]byte{1})
	}
	if c := p.counts(); c.Dropped != 7 || c.Lost != 0 {
		t.Errorf("counts %+v", c)
	}
}

func TestLinkRefuses(t *testing.T) {
	for _, link := range []Link{
		{},
		{Queue: maxQueue + 1},
		{Queue: 1, Delay: -1},
		{Queue: 1, Delay: maxDelay + 1},
		{Queue: 1, Jitter: -1},
		{Queue: 1, Loss: 1},
		{Queue: 1, Loss: math.NaN()},
	} {
		if err := link.Validate(); !errors.Is(err, ErrLink) {
			t.Errorf("%+v: %v", link, err)
		}
	}
}
