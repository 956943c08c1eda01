package mirror

import (
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// asked counts what crosses to a server, by path.
func asked(t *testing.T, to string) (address string, objects func() []string) {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var got []string
	p := httputil.NewSingleHostReverseProxy(u)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/objects/") {
			mu.Lock()
			got = append(got, path.Base(r.URL.Path))
			mu.Unlock()
		}
		p.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		out := got
		got = nil
		return out
	}
}

func objectsOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	root := filepath.Join(dir, "v1", "blacklist", "objects")
	if err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(p)
		out[d.Name()] = string(raw)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestDerive: of an epoch that adds to a part, a mirror fetches the delta and the state
// document; the rest it makes, the same to the last byte as one that fetches all of it.
func TestDerive(t *testing.T) {
	t.Attr("invariant", "MI1")
	s := newSite(t)
	s.list(t, 5)
	at, objects := asked(t, s.server.URL)
	dir := t.TempDir()
	m := s.open(t, dir, at)
	defer m.Close()
	update := func() Report {
		t.Helper()
		r, err := m.Update(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	update()
	objects()
	for _, epochs := range []int{1, 1, 3} { // the last update follows three at once
		for range epochs {
			s.list(t, 70)
		}
		if r := update(); r.Epochs != uint64(epochs) {
			t.Fatalf("%d new epochs, want %d", r.Epochs, epochs)
		}
		// A delta of each epoch, and the newest state.
		if got := objects(); len(got) != epochs+1 {
			t.Errorf("%d epochs: %d objects were fetched: %v", epochs, len(got), got)
		}
	}
	fresh := t.TempDir()
	other := s.open(t, fresh, at)
	defer other.Close()
	if _, err := other.Update(t.Context()); err != nil {
		t.Fatal(err)
	}
	have, want := objectsOf(t, dir), objectsOf(t, fresh)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if have[name] != want[name] {
			t.Errorf("object %s is missing, or another", name)
		}
	}
	// A part of the mirror that was lost on disk is fetched.
	for name := range have {
		if err := os.Remove(filepath.Join(dir, "v1", "blacklist", "objects", name[:2], name)); err != nil {
			t.Fatal(err)
		}
	}
	s.list(t, 3)
	update()
	if got := objects(); len(got) < 5 {
		t.Errorf("with nothing to derive from %d objects were fetched", len(got))
	}
}
