package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// taken is an answer to a vote.
const taken = `{"index":1,"identity":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="}`

func voteServer(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// TestVoteIsHandedToAll: an address that swallows votes, and one that hangs, keep
// a vote from no other.
func TestVoteIsHandedToAll(t *testing.T) {
	swallows := voteServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, taken)
	})
	for range 16 { // the order is drawn
		var had sync.Once
		has := make(chan struct{})
		// It answers nobody before the honest one was asked.
		hangs := voteServer(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-has
			io.WriteString(w, taken)
		})
		honest := voteServer(t, func(w http.ResponseWriter, _ *http.Request) {
			had.Do(func() { close(has) })
			w.WriteHeader(http.StatusCreated)
			io.WriteString(w, taken)
		})
		if err := Vote(t.Context(), []string{hangs, swallows, honest}, []byte("v")); err != nil {
			t.Fatal(err)
		}
		select {
		case <-has:
		default:
			t.Fatal("the vote was told to be taken, and the honest address never had it")
		}
	}
}

// TestVoteIsNotTakenByAnybody: a portal that says 200 to everything took nothing, a
// gateway's trouble is no refusal, and no redirect carries the vote on.
func TestVoteIsNotTakenByAnybody(t *testing.T) {
	answers := []func(w http.ResponseWriter, r *http.Request){
		func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>log in</html>") },
		func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "{}") },
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		},
	}
	var n atomic.Int64
	url := voteServer(t, func(w http.ResponseWriter, r *http.Request) {
		i := n.Add(1) - 1
		switch {
		case r.URL.Path != "/v1/statements":
			t.Errorf("the vote went on to %s", r.URL.Path)
		case int(i) < len(answers):
			answers[i](w, r)
		default:
			w.WriteHeader(http.StatusCreated)
			io.WriteString(w, taken)
		}
	})
	if err := Vote(t.Context(), []string{url}, []byte("v")); err != nil {
		t.Fatal(err)
	}
	if got := int(n.Load()); got != len(answers)+1 {
		t.Errorf("the vote counted as taken after %d tries of %d", got, len(answers)+1)
	}
}

// TestVoteAgainstAPortal: where nothing but a portal answers, the voter is told so.
func TestVoteAgainstAPortal(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	url := voteServer(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, strings.Repeat("x", 100))
		cancel()
	})
	if err := Vote(ctx, []string{url}, []byte("v")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
