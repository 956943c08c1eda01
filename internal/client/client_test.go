package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/api"
)

func serve(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := New(Config{URL: s.URL + "/"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNewRefuses(t *testing.T) {
	for _, u := range []string{"", "localhost:1", "ftp://x", "http://", "http://x?q=1", "http://x#f", "http://[::1", "file:///etc/passwd"} {
		if _, err := New(Config{URL: u}); err == nil {
			t.Errorf("%q was taken", u)
		}
	}
}

func TestProblems(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", api.TypeProblem)
		w.Header().Set("Retry-After", "3")
		w.WriteHeader(http.StatusTooManyRequests)
		io.WriteString(w, `{"type":"https://haltlog.dev/problems/too-fast","title":"too fast","status":429,"detail":"wait"}`)
	})
	_, err := c.Submit(t.Context(), []byte("{}"))
	p, ok := errors.AsType[*ProblemError](err)
	if !ok || !errors.Is(err, ErrUnavailable) || p.RetryAfter != 3*time.Second || p.Title != "too fast" {
		t.Errorf("got %v", err)
	}
}

// TestHostileServer shows that no answer is read past its bound, followed elsewhere, or printed raw.
func TestHostileServer(t *testing.T) {
	var asked atomic.Int32
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		switch r.URL.Path {
		case api.RouteCheckpoint:
			w.Write(bytes.Repeat([]byte("x"), maxSmall+1))
		case api.RouteAnchor:
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		case api.RouteGenesis:
			w.WriteHeader(http.StatusTeapot)
			io.WriteString(w, "\x1b[31mred\x00"+strings.Repeat("y", 1000))
		case api.RouteQuorum:
			panic(http.ErrAbortHandler)
		case "/tile/0/000.p/1": // an answer without content
		default:
			t.Errorf("asked for %s", r.URL.Path)
		}
	})
	if _, err := c.Checkpoint(t.Context()); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a checkpoint past its bound: %v", err)
	}
	if _, err := c.Anchor(t.Context()); err == nil {
		t.Error("a redirect was followed")
	}
	if _, err := c.Genesis(t.Context()); err == nil || strings.ContainsAny(err.Error(), "\x1b\x00") || len(err.Error()) > 400 {
		t.Errorf("got %q", err)
	}
	if _, err := c.Quorum(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if _, err := c.Tile(t.Context(), 0, 0, 1); err == nil {
		t.Error("an empty tile passed")
	}
	if asked.Load() == 0 {
		t.Error("nothing was asked")
	}
}

func TestTilePath(t *testing.T) {
	for _, c := range []struct {
		n     uint64
		width int
		want  string
	}{{0, 256, "000"}, {67, 3, "067.p/3"}, {1234067, 256, "x001/x234/067"}, {1000, 256, "x001/000"}} {
		if got := TilePath(c.n, c.width); got != c.want {
			t.Errorf("TilePath(%d, %d) = %s, want %s", c.n, c.width, got, c.want)
		}
	}
}

func TestEvents(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/runs/r1/events" || r.URL.Query().Get("from") != "7" {
			t.Errorf("asked for %s", r.URL)
		}
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, ": hello\n\nid: 8\nevent: entry\ndata: {}\n\nevent: halt\ndata: {\"x\":1}\n\n")
	})
	var got []Event
	var last error
	for e, err := range c.Events(t.Context(), "r1", 7) {
		if err != nil {
			last = err
			break
		}
		got = append(got, e)
	}
	if len(got) != 3 || got[0].Name != "" || got[1].ID != "8" || got[2].Name != api.EventHalt || string(got[2].Data) != `{"x":1}` {
		t.Errorf("got %+v", got)
	}
	if !errors.Is(last, io.ErrUnexpectedEOF) {
		t.Errorf("a stream that ended gave %v", last)
	}
}

// TestVoteIsTheSameForAll captures what two voters send: it differs in the body alone.
func TestVoteIsTheSameForAll(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	captured := make(chan []byte, 2)
	go func() {
		for range 2 {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.SetDeadline(time.Now().Add(10 * time.Second))
			var raw []byte
			buf := make([]byte, 4096)
			for !bytes.HasSuffix(raw, []byte("!END")) {
				n, err := conn.Read(buf)
				raw = append(raw, buf[:n]...)
				if err != nil {
					break
				}
			}
			io.WriteString(conn, "HTTP/1.1 201 Created\r\nConnection: close\r\n\r\n"+taken)
			conn.Close()
			captured <- raw
		}
	}()
	for _, leaf := range []string{"signature of one!END", "signature of two!END"} {
		if err := Vote(t.Context(), []string{"http://" + l.Addr().String()}, []byte(leaf)); err != nil {
			t.Fatal(err)
		}
	}
	a, b := <-captured, <-captured
	ha, _, _ := bytes.Cut(a, []byte("\r\n\r\n"))
	hb, _, _ := bytes.Cut(b, []byte("\r\n\r\n"))
	if !bytes.Equal(ha, hb) || len(a) != len(b) {
		t.Errorf("two voters' requests differ:\n%s\n%s", a, b)
	}
	if bytes.Contains(ha, []byte("Go-http-client")) || bytes.Contains(ha, []byte("Accept-Encoding")) {
		t.Errorf("headers say too much: %s", ha)
	}
}

// TestVoteResends shows that a vote is sent until it is taken, elsewhere if need be, and that a refusal by all ends it.
func TestVoteResends(t *testing.T) {
	var tries atomic.Int32
	busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if tries.Add(1) < 4 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, taken)
	}))
	defer busy.Close()
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer refuses.Close()
	if err := Vote(t.Context(), []string{busy.URL, refuses.URL}, []byte("v")); err != nil {
		t.Errorf("got %v after %d tries", err, tries.Load())
	}
	if err := Vote(t.Context(), []string{refuses.URL}, []byte("v")); err == nil {
		t.Error("a refusal by all was no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Vote(ctx, []string{busy.URL}, []byte("v")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func FuzzEvents(f *testing.F) {
	f.Add("id: 1\nevent: halt\ndata: x\n\n")
	f.Add(":\n\n:\n")
	f.Add("event\n\n")
	f.Fuzz(func(t *testing.T, s string) {
		n := 0
		if err := readEvents(strings.NewReader(s), func(Event) bool { n++; return n < 100 }); err == nil && n < 100 {
			t.Error("a stream ended without an error")
		}
	})
}
