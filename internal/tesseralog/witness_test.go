package tesseralog_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/tesseralog/logtest"
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
		serve(w, r, wit, body)
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

func serve(w http.ResponseWriter, r *http.Request, wit *witness.Witness, body []byte) {
	lines, err := wit.AddCheckpoint(r.Context(), body)
	if c, ok := errors.AsType[*witness.ConflictError](err); ok {
		w.Header().Set("Content-Type", "text/x.tlog.size")
		w.WriteHeader(http.StatusConflict)
		fmt.Fprintf(w, "%d\n", c.Size)
		return
	}
	switch {
	case err == nil:
		w.Write(lines)
	case errors.Is(err, witness.ErrUnknownLog):
		w.WriteHeader(http.StatusNotFound)
	case errors.Is(err, witness.ErrForbidden):
		w.WriteHeader(http.StatusForbidden)
	case errors.Is(err, witness.ErrInconsistent):
		w.WriteHeader(http.StatusUnprocessableEntity)
	default:
		w.WriteHeader(http.StatusBadRequest)
	}
}
