package guardian

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/guard"
	"github.com/haltlog/haltlog/internal/guardian/guardiantest"
	"github.com/haltlog/haltlog/log"
)

// TestStreamComesBack shows that a stream that breaks, or falls silent, is opened again from where it was, and that
// halts and votes in entries count as pushed ones do.
func TestStreamComesBack(t *testing.T) {
	t.Attr("invariant", "G2")
	var mu sync.Mutex
	var asked []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked = append(asked, r.URL.Query().Get("from"))
		n := len(asked)
		mu.Unlock()
		w.Header().Set("Content-Type", "text/event-stream")
		switch n {
		case 1: // breaks off
			fmt.Fprintf(w, "id: 7\nevent: entry\ndata: %s\n\n", `{"index":7,"kind":"halt","leaf":"aGFsdA=="}`)
		case 2: // falls silent
			fmt.Fprintf(w, ":\n\nid: 9\nevent: entry\ndata: %s\n\n", `{"index":9,"kind":"livevote","leaf":"dm90ZQ=="}`)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		case 3: // refuses
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			fmt.Fprintf(w, "event: halt\ndata: pushed\n\nevent: vote\ndata: voted\n\nevent: entry\ndata: rubbish\n\n")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}
	}))
	defer srv.Close()
	c, err := client.New(client.Config{URL: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	s := &stream{client: c, run: "run-1", logger: slog.New(slog.DiscardHandler), silence: 50 * time.Millisecond, notify: func(_ context.Context, n guard.Notice) error {
		mu.Lock()
		defer mu.Unlock()
		if len(got) < 4 {
			got = append(got, fmt.Sprintf("%s %s", n.Kind, n.Bytes))
		}
		return errors.New("said and passed over")
	}}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); s.listen(ctx, 3) }()
	await(t, nil, "all notices", func() bool { mu.Lock(); defer mu.Unlock(); return len(got) == 4 })
	cancel()
	<-done
	mu.Lock()
	defer mu.Unlock()
	if want := "halt halt,vote vote,halt pushed,vote voted"; strings.Join(got, ",") != want {
		t.Errorf("got %q, want %s", got, want)
	}
	if want := "3,8,10,10"; !strings.HasPrefix(strings.Join(asked, ","), want) {
		t.Errorf("asked from %v, want %s", asked, want)
	}
}

// TestDoor shows what the guard's own address takes and refuses.
func TestDoor(t *testing.T) {
	t.Attr("invariant", "G2")
	s := guardiantest.New(t, nil)
	g := open(t, s)
	stopped := 0
	notify := func(ctx context.Context, n guard.Notice) error {
		if err := g.checker.CheckVote(ctx, n.Bytes); err != nil {
			return err
		}
		stopped++
		return nil
	}
	d := newDoor(guardiantest.Run, notify, forward(g.sources))
	post := func(leaf []byte) int {
		w := httptest.NewRecorder()
		d.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, api.RouteStatements, bytes.NewReader(leaf)))
		return w.Code
	}
	vote := func(change func(*log.LiveVote)) (leaf []byte) {
		s.Do(func(l *foldtest.Log) {
			st := l.VoteStatement(guardiantest.Run)
			if change != nil {
				change(st)
			}
			leaf = l.Seal(st, l.RingSigner(g.run.groupAt, l.Members[3]))
		})
		return leaf
	}
	var forged, heartbeat []byte
	s.Do(func(l *foldtest.Log) {
		forged = l.Seal(l.VoteStatement(guardiantest.Run), ringForger{l.RingSigner(g.run.groupAt, l.Members[0])})
		heartbeat = l.Seal(l.HeartbeatStatement(guardiantest.Run), l.Guard)
	})
	for name, tc := range map[string]struct {
		leaf []byte
		want int
	}{
		"rubbish":     {[]byte("{}"), http.StatusBadRequest},
		"too large":   {make([]byte, maxStatement+1), http.StatusRequestEntityTooLarge},
		"a heartbeat": {heartbeat, http.StatusForbidden},
		"other run":   {vote(func(v *log.LiveVote) { v.Run = "run-2" }), http.StatusForbidden},
		"forged":      {forged, http.StatusForbidden},
		"expired":     {vote(func(v *log.LiveVote) { v.Expires = log.TimeOf(time.Now().Add(-time.Hour)) }), http.StatusConflict},
	} {
		if got := post(tc.leaf); got != tc.want {
			t.Errorf("%s: %d, want %d", name, got, tc.want)
		}
	}
	if stopped != 0 || len(s.Kinds(log.KindLiveVote)) != 0 {
		t.Fatal("what was refused had an effect")
	}
	for range maxVotes {
		d.busy <- struct{}{}
	}
	good := vote(nil)
	if got := post(good); got != http.StatusTooManyRequests {
		t.Errorf("busy: %d", got)
	}
	for range maxVotes {
		<-d.busy
	}
	if got := post(good); got != http.StatusCreated || stopped != 1 || len(s.Kinds(log.KindLiveVote)) != 1 {
		t.Errorf("a good vote: %d, stopped %d times", got, stopped)
	}
	if got := post(good); got != http.StatusOK {
		t.Errorf("the same vote: %d", got)
	}
	// A vote that is not judged here is handed on all the same.
	g.checker.changed.Store(true)
	if got := post(vote(nil)); got != http.StatusConflict {
		t.Errorf("a vote after the halt: %d", got)
	}
	for method, want := range map[string]int{http.MethodGet: http.StatusMethodNotAllowed, http.MethodPut: http.StatusMethodNotAllowed} {
		w := httptest.NewRecorder()
		d.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, api.RouteStatements, nil))
		if w.Code != want {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
}

// TestDoorIsBounded shows that connections beyond the bound wait, and that the door closes with its context.
func TestDoorIsBounded(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &bounded{Listener: l, free: make(chan struct{}, 1)}
	dial := func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	defer dial().Close()
	defer dial().Close()
	first, err := b.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if len(b.free) != 1 {
		t.Fatal("the first took no place")
	}
	second := make(chan net.Conn)
	go func() {
		c, err := b.Accept()
		if err != nil {
			t.Error(err)
		}
		second <- c
	}()
	_, _ = first.Close(), first.Close() // twice gives one place back
	c := <-second
	if len(b.free) != 1 {
		t.Error("places were given back twice")
	}
	c.Close()
	l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	l2, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); newDoor("run-1", nil, nil).serve(ctx, l2) }()
	cancel()
	<-done
}
