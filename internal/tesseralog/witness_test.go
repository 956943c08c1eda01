package tesseralog_test

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/tesseralog/logtest"
	"github.com/haltlog/haltlog/internal/witnesshttp"
	"github.com/haltlog/haltlog/witness"
)

// A peer is a real witness behind a real server, with a handle on what it does
// wrong.
type peer struct {
	url   string
	asked atomic.Int64
	conns atomic.Int64
	away  atomic.Bool  // answers 503
	skew  atomic.Int64 // seconds its clock is off
	// answer, if not nil, replaces the answer.
	answer atomic.Pointer[func(w http.ResponseWriter, body []byte)]
}

// newPeer starts a witness that signs with some keys.
func newPeer(t testing.TB, k logtest.Keys, signers ...checkpoint.Signer) *peer {
	t.Helper()
	p := &peer{}
	var keys []checkpoint.VKey
	for _, s := range k.Log {
		keys = append(keys, s.VKey())
	}
	wit, err := witness.New(
		witness.Config{Signers: signers, Logs: []witness.Log{{Origin: k.Origin, Keys: keys}}},
		witness.Deps{Store: witness.NewMemory(), Clock: func() uint64 { return uint64(time.Now().Unix() + p.skew.Load()) }},
	)
	if err != nil {
		t.Fatal(err)
	}
	h, err := witnesshttp.New(witnesshttp.Config{}, witnesshttp.Deps{Witness: wit, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost || r.URL.Path != "/w/add-checkpoint" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if p.away.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if f := p.answer.Load(); f != nil {
			(*f)(w, body)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		http.StripPrefix("/w", h).ServeHTTP(w, r)
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			p.conns.Add(1)
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	p.url = srv.URL + "/w"
	return p
}
