package listsync

import (
	"bytes"
	"encoding/hex"
	"fmt"
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
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/trust/trusttest"
	"github.com/haltlog/haltlog/log"
)

// site is a log that lists labels, epoch after epoch.
type site struct {
	*foldtest.Log
	*trusttest.Server
	labels []blacklist.Entry
	runs   int
}

func newSite(t testing.TB) *site {
	t.Helper()
	l := foldtest.New(t, foldtest.Options{})
	l.Setup()
	l.Run("run-0")
	l.Decide(l.Engines[0])
	return &site{Log: l, Server: trusttest.New(t, l)}
}

// list halts a run and publishes n labels in an epoch.
func (s *site) list(t testing.TB, n int) {
	t.Helper()
	key := voprf.GenerateKey()
	run := fmt.Sprintf("run-%d", s.runs)
	if s.runs > 0 {
		s.Run(run)
		s.Decide(s.Engines[0])
	}
	s.runs++
	var entries []blacklist.Entry
	for i := range n {
		label, err := key.Label(fmt.Appendf(nil, "%s/%d", run, i))
		if err != nil {
			t.Fatal(err)
		}
		kind := foldtest.Labels(1)[0].Kind
		entries = append(entries, blacklist.Entry{Kind: kind, Label: label})
	}
	s.Artefact(run, entries)
	s.Anchor()
	s.Decide(s.Engines[0])
	s.Vote(run, s.Members[0])
	s.Decide(s.Engines[0])
	s.Must(s.FingerprintsStatement(run, entries), s.Engines[0])
	s.Must(s.EpochStatement(), s.Engines[0])
	s.Anchor()
	s.labels = append(s.labels, entries...)
}

func (s *site) config(t testing.TB) Config {
	h := log.GenesisHash(s.Leaves[0])
	return Config{Dir: t.TempDir(), Genesis: &h, Now: func() time.Time { return s.Log.Now }}
}

func source(t testing.TB, name, url string) Source {
	t.Helper()
	c, err := client.New(client.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	return Source{name, client.NewPlain(c)}
}

func (s *site) source(t testing.TB) []Source { return []Source{source(t, "operator", s.URL)} }

// files are the folder's contents that name a list, but for where proofs were made.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	root := filepath.Join(dir, "objects")
	if err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		out[strings.TrimPrefix(path, dir)] = string(raw)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func (s *site) check(t testing.TB, dir string) *List {
	t.Helper()
	l, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if int(l.Count) != len(s.labels) {
		t.Errorf("%d labels, want %d", l.Count, len(s.labels))
	}
	for _, e := range s.labels {
		if !l.Contains(e.Kind, 1, e.Label) {
			t.Errorf("%x is missing", e.Label)
		}
	}
	if l.Contains(s.labels[0].Kind, 2, s.labels[0].Label) {
		t.Error("listed under another key version")
	}
	return l
}

func TestSync(t *testing.T) {
	t.Attr("invariant", "LS2")
	s := newSite(t)
	cfg := s.config(t)
	if _, err := Sync(t.Context(), cfg, s.source(t)); err == nil {
		t.Error("no epoch, and no error")
	}
	if _, err := Open(cfg.Dir); err == nil {
		t.Error("opened what is not there")
	}
	s.list(t, 3)
	r, err := Sync(t.Context(), cfg, s.source(t))
	if err != nil || r.Way != "full" || r.Number != 1 || !r.Changed {
		t.Fatalf("%+v %v", r, err)
	}
	old := s.check(t, cfg.Dir)
	// Three more epochs, followed by their deltas.
	for range 3 {
		s.list(t, 40)
	}
	if r, err = Sync(t.Context(), cfg, s.source(t)); err != nil || r.Way != "deltas" || r.Number != 4 {
		t.Fatalf("%+v %v", r, err)
	}
	l := s.check(t, cfg.Dir)
	part := l.State().Parts[0].Part
	d, err := l.Delta(part, 1, old.Size)
	if err != nil || len(d.Labels) != 120 || d.From != old.Size || d.To != l.Size {
		t.Errorf("delta of %d labels: %v", len(d.Labels), err)
	}
	f, err := l.Full(part, 1)
	if err != nil || len(f.Labels) != 123 {
		t.Errorf("%d labels: %v", len(f.Labels), err)
	}
	if p, err := l.Polynomial(part, 1); err != nil || p == nil {
		t.Error(err)
	}
	if _, err := l.Delta(part, 1, old.Size+1); err == nil {
		t.Error("a delta from a size of no epoch")
	}
	if p, err := l.Evidence().Verify(); err != nil || p.Statement.Number != 4 || l.Origin != p.Origin {
		t.Errorf("evidence: %v", err)
	}
	if v := l.Versions(); len(v) != 1 || v[0] != 1 {
		t.Errorf("versions %v", v)
	}
	if l.Age(s.Log.Now.Add(time.Hour)) < time.Hour {
		t.Error("age")
	}
	// A clean copy is the same list.
	clean := s.config(t)
	clean.Polynomials = true
	if r, err := Sync(t.Context(), clean, s.source(t)); err != nil || r.Way != "full" {
		t.Fatalf("%+v %v", r, err)
	}
	have := files(t, cfg.Dir)
	for name, raw := range files(t, clean.Dir) {
		if !strings.Contains(raw, "polynomial") && have[name] != raw {
			t.Errorf("%s differs", name)
		}
	}
	lookup := s.config(t)
	lookup.LookupOnly = true
	if r, err := Sync(t.Context(), lookup, s.source(t)); err != nil || r.Way != "lookup" {
		t.Fatalf("%+v %v", r, err)
	}
	if l := s.check(t, lookup.Dir); l.Exact {
		t.Error("lookup lists are exact")
	}
	// Nothing new: nothing is fetched.
	if r, err := Sync(t.Context(), cfg, s.source(t)); err != nil || r.Changed || r.Bytes != 0 {
		t.Errorf("%+v %v", r, err)
	}
}

// proxy changes what a server answers.
func proxy(t testing.TB, s *site, change func(path string, body []byte) ([]byte, bool)) Source {
	t.Helper()
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		res, err := http.Get(s.URL + r.URL.RequestURI())
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer res.Body.Close()
		var b bytes.Buffer
		_, _ = b.ReadFrom(res.Body)
		body, cut := change(r.URL.Path, b.Bytes())
		if ct := res.Header.Get("Content-Type"); ct != "" {
			w.Header().Set("Content-Type", ct)
		}
		if cut {
			w.Header().Set("Content-Length", fmt.Sprint(b.Len()))
		}
		w.WriteHeader(res.StatusCode)
		_, _ = w.Write(body)
		if cut {
			panic(http.ErrAbortHandler)
		}
	}))
	h.Config.ErrorLog = nil
	t.Cleanup(h.Close)
	return source(t, "liar", h.URL)
}

