package witnesshttp_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/witnesshttp"
	"github.com/haltlog/haltlog/witness"
	"github.com/haltlog/haltlog/witness/logtest"
	"github.com/haltlog/haltlog/witness/storetest"
)

// env is a served witness over n logs.
type env struct {
	url     string
	logs    []*logtest.Log
	signers []checkpoint.Signer
	now     func() uint64
	logged  *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func serve(t testing.TB, store witness.Store, n int, cfg witnesshttp.Config) *env {
	t.Helper()
	e := &env{now: func() uint64 { return 1_700_000_000 }, logged: &lockedBuffer{}}
	ed, _ := logtest.Key(t, checkpoint.TypeEd25519Cosignature, "w.example", 100)
	pq, _ := logtest.Key(t, checkpoint.TypeMLDSA44Cosignature, "w.example", 101)
	e.signers = []checkpoint.Signer{ed, pq}
	wc := witness.Config{Signers: e.signers}
	for i := range n {
		l := logtest.New(t, fmt.Sprintf("log%d.example", i), byte(i+1))
		e.logs = append(e.logs, l)
		wc.Logs = append(wc.Logs, l.Config())
	}
	w, err := witness.New(wc, witness.Deps{Store: store, Clock: e.now})
	if err != nil {
		t.Fatal(err)
	}
	h, err := witnesshttp.New(cfg, witnesshttp.Deps{Witness: w, Logger: slog.New(slog.NewTextHandler(e.logged, nil))})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(nil)
	s.Config = h.Server()
	s.Start()
	t.Cleanup(s.Close)
	e.url = s.URL
	return e
}

func (e *env) do(t testing.TB, method, path string, body []byte) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, e.url+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(b)
}

func (e *env) add(t testing.TB, body []byte, want int) (http.Header, string) {
	t.Helper()
	status, h, b := e.do(t, "POST", "/add-checkpoint", body)
	if status != want {
		t.Fatalf("status %d, want %d: %s", status, want, b)
	}
	return h, b
}

// TestStatuses asks for each answer of tlog-witness once.
func TestStatuses(t *testing.T) {
	t.Attr("invariant", "W3")
	e := serve(t, witness.NewMemory(), 1, witnesshttp.Config{})
	l := e.logs[0]
	path := "/" + witness.OriginHash(l.Origin) + "/checkpoint"
	if s, _, _ := e.do(t, "GET", path, nil); s != 404 {
		t.Fatalf("never cosigned: %d", s)
	}
	h, b := e.add(t, l.Request(t, 0, 8), 200)
	if sigs, err := checkpoint.ParseSignatures(b); err != nil || len(sigs) != 2 || h.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Fatal(b, err, h)
	}
	h, b = e.add(t, l.Request(t, 0, 9), 409)
	if b != "8\n" || h.Get("Content-Type") != "text/x.tlog.size" {
		t.Fatalf("%q %v", b, h)
	}
	stranger := logtest.New(t, "unknown.example", 50)
	e.add(t, stranger.Request(t, 0, 3), 404)
	forged := logtest.New(t, l.Origin, 51)
	e.add(t, forged.Request(t, 8, 9), 403)
	e.add(t, l.Request(t, 9, 8), 400)
	e.add(t, bytes.Replace(l.Request(t, 8, 9), []byte("old 8"), []byte("old 08"), 1), 400)
	e.add(t, bytes.Repeat([]byte("a"), witness.MaxBody+1), 400)
	e.add(t, l.Fork().Request(t, 8, 8), 422)
	e.add(t, l.Fork().Request(t, 8, 9), 422)
	e.add(t, l.Request(t, 8, 9), 200)
	if s, h, _ := e.do(t, "GET", "/add-checkpoint", nil); s != 405 || h.Get("Allow") == "" {
		t.Fatalf("GET: %d", s)
	}
	for _, p := range []string{"/" + witness.OriginHash("unknown") + "/checkpoint", "/" + strings.ToUpper(path[1:]), "/../x/checkpoint", "/" + witness.OriginHash("unknown") + "/evidence"} {
		if s, _, _ := e.do(t, "GET", p, nil); s != 404 {
			t.Fatalf("%s: %d", p, s)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), "POST", e.url+"/add-checkpoint", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Encoding", "gzip")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 415 {
		t.Fatalf("gzip: %d", resp.StatusCode)
	}

	s, h, b := e.do(t, "GET", path, nil)
	q, err := checkpoint.ParseQuorum(fmt.Appendf(nil, "log %s\nwitness a %s\nwitness b %s\ngroup g all a b\nquorum g\n", l.Signer.VKey(), e.signers[0].VKey(), e.signers[1].VKey()))
	if err != nil {
		t.Fatal(err)
	}
	if v, err := q.VerifyExact([]byte(b)); s != 200 || err != nil || v.Checkpoint.Size != 9 || h.Get("Access-Control-Allow-Origin") != "*" {
		t.Fatal(s, err, h)
	}
	_, _, b = e.do(t, "GET", "/"+witness.OriginHash(l.Origin)+"/evidence", nil)
	var all []witness.Evidence
	if err := json.Unmarshal([]byte(b), &all); err != nil || len(all) != 1 || all[0].Check([]checkpoint.VKey{l.Signer.VKey()}) != nil {
		t.Fatal(b, err)
	}
	_, _, m := e.do(t, "GET", "/metrics", nil)
	for _, line := range []string{
		`haltwitness_add_checkpoint_total{origin="log0.example",code="200"} 2`,
		`haltwitness_add_checkpoint_total{origin="log0.example",code="409"} 1`,
		`haltwitness_add_checkpoint_total{origin="log0.example",code="422"} 2`,
		`haltwitness_add_checkpoint_total{origin="",code="404"} 1`,
		`haltwitness_cosigned_size{origin="log0.example"} 9`,
		`haltwitness_evidence{origin="log0.example"} 1`,
	} {
		if !strings.Contains(m, line+"\n") {
			t.Errorf("no %s in\n%s", line, m)
		}
	}
}

