package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// longestSlice is the time over which a rate is counted, and fewestSlices how
	// many there are at least: a short load has shorter ones.
	longestSlice = 500 * time.Millisecond
	fewestSlices = 10
)

// A connection speaks HTTP/1.1 over one kept connection, with as little work as
// that takes: the generator shares the machine with what it loads.
type connection struct {
	c    net.Conn
	r    *bufio.Reader
	head []byte // of a request, up to the value of Content-Length
}

func dial(ctx context.Context, target string) (*connection, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, err
	}
	head := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: ", u.RequestURI(), u.Host)
	return &connection{c: c, r: bufio.NewReader(c), head: head}, nil
}

// post sends a body and reads the answer.
func (c *connection) post(body []byte) (status int, answer []byte, err error) {
	raw := append(fmt.Appendf(c.head[:len(c.head):len(c.head)], "%d\r\n\r\n", len(body)), body...)
	if _, err := c.c.Write(raw); err != nil {
		return 0, nil, err
	}
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(res.Body)
	return res.StatusCode, answer, err
}

// result is what a load came to.
type result struct {
	done   []time.Duration // since the start, of each answered request
	took   []time.Duration
	lasted time.Duration
}

// rates counts answers over equal slices; a last part of a slice is left out.
func (r result) rates() sample {
	slice := min(longestSlice, r.lasted/fewestSlices)
	s := sample{unit: perSecond, all: make([]float64, int(r.lasted/slice))}
	for _, at := range r.done {
		if i := int(at / slice); i < len(s.all) {
			s.all[i]++
		}
	}
	for i := range s.all {
		s.all[i] /= slice.Seconds()
	}
	return s
}

// closed drives target with one connection for each list of bodies, the next
// request of each when its last one was answered. It ends at the time's end or as
// soon as one connection has nothing left to send, or, with all, when everything
// was sent. Only the given statuses are good.
func closed(ctx context.Context, target string, bodies [][][]byte, lasting time.Duration, all bool, good ...int) (result, error) {
	var conns []*connection
	defer func() {
		for _, c := range conns {
			_ = c.c.Close()
		}
	}()
	for range bodies {
		c, err := dial(ctx, target)
		if err != nil {
			return result{}, err
		}
		conns = append(conns, c)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	var out result
	var failed error
	var end atomic.Int64 // of the load, since its start
	end.Store(int64(lasting))
	began := time.Now()
	for i, mine := range bodies {
		wg.Go(func() {
			var done, took []time.Duration
			err := func() error {
				for _, body := range mine {
					sent := time.Since(began)
					if ctx.Err() != nil || !all && int64(sent) >= end.Load() {
						return ctx.Err()
					}
					status, answer, err := conns[i].post(body)
					if err != nil {
						return err
					}
					ok := false
					for _, g := range good {
						ok = ok || status == g
					}
					if !ok {
						return fmt.Errorf("%s answered %d: %.300s", target, status, answer)
					}
					at := time.Since(began)
					done, took = append(done, at), append(took, at-sent)
				}
				for now := int64(time.Since(began)); !all; {
					if was := end.Load(); was <= now || end.CompareAndSwap(was, now) {
						break
					}
				}
				return nil
			}()
			mu.Lock()
			defer mu.Unlock()
			out.done, out.took = append(out.done, done...), append(out.took, took...)
			if failed == nil {
				failed = err
			}
		})
	}
	wg.Wait()
	out.lasted = time.Duration(end.Load())
	if all {
		out.lasted = time.Since(began)
	}
	return out, failed
}