// TestLies: whatever one byte a source changes, the list stands as it was, and with an
// honest source beside it the newest one is taken.
func TestLies(t *testing.T) {
	t.Attr("invariant", "LS2")
	t.Attr("invariant", "LS3")
	s := newSite(t)
	s.list(t, 4)
	cfg := s.config(t)
	if _, err := Sync(t.Context(), cfg, s.source(t)); err != nil {
		t.Fatal(err)
	}
	before := files(t, cfg.Dir)
	s.list(t, 5)
	for _, what := range []string{"/checkpoint", "/v1/genesis", "/v1/blacklist/head", "proof", "/tile/0", "/tile/entries", "/v1/blacklist/objects"} {
		flip := func(path string, b []byte) ([]byte, bool) {
			if what == "proof" && path == "/v1/blacklist/head" {
				return bytes.Replace(b, []byte("index "), []byte("index 1"), 1), false
			}
			if strings.HasPrefix(path, what) && len(b) > 0 {
				b = bytes.Clone(b)
				b[len(b)/2] ^= 1
			}
			return b, false
		}
		// The bundle is read for authority statements alone, of which there are none.
		if what == "/tile/entries" {
			continue
		}
		liar := proxy(t, s, flip)
		one := cfg
		one.Dir = t.TempDir()
		if err := os.CopyFS(one.Dir, os.DirFS(cfg.Dir)); err != nil {
			t.Fatal(err)
		}
		r, err := Sync(t.Context(), one, []Source{liar})
		if err == nil {
			t.Errorf("%s: taken: %+v", what, r)
		}
		if l, err := Open(one.Dir); err != nil || l.Number != 1 {
			t.Errorf("%s: %v", what, err)
		}
		for name, raw := range before {
			if got := files(t, one.Dir)[name]; got != raw {
				t.Errorf("%s: %s is not what it was", what, name)
			}
		}
		r, err = Sync(t.Context(), one, []Source{liar, s.source(t)[0]})
		if err != nil || r.Number != 2 || r.Sources[1].Standing != StandingNewest {
			t.Errorf("%s: %+v %v", what, r, err)
		}
		s.check(t, one.Dir)
	}
}

