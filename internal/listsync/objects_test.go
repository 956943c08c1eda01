package listsync

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/client"
)

// TestResume: a download that ends at any place goes on there, with a server that
// answers by ranges and with one that does not; and what one source began wrongly is
// not held against the next.
func TestResume(t *testing.T) {
	t.Attr("invariant", "LS1")
	want := bytes.Repeat([]byte("haltlog"), 50_000)
	hash := sha256.Sum256(want)
	var mu sync.Mutex
	var asked []string
	for _, ranges := range []bool{true, false} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			asked = append(asked, r.Header.Get("Range"))
			mu.Unlock()
			if ranges {
				http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(want))
				return
			}
			_, _ = w.Write(want)
		}))
		t.Cleanup(server.Close)
		c, err := client.New(client.Config{URL: server.URL})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{0, 1, 1000, len(want) - 1, len(want)} {
			o := objectsIn(t.TempDir())
			ended := errors.New("ended")
			cut := func(ctx context.Context, h [32]byte, offset int64) (io.ReadCloser, int64, error) {
				return io.NopCloser(io.MultiReader(bytes.NewReader(want[:n]), broken{ended})), 0, nil
			}
			if _, err := o.Fetch(t.Context(), hash, int64(len(want)), cut); !errors.Is(err, ended) || o.Has(hash) {
				t.Fatalf("%d: %v", n, err)
			}
			asked = nil
			if _, err := o.Fetch(t.Context(), hash, int64(len(want)), c.ObjectFrom); err != nil {
				t.Fatalf("%d: %v", n, err)
			}
			if got, err := o.Get(hash); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d: %v", n, err)
			}
			switch n {
			case 0:
				if asked[0] != "" {
					t.Errorf("asked for %q", asked[0])
				}
			case len(want):
				if len(asked) != 0 { // it was whole already
					t.Errorf("asked %d times", len(asked))
				}
			default:
				if !strings.HasPrefix(asked[0], "bytes=") {
					t.Errorf("%d: asked for %q", n, asked[0])
				}
			}
		}
		o := objectsIn(t.TempDir())
		lie := func(context.Context, [32]byte, int64) (io.ReadCloser, int64, error) {
			return io.NopCloser(strings.NewReader("another object")), 0, nil
		}
		if wrong, err := o.Fetch(t.Context(), hash, int64(len(want)), lie); !errors.Is(err, ErrOther) || string(wrong) != "another object" {
			t.Errorf("%q %v", wrong, err)
		}
		if _, err := o.Put([]byte("x")); err != nil {
			t.Fatal(err)
		}
		// Half an object of another source's making.
		begun := func(context.Context, [32]byte, int64) (io.ReadCloser, int64, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader("another"), broken{io.ErrUnexpectedEOF})), 0, nil
		}
		if _, err := o.Fetch(t.Context(), hash, int64(len(want)), begun); err == nil {
			t.Error("half an object")
		}
		if _, err := o.Fetch(t.Context(), hash, int64(len(want)), c.ObjectFrom); err != nil {
			t.Error(err)
		}
		// Damage on disk is seen.
		if err := os.WriteFile(o.Path(hash), []byte("damage"), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := o.Get(hash); !errors.Is(err, ErrDamaged) {
			t.Error(err)
		}
	}
}

// broken is a connection that ends.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }
