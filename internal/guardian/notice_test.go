package guardian

import (
	"bytes"
	"context"
	"encoding/json"
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
	"github.com/haltlog/haltlog/internal/keys"
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
	d.wait = time.Millisecond
	if got := post(good); got != http.StatusTooManyRequests {
		t.Errorf("busy: %d", got)
	}
	for range maxVotes {
		<-d.busy
	}
	d.wait = votePatience
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

// TestDoorIsBounded shows that a connection beyond the bound takes the oldest one's place, so that who holds them all
// keeps nobody out, and that the door closes with its context.
func TestDoorIsBounded(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &bounded{Listener: l, most: 2}
	accept := func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		a, err := b.Accept()
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	gone := func(c net.Conn) bool {
		_, err := c.Write([]byte("x"))
		return errors.Is(err, net.ErrClosed)
	}
	first, second, third := accept(), accept(), accept()
	if !gone(first) || gone(second) || gone(third) || len(b.open) != 2 {
		t.Error("the oldest did not give way")
	}
	_, _ = third.Close(), third.Close()
	if accept(); gone(second) || len(b.open) != 2 {
		t.Error("a place that was given back was not taken")
	}
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

// TestStrangersStarveNoVote: votes that nobody here can judge, handed in by anybody while the log hangs, take no vote's
// turn (G2).
func TestStrangersStarveNoVote(t *testing.T) {
	t.Attr("invariant", "G2")
	s := guardiantest.New(t, nil)
	g := open(t, s)
	stopped := make(chan struct{}, 1)
	notify := func(ctx context.Context, n guard.Notice) error {
		err := g.checker.CheckVote(ctx, n.Bytes)
		if err == nil {
			stopped <- struct{}{}
		}
		return err
	}
	ctx, cancel := context.WithCancel(t.Context())
	hangs := func(context.Context, []byte) (api.Accepted, error) {
		<-ctx.Done()
		return api.Accepted{}, client.ErrUnavailable
	}
	d := newDoor(guardiantest.Run, notify, hangs)
	var strange, good []byte
	s.Do(func(l *foldtest.Log) {
		st := l.VoteStatement(guardiantest.Run)
		st.Group[0] ^= 1
		k, err := keys.NewRingSigner(log.RingKeyID(st.Group), g.run.group.Rings(), l.Members[1].Ring)
		if err != nil {
			t.Fatal(err)
		}
		strange = l.Seal(st, k)
		good = l.Seal(l.VoteStatement(guardiantest.Run), l.RingSigner(g.run.groupAt, l.Members[3]))
	})
	var wg sync.WaitGroup
	post := func(leaf []byte) {
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, api.RouteStatements, bytes.NewReader(leaf))
		d.ServeHTTP(httptest.NewRecorder(), r)
	}
	for range 4 * maxVotes {
		wg.Go(func() { post(strange) })
	}
	await(t, nil, "strangers' votes wait for the log", func() bool { return len(d.others) == maxVotes })
	wg.Go(func() { post(good) })
	<-stopped
	cancel()
	wg.Wait()
}

// TestGroupOfNobody: only a group that officers signed, and that stands in the log, takes the votes' judgement from the
// guard: a server could otherwise make the guard's own address deaf (G2).
func TestGroupOfNobody(t *testing.T) {
	t.Attr("invariant", "G2")
	s := guardiantest.New(t, nil)
	g := open(t, s)
	var forged, genuine []byte
	s.Do(func(l *foldtest.Log) {
		st := l.GroupStatement(l.Members...)
		st.Name, st.Number, st.Previous = g.run.group.Name, g.run.group.Number+1, &g.run.groupAt
		forged = l.Seal(st, l.Guard, l.Registrar)
		genuine = l.Seal(st, l.Officers[0], l.Officers[1])
	})
	answer := forged
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != api.RouteEntries {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_ = json.NewEncoder(w).Encode(api.Entries{Entries: []api.Entry{{Index: 5, Kind: string(log.KindGroup), Validity: string(log.Valid), Leaf: answer}}})
	}))
	defer srv.Close()
	c, err := client.New(client.Config{URL: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	if yes, err := g.trust.succeeded(t.Context(), c, g.run.group); yes || err != nil {
		t.Errorf("a group of nobody's: %t %v", yes, err)
	}
	answer = genuine
	if yes, err := g.trust.succeeded(t.Context(), c, g.run.group); yes || err == nil {
		t.Errorf("a group that does not stand in the log: %t %v", yes, err)
	}
	s.Do(func(l *foldtest.Log) { l.Append(genuine); l.Anchor() })
	if yes, err := g.trust.succeeded(t.Context(), g.sources.clients[0], g.run.group); !yes || err != nil {
		t.Errorf("the successor: %t %v", yes, err)
	}
}
