package replay

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/trust"
	"github.com/haltlog/haltlog/internal/trust/trusttest"
)

// TestRead: the state is the log's; an entry that was changed on its way is found out.
func TestRead(t *testing.T) {
	t.Attr("invariant", "RP1")
	l := foldtest.New(t, foldtest.Options{})
	l.Setup()
	for l.Size() < 300 { // more than a bundle
		l.Anchor()
		l.Advance(1e9)
	}
	server := trusttest.New(t, l)
	c := server.Client(t)
	log, err := trust.Open(t.Context(), trust.Config{}, c, new(trust.Volatile))
	if err != nil {
		t.Fatal(err)
	}
	var done uint64
	m, err := Read(t.Context(), log, c, func(n, total uint64) { done = n })
	if err != nil {
		t.Fatal(err)
	}
	if m.Size() != l.Size() || done != l.Size() {
		t.Errorf("folded %d of %d entries, said %d", m.Size(), l.Size(), done)
	}
	want, _ := l.Machine.Ledger().RootAt(l.Size())
	if got, _ := m.Ledger().RootAt(m.Size()); got != want {
		t.Error("another tree")
	}
	to, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	liar := httputil.NewSingleHostReverseProxy(to)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.URL.Path, "/entries/") {
			liar.ServeHTTP(w, r)
			return
		}
		rec := httptest.NewRecorder()
		r.Header.Del("Accept-Encoding")
		liar.ServeHTTP(rec, r)
		b := rec.Body.Bytes()
		if len(b) > 100 {
			b[100] ^= 1
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(b)
	}))
	t.Cleanup(s.Close)
	lying, err := client.New(client.Config{URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Read(t.Context(), log, lying, nil); !errors.Is(err, trust.ErrUnverified) {
		t.Errorf("a changed entry: %v", err)
	}
}
