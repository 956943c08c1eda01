package mirror

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/audit"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/listsync"
	"github.com/haltlog/haltlog/internal/trust/trusttest"
	"github.com/haltlog/haltlog/log"
)

// site is a log that lists labels, epoch after epoch.
type site struct {
	*foldtest.Log
	server *trusttest.Server
	runs   int
}

func newSite(t testing.TB) *site {
	t.Helper()
	l := foldtest.New(t, foldtest.Options{})
	l.Setup()
	return &site{Log: l, server: trusttest.New(t, l)}
}

func (s *site) list(t testing.TB, n int) {
	t.Helper()
	key := voprf.GenerateKey()
	run := fmt.Sprintf("run-%d", s.runs)
	s.runs++
	s.Run(run)
	s.Decide(s.Engines[0])
	var entries []blacklist.Entry
	for i := range n {
		label, err := key.Label(fmt.Appendf(nil, "%s/%d", run, i))
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, blacklist.Entry{Kind: foldtest.Labels(1)[0].Kind, Label: label})
	}
	s.Artefact(run, entries)
	s.Anchor()
	s.Decide(s.Engines[0])
	s.Vote(run, s.Members[0])
	s.Decide(s.Engines[0])
	s.Must(s.FingerprintsStatement(run, entries), s.Engines[0])
	s.Must(s.EpochStatement(), s.Engines[0])
	s.Anchor()
}

// grow appends entries that nothing depends on.
func (s *site) grow(n uint64) {
	for to := s.Size() + n; s.Size() < to; {
		s.Anchor()
		s.Advance(time.Second)
	}
}

