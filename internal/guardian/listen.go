package guardian

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/guard"
	"github.com/haltlog/haltlog/log"
)

// door is the guard's own address: it takes live votes for its run, so that who hides the log from the guard, or the
// guard from the log, stops nobody's vote (G2). It keeps and logs no address of whoever comes.
type door struct {
	run    string
	notify func(ctx context.Context, n guard.Notice) error
	submit func(ctx context.Context, leaf []byte) (api.Accepted, error)
	busy   chan struct{} // one token per vote that is being verified
	others chan struct{} // one per vote that is handed on unjudged
	wait   time.Duration // for a token of busy
}

// errBusy is a vote whose turn did not come in time.
var errBusy = errors.New("too many votes at once")

func newDoor(run string, notify func(context.Context, guard.Notice) error, submit func(context.Context, []byte) (api.Accepted, error)) *door {
	return &door{run: run, notify: notify, submit: submit, busy: make(chan struct{}, maxVotes), others: make(chan struct{}, maxVotes), wait: votePatience}
}

// ServeHTTP answers POST of one statement, as the log does. Nothing else is here.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != api.RouteStatements {
		refuse(w, http.StatusNotFound, "not-found", "no such resource", "")
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		refuse(w, http.StatusMethodNotAllowed, "method", "only POST", "")
		return
	}
	leaf, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxStatement))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "too-large", "too large", "")
		return
	}
	s, err := log.Parse(leaf)
	if err != nil {
		refuse(w, http.StatusBadRequest, "malformed", "malformed", err.Error())
		return
	}
	if v, ok := s.Statement.(*log.LiveVote); !ok || v.Run != d.run {
		refuse(w, http.StatusForbidden, "forbidden", "this guard takes live votes for its own run", "")
		return
	}
	d.vote(w, r, leaf)
}

// judge verifies a vote when its turn comes. Whoever sends forged ones makes a vote wait, and not be sent away; a log
// that does not answer takes no turn.
func (d *door) judge(ctx context.Context, leaf []byte) error {
	ctx, cancel := context.WithTimeout(ctx, d.wait)
	defer cancel()
	select {
	case d.busy <- struct{}{}:
	case <-ctx.Done():
		return errBusy
	}
	defer func() { <-d.busy }()
	return d.notify(context.WithoutCancel(ctx), guard.Notice{Kind: guard.NoticeVote, Bytes: leaf})
}

func tooFast(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	refuse(w, http.StatusTooManyRequests, "too-fast", "too fast", "")
}

// vote stops the run if the vote verifies, then hands it on. Only the log's own answer is an acknowledgement: until then
// the voter keeps trying. A vote that is not judged here goes to the log all the same, as everybody must who is given one.
func (d *door) vote(w http.ResponseWriter, r *http.Request, leaf []byte) {
	err := d.judge(r.Context(), leaf)
	switch {
	case err == nil:
	case errors.Is(err, errBusy):
		tooFast(w)
		return
	case errors.Is(err, ErrEngines) || errors.Is(err, ErrNoAnchor) || errors.Is(err, ErrOtherGroup):
		// A later group's may be good: the log knows. Anybody can make such a one, so they have places of their own.
		select {
		case d.others <- struct{}{}:
			defer func() { <-d.others }()
		default:
			tooFast(w)
			return
		}
	case errors.Is(err, ErrExpired):
		refuse(w, http.StatusConflict, "conflict", "the vote has expired", "")
		return
	default:
		refuse(w, http.StatusForbidden, "forbidden", "the vote does not verify", "")
		return
	}
	// The voter may go: what was taken is handed on all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), forwardTimeout)
	defer cancel()
	a, err := d.submit(ctx, leaf)
	if err != nil {
		if list, _ := problems(err); final(err) {
			refuse(w, list[0].Status, "forwarded", "the log refused the vote", list[0].Title)
			return
		}
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusServiceUnavailable, "unavailable", "the log has not taken the vote yet", "")
		return
	}
	status := http.StatusCreated
	if a.Repeat {
		status = http.StatusOK
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(a) // the voter is gone if this fails
}

func refuse(w http.ResponseWriter, status int, name, title, detail string) {
	w.Header().Set("Content-Type", api.TypeProblem)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(api.Problem{Type: api.ProblemBase + name, Title: title, Status: status, Detail: detail})
}

// serve answers on a listener until ctx ends. The server's own log, which names addresses, goes nowhere.
func (d *door) serve(ctx context.Context, l net.Listener) {
	s := &http.Server{
		Handler: d, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 20 * time.Second,
		IdleTimeout: 30 * time.Second, MaxHeaderBytes: 8 << 10, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	s.SetKeepAlivesEnabled(false) // a voter comes once
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	_ = s.Serve(&bounded{Listener: l, most: maxConnections})
}

// bounded is a listener with so many connections at once. One more takes the place of the oldest: a vote is read in
// milliseconds, so that who holds connections open keeps nobody out.
type bounded struct {
	net.Listener
	most int

	mu   sync.Mutex
	open []*released // oldest first
}

func (b *bounded) Accept() (net.Conn, error) {
	c, err := b.Listener.Accept()
	if err != nil {
		return nil, err
	}
	r := &released{Conn: c, from: b}
	b.mu.Lock()
	b.open = append(b.open, r)
	var oldest *released
	if len(b.open) > b.most {
		oldest = b.open[0]
		b.open = slices.Delete(b.open, 0, 1)
	}
	b.mu.Unlock()
	if oldest != nil {
		_ = oldest.Close()
	}
	return r, nil
}

// released gives its place back when it is closed.
type released struct {
	net.Conn
	from *bounded
}

func (r *released) Close() error {
	r.from.mu.Lock()
	r.from.open = slices.DeleteFunc(r.from.open, func(o *released) bool { return o == r })
	r.from.mu.Unlock()
	return r.Conn.Close()
}

// forward submits a vote to the log by whichever address takes it.
func forward(s *sources) func(context.Context, []byte) (api.Accepted, error) {
	return func(ctx context.Context, leaf []byte) (api.Accepted, error) {
		return first(ctx, s, func(ctx context.Context, c *client.Client) (api.Accepted, error) { return c.Submit(ctx, leaf) })
	}
}
