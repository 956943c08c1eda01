package tesseralog

import (
	"bytes"
	"strings"
	"testing"

	"github.com/transparency-dev/tessera/api/layout"
)

// FuzzTilePath: what is accepted is printed the same, and as Tessera does.
func FuzzTilePath(f *testing.F) {
	for _, s := range []string{
		"tile/0/000", "tile/7/x123/456.p/255", "tile/entries/x001/x234/067", "tile/entries/000.p/1", "tile/8/000", "tile/00/000",
		"tile/0/0", "tile/0/x000/001", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/../0/000", "tile//000", "tile/0/x00/1000", "checkpoint",
		"tile/entries/x009/x223/x372/x036/x854/x775/807", "tile/0/-01", "tile/0/+01", "tile/0/000.p/", "tile/0/xxx/000",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, ok := parseTilePath(s)
		if !ok {
			return
		}
		if got := tilePath(r); got != s {
			t.Errorf("%q is printed %q", s, got)
		}
		want := layout.TilePath(r.level, r.index, uint8(r.width%tileWidth))
		if r.entries {
			want = layout.EntriesPath(r.index, uint8(r.width%tileWidth))
		}
		if s != want {
			t.Errorf("%q is %q elsewhere", s, want)
		}
		if strings.Contains(s, "..") {
			t.Errorf("accepted %q", s)
		}
	})
}

// FuzzBundle: what is split is put together the same.
func FuzzBundle(f *testing.F) {
	f.Add([]byte{0, 1, 'a', 0, 0, 0, 2, 'b', 'c'}, 3)
	f.Add([]byte{0, 3, 'a'}, 1)
	f.Add([]byte{0}, 1)
	f.Add([]byte{}, 0)
	f.Fuzz(func(t *testing.T, b []byte, w int) {
		if w < 0 || w > tileWidth {
			return
		}
		leaves, n, ok := splitBundle(b, w)
		if !ok {
			return
		}
		var again []byte
		for _, l := range leaves {
			again = appendBundle(again, l)
		}
		if len(leaves) != w || !bytes.Equal(again, b[:n]) {
			t.Errorf("%d entries of %d, %x of %x", len(leaves), w, again, b)
		}
	})
}