func (s *site) open(t testing.TB, dir, url string) *Mirror {
	t.Helper()
	c, err := client.New(client.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	h := log.GenesisHash(s.Leaves[0])
	m, err := Open(Config{Dir: dir, Genesis: &h, Now: func() time.Time { return s.Now }}, c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (s *site) update(t testing.TB, dir string) Report {
	t.Helper()
	m := s.open(t, dir, s.server.URL)
	defer m.Close()
	r, err := m.Update(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sync synchronises a new folder from an address.
func (s *site) sync(t testing.TB, url string) (*listsync.List, error) {
	t.Helper()
	c, err := client.New(client.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	h := log.GenesisHash(s.Leaves[0])
	cfg := listsync.Config{Dir: t.TempDir(), Genesis: &h, Now: func() time.Time { return s.Now }}
	if _, err := listsync.Sync(t.Context(), cfg, []listsync.Source{{Name: "mirror", Log: client.NewPlain(c)}}); err != nil {
		return nil, err
	}
	return listsync.Open(cfg.Dir)
}

// TestPlainFiles: any web server over the folder is a mirror, for a synchronisation
// and for an audit.
func TestPlainFiles(t *testing.T) {
	t.Attr("invariant", "MI2")
	s := newSite(t)
	dir := t.TempDir()
	s.update(t, dir) // before any epoch
	for n := range 3 {
		s.list(t, 5)
		if r := s.update(t, dir); r.Epoch != uint64(n+1) || r.Epochs != 1 {
			t.Fatalf("%+v", r)
		}
	}
	own, err := Handler(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, h := range map[string]http.Handler{"any": http.FileServer(http.Dir(dir)), "own": own} {
		web := httptest.NewServer(h)
		t.Cleanup(web.Close)
		l, err := s.sync(t, web.URL)
		if err != nil || l.Number != 3 || l.Count != 15 {
			t.Fatalf("%s: %v", name, err)
		}
		c, err := client.New(client.Config{URL: web.URL})
		if err != nil {
			t.Fatal(err)
		}
		quorum, err := c.Quorum(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r, err := audit.Run(t.Context(), audit.Config{Quorum: quorum, Genesis: new(log.GenesisHash(s.Leaves[0]))},
			audit.Deps{Log: c, Views: audit.HTTPViews{Client: http.DefaultClient}, Verifier: keys.NewVerifier(), Now: func() time.Time { return s.Now }})
		if err != nil || r.Verified != s.Size() || r.ExitCode() == audit.ExitFindings {
			t.Errorf("%s: audit: %+v %v", name, r, err)
		}
		again := t.TempDir()
		m := s.open(t, again, web.URL) // a mirror of the mirror
		if _, err := m.Update(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		m.Close()
	}
	// The bundles' own server says how long to keep what.
	for path, caching := range map[string]string{"/checkpoint": "no-cache", "/v1/blacklist/head": "no-cache", "/v1/genesis": "public, max-age=604800, immutable"} {
		w := httptest.NewRecorder()
		own.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != caching {
			t.Errorf("%s: %d %q", path, w.Code, w.Header().Get("Cache-Control"))
		}
	}
	for _, path := range []string{"/.mirror/trust.json", "/tile", "/v1/../.mirror/present", "/v1/runs", "/"} {
		w := httptest.NewRecorder()
		own.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// content is every file that is served.
func content(t testing.TB, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	if err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path, ".mirror") {
			return err
		}
		raw, err := os.ReadFile(filepath.Join(dir, path))
		out[path] = string(raw)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestTiles: every full tile and bundle of a log of several levels is the log's, over
// updates of any step.
func TestTiles(t *testing.T) {
	t.Attr("invariant", "MI1")
	s := newSite(t)
	dir := t.TempDir()
	s.update(t, dir)
	for _, n := range []uint64{1, 255 - s.Size()%256, 1, 256, 300} {
		s.grow(n)
		s.update(t, dir)
	}
	clean := t.TempDir()
	s.update(t, clean)
	have := content(t, dir)
	for name, raw := range content(t, clean) {
		if have[name] != raw {
			t.Errorf("%s differs", name)
		}
	}
	m := s.open(t, dir, s.server.URL)
	defer m.Close()
	// Damage is repaired by a rebuild.
	path := filepath.Join(dir, "tile/entries/000")
	if err := os.WriteFile(path, []byte("damaged"), 0o644); err != nil {
		t.Fatal(err)
	}
	m.rebuild = true
	if _, err := m.Update(t.Context()); err != nil {
		t.Fatal(err)
	}
	if raw, err := os.ReadFile(path); err != nil || string(raw) != have["tile/entries/000"] {
		t.Errorf("not repaired: %v", err)
	}
}

// proxy changes what a server answers.
func proxy(t testing.TB, to string, change func(path string, body []byte) (out []byte, cut bool)) string {
	t.Helper()
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		res, err := http.Get(to + r.URL.RequestURI())
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer res.Body.Close()
		raw, err := io.ReadAll(res.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		body, cut := change(r.URL.Path, raw)
		w.Header().Set("Content-Type", res.Header.Get("Content-Type"))
		if cut {
			w.Header().Set("Content-Length", fmt.Sprint(len(raw)))
		}
		w.WriteHeader(res.StatusCode)
		_, _ = w.Write(body)
		if cut {
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(h.Close)
	return h.URL
}

// TestLies: one byte changed in any kind of file, and nothing of it is published.
func TestLies(t *testing.T) {
	t.Attr("invariant", "MI1")
	t.Attr("invariant", "MI3")
	s := newSite(t)
	s.grow(300)
	s.list(t, 3)
	base := t.TempDir()
	s.update(t, base)
	s.list(t, 3)
	s.grow(300)
	dir := base
	before := content(t, base)
	for _, what := range []string{"/checkpoint", "/v1/genesis", "/v1/blacklist/head", "/v1/blacklist/objects", "/tile/0/", "/tile/1/", "/tile/entries/"} {
		url := proxy(t, s.server.URL, func(path string, b []byte) ([]byte, bool) {
			if strings.HasPrefix(path, what) && len(b) > 0 {
				b = bytes.Clone(b)
				b[len(b)/2] ^= 1
			}
			return b, false
		})
		dir = t.TempDir() // what another lie's update verified already is not asked for again
		if err := os.CopyFS(dir, os.DirFS(base)); err != nil {
			t.Fatal(err)
		}
		m := s.open(t, dir, url)
		if r, err := m.Update(t.Context()); err == nil {
			t.Errorf("%s: taken: %+v", what, r)
		}
		m.Close()
		now := content(t, dir)
		for name, raw := range before {
			if now[name] != raw {
				t.Errorf("%s: %s changed", what, name)
			}
		}
	}
	s.update(t, dir)
	clean := t.TempDir()
	s.update(t, clean)
	for name, raw := range content(t, clean) {
		if content(t, dir)[name] != raw && !strings.Contains(name, "/heads/") {
			t.Errorf("%s is not a clean mirror's", name)
		}
	}
	// A log that shows less than before is refused.
	s.server.Lock()
	s.server.Size = s.Size() - 10
	s.server.Unlock()
	m := s.open(t, dir, s.server.URL)
	defer m.Close()
	if _, err := m.Update(t.Context()); !errors.Is(err, ErrOlder) {
		t.Errorf("older: %v", err)
	}
}

// TestCut: an update may end at any answer; what is published stays a correct mirror,
// and the next update ends it.
func TestCut(t *testing.T) {
	t.Attr("invariant", "MI2")
	s := newSite(t)
	s.list(t, 2)
	base := t.TempDir()
	s.update(t, base)
	s.list(t, 2)
	s.grow(260)
	clean := t.TempDir()
	s.update(t, clean)
	want := content(t, clean)
	for n := 1; ; n++ {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(base)); err != nil {
			t.Fatal(err)
		}
		var count atomic.Int64
		url := proxy(t, s.server.URL, func(_ string, b []byte) ([]byte, bool) {
			if int(count.Add(1)) == n && len(b) > 1 {
				return b[:len(b)/2], true
			}
			return b, false
		})
		m := s.open(t, dir, url)
		_, _ = m.Update(t.Context())
		m.Close()
		if int(count.Load()) < n {
			break
		}
		web := httptest.NewServer(http.FileServer(http.Dir(dir)))
		if l, err := s.sync(t, web.URL); err != nil || l.Number > 2 {
			t.Errorf("cut %d: %v", n, err)
		}
		web.Close()
		s.update(t, dir)
		have := content(t, dir)
		for name, raw := range want {
			if have[name] != raw && !strings.Contains(name, "/heads/") {
				t.Errorf("cut %d: %s differs", n, name)
			}
		}
	}
}