// TestOlder: a mirror that stayed behind is named, and its list is not taken.
func TestOlder(t *testing.T) {
	t.Attr("invariant", "LS3")
	s := newSite(t)
	s.list(t, 2)
	older := s.Log.Size()
	behind := trusttest.New(t, s.Log)
	behind.Size = older
	s.Advance(time.Hour)
	s.list(t, 2)
	cfg := s.config(t)
	cfg.MaxAge = time.Minute
	both := []Source{source(t, "behind", behind.URL), s.source(t)[0]}
	r, err := Sync(t.Context(), cfg, both)
	if err != nil || r.Number != 2 || !r.Any(StandingStale) && !r.Any(StandingBehind) {
		t.Fatalf("%+v %v", r, err)
	}
	if len(r.Sources[0].Evidence) != 1 {
		t.Errorf("no evidence: %+v", r.Sources[0])
	} else if _, err := os.Stat(r.Sources[0].Evidence[0]); err != nil {
		t.Error(err)
	}
	if r, err = Sync(t.Context(), cfg, both[:1]); err == nil {
		t.Errorf("rolled back: %+v", r)
	}
	s.check(t, cfg.Dir)
}

// TestCut: an answer may end at any byte; what is held is the old list or the new one,
// and the next synchronisation ends with the new one.
func TestCut(t *testing.T) {
	t.Attr("invariant", "LS1")
	s := newSite(t)
	s.list(t, 4)
	base := s.config(t)
	if _, err := Sync(t.Context(), base, s.source(t)); err != nil {
		t.Fatal(err)
	}
	s.list(t, 6)
	want := s.config(t)
	want.Dir = t.TempDir()
	if err := os.CopyFS(want.Dir, os.DirFS(base.Dir)); err != nil {
		t.Fatal(err)
	}
	if _, err := Sync(t.Context(), want, s.source(t)); err != nil {
		t.Fatal(err)
	}
	for n := 0; ; n++ {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(base.Dir)); err != nil {
			t.Fatal(err)
		}
		cfg := base
		cfg.Dir = dir
		var count atomic.Int64
		faulty := proxy(t, s, func(_ string, b []byte) ([]byte, bool) {
			if int(count.Add(1)) == n/3+1 && len(b) > 1 {
				return b[:(len(b)-1)*(n%3)/2], true
			}
			return b, false
		})
		_, err := Sync(t.Context(), cfg, []Source{faulty})
		if int(count.Load()) < n/3+1 {
			break
		}
		l, e := Open(dir)
		if e != nil || (l.Number != 1 && l.Number != 2) || (err == nil && l.Number != 2) {
			t.Fatalf("cut %d: %v %v", n, err, e)
		}
		if _, err := Sync(t.Context(), cfg, s.source(t)); err != nil {
			t.Fatalf("cut %d: %v", n, err)
		}
		have, wanted := files(t, dir), files(t, want.Dir)
		for name, raw := range wanted {
			if strings.HasPrefix(raw, "haltlog/blacklist") && !strings.HasPrefix(raw, "haltlog/blacklist/delta") && have[name] != raw {
				t.Errorf("cut %d: %s differs", n, name)
			}
		}
		s.check(t, dir)
	}
}

func FuzzHead(f *testing.F) {
	s := newSite(f)
	s.list(f, 1)
	cfg := s.config(f)
	if _, err := Sync(f.Context(), cfg, s.source(f)); err != nil {
		f.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(cfg.Dir, headName))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte("{}"))
	empty, err := head{}.format()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(empty)
	f.Fuzz(func(t *testing.T, raw []byte) {
		h, err := parseHead(raw)
		if err != nil {
			return
		}
		again, err := h.format()
		if err != nil || !bytes.Equal(again, raw) {
			t.Errorf("%q is printed %q", raw, again)
		}
		_, _ = h.Evidence.Verify() // must not crash
	})
}

func FuzzDeltas(f *testing.F) {
	f.Add(formatDeltas(nil))
	f.Add(formatDeltas([]deltaOf{{blacklist.Part{Kind: "tensor", Prefix: "01"}, 1, blacklist.Hash{1}}}))
	f.Add([]byte(deltasFormat + "\ntensor/- 01 " + hex.EncodeToString(make([]byte, 32)) + "\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if ds, err := parseDeltas(raw); err == nil && !bytes.Equal(formatDeltas(ds), raw) {
			t.Errorf("%q is printed %q", raw, formatDeltas(ds))
		}
	})
}