// TestStoreTrouble: 503, with the cause for the operator and not for the client.
func TestStoreTrouble(t *testing.T) {
	e := serve(t, &storetest.Faulty{Store: witness.NewMemory(), At: 2, Fault: storetest.FailedApplied}, 1, witnesshttp.Config{})
	h, b := e.add(t, e.logs[0].Request(t, 0, 8), 503)
	if h.Get("Retry-After") == "" || strings.Contains(b, "injected") || !strings.Contains(e.logged.String(), "injected") {
		t.Fatalf("%v %s %s", h, b, e.logged)
	}
	e.add(t, e.logs[0].Request(t, 0, 8), 409)
	e.add(t, e.logs[0].Request(t, 8, 8), 200)
}

// TestBusyLogs: twenty logs from one address, as fast as they can, are never
// told to slow down.
func TestBusyLogs(t *testing.T) {
	e := serve(t, witness.NewMemory(), 20, witnesshttp.Config{})
	var wg sync.WaitGroup
	for _, l := range e.logs {
		wg.Go(func() {
			for i := range 20 {
				resp, err := http.Post(e.url+"/add-checkpoint", "", bytes.NewReader(l.Request(t, i, i+1)))
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if resp.StatusCode != 200 {
					t.Errorf("%s at %d: %d", l.Origin, i, resp.StatusCode)
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestForward: the statement arrives byte for byte in a request that holds
// nothing of the client's, the log's answer comes back, and no address of the
// client is in what the witness writes.
func TestForward(t *testing.T) {
	var mu sync.Mutex
	var got []string
	var raw bytes.Buffer
	log := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		got = append(got, r.URL.RequestURI()+" "+string(b))
		_ = r.Header.Write(&raw)
		raw.WriteString("--\n")
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Retry-After", "7")
		w.Header().Set("Set-Cookie", "a=b")
		w.WriteHeader(201)
		_, _ = io.WriteString(w, `{"index":5}`)
	}))
	defer log.Close()
	u, err := url.Parse(log.URL + "/v1/statements")
	if err != nil {
		t.Fatal(err)
	}
	e := serve(t, witness.NewMemory(), 1, witnesshttp.Config{Forward: u})
	// Two members with different clients, one of them behind a proxy that adds
	// its address.
	for i, header := range []http.Header{
		{"User-Agent": {"member one"}, "X-Forwarded-For": {"192.0.2.77"}, "Forwarded": {"for=192.0.2.77"}, "Cookie": {"who=me"}, "Accept-Language": {"rm"}},
		{"User-Agent": {"member two"}},
	} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", e.url+"/v1/statements?wait=folded&who=me", strings.NewReader(fmt.Sprintf("not read %d", i)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = header
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 201 || string(b) != `{"index":5}` || resp.Header.Get("Retry-After") != "7" || resp.Header.Get("Set-Cookie") != "" {
			t.Fatal(resp.StatusCode, string(b), resp.Header)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if fmt.Sprint(got) != "[/v1/statements?wait=folded not read 0 /v1/statements?wait=folded not read 1]" {
		t.Fatal(got)
	}
	heads := strings.Split(raw.String(), "--\n")
	if heads[0] != heads[1] {
		t.Fatalf("two members' requests differ:\n%s\n%s", heads[0], heads[1])
	}
	for _, s := range []string{"192.0.2.77", "member", "who=me", "X-Forwarded", "127.0.0.1"} {
		if strings.Contains(raw.String(), s) {
			t.Errorf("%q was forwarded in\n%s", s, raw.String())
		}
	}
	_, _, m := e.do(t, "GET", "/metrics", nil)
	if !strings.Contains(m, `haltwitness_forwarded_total{code="200"} 2`) || strings.Contains(m, "127.0.0.1") || strings.Contains(e.logged.String(), "127.0.0.1") {
		t.Fatalf("%s\n%s", m, e.logged)
	}
}

func TestForwardRefusals(t *testing.T) {
	e := serve(t, witness.NewMemory(), 1, witnesshttp.Config{})
	if s, _, _ := e.do(t, "POST", "/v1/statements", []byte("x")); s != 404 {
		t.Fatalf("without a log: %d", s)
	}
	// A log that is not there: the port was ours and is closed again.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := &url.URL{Scheme: "http", Host: l.Addr().String(), Path: "/v1/statements"}
	l.Close()
	e = serve(t, witness.NewMemory(), 1, witnesshttp.Config{Forward: gone})
	s, h, b := e.do(t, "POST", "/v1/statements", []byte("x"))
	if s != 502 || h.Get("Retry-After") == "" || strings.Contains(b, gone.Host) {
		t.Fatal(s, h, b)
	}
	if s, _, _ := e.do(t, "POST", "/v1/statements", make([]byte, 65_536)); s != 400 {
		t.Fatalf("too long: %d", s)
	}
	// A redirect is handed back, not followed.
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("followed a redirect") }))
	defer elsewhere.Close()
	log := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer log.Close()
	u, err := url.Parse(log.URL)
	if err != nil {
		t.Fatal(err)
	}
	e = serve(t, witness.NewMemory(), 1, witnesshttp.Config{Forward: u})
	if s, h, _ := e.do(t, "POST", "/v1/statements", []byte("x")); s != 307 || h.Get("Location") != "" {
		t.Fatal(s, h)
	}
}

// TestPanicKeepsNoAddress: net/http would log the client's address with it.
func TestPanicKeepsNoAddress(t *testing.T) {
	e := serve(t, panicStore{}, 1, witnesshttp.Config{})
	s, _, b := e.do(t, "POST", "/add-checkpoint", e.logs[0].Request(t, 0, 1))
	if s != 500 || strings.Contains(e.logged.String(), "127.0.0.1") || !strings.Contains(e.logged.String(), "panic") {
		t.Fatal(s, b, e.logged)
	}
}

type panicStore struct{ witness.Store }

func TestNewRefuses(t *testing.T) {
	if _, err := witnesshttp.New(witnesshttp.Config{}, witnesshttp.Deps{}); err == nil {
		t.Fatal("accepted without a witness")
	}
	w, err := witness.New(witness.Config{Signers: []checkpoint.Signer{func() checkpoint.Signer {
		s, _ := logtest.Key(t, checkpoint.TypeEd25519Cosignature, "w", 1)
		return s
	}()}}, witness.Deps{Store: witness.NewMemory(), Clock: func() uint64 { return 1 }})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"ftp://log.example/", "/v1/statements", "https://user:secret@log.example/"} {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		_, err = witnesshttp.New(witnesshttp.Config{Forward: u}, witnesshttp.Deps{Witness: w, Logger: slog.New(slog.DiscardHandler)})
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Fatal(s, errors.Join(err))
		}
	}
}
