package httpapi

import (
	"fmt"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// TestStreamsAreNotExhausted: a stranger who opens every stream there is keeps
// no guard from hearing of its halt.
func TestStreamsAreNotExhausted(t *testing.T) {
	t.Attr("invariant", "G3")
	h := NewHub()
	guard := h.listen("run")
	for i := range 3 * maxStreams {
		l := h.listen(fmt.Sprintf("flood-%d", i%7))
		if i%2 == 0 {
			h.leave(fmt.Sprintf("flood-%d", i%7), l)
		}
	}
	if h.open > maxStreams {
		t.Errorf("%d streams are open", h.open)
	}
	late := h.listen("run")
	h.Halt("run", []byte("halt"))
	for i, l := range []*listener{guard, late} {
		select {
		case p, open := <-l.events:
			if !open || string(p.data) != "halt" {
				t.Errorf("guard %d was cut", i)
			}
		default:
			t.Errorf("guard %d heard nothing", i)
		}
	}
	h.leave("run", guard)
	h.leave("run", late)
	h.leave("run", late) // again, as after a cut
	n := 0
	for _, ls := range h.listeners {
		n += len(ls)
	}
	if n != h.open {
		t.Errorf("%d streams counted, %d held", h.open, n)
	}
}

// TestNoConnectionIsHeldForNothing: a body that does not come, and a connection
// without a request, end.
func TestNoConnectionIsHeldForNothing(t *testing.T) {
	t.Attr("invariant", "L5")
	for name, sent := range map[string]string{
		"body": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n1",
		"idle": "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"none": "",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
				s := HTTPServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, _ = body(w, r, maxEvaluate)
				}))
				done := make(chan struct{})
				go func() { _ = s.Serve(l); close(done) }()
				client, server := net.Pipe()
				l.conns <- server
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					buf := make([]byte, 1024)
					for {
						if _, err := client.Read(buf); err != nil {
							return
						}
					}
				}()
				if _, err := client.Write([]byte(sent)); err != nil {
					t.Fatal(err)
				}
				select {
				case <-ended:
				case <-time.After(time.Hour):
					t.Error("held for an hour")
				}
				_ = client.Close()
				_ = s.Close()
				<-done
			})
		})
	}
}

// pipes is a listener within a synctest bubble.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error { close(p.closed); return nil }

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{} }
