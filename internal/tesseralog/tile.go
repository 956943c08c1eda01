package tesseralog

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// A resource is what a path of tlog-tiles names.
type resource struct {
	entries bool
	level   uint64
	index   uint64
	width   int // 1 to 256
}

// ReadTile answers the read side of tlog-tiles: checkpoint, tile/<L>/<N>[.p/<W>]
// and tile/entries/<N>[.p/<W>], without a leading slash. Only what the
// published checkpoint implies is there; a partial tile stays readable after
// its full one came. immutable says that the content never changes, which holds
// of all but the checkpoint; full tiles and bundles may also be cached for
// ever, whereas a partial one is of no use for long.
//
// [ErrNotFound] for any other path, also one that means the same in another
// spelling.
func (l *Log) ReadTile(_ context.Context, path string) (data []byte, immutable bool, err error) {
	p := l.pub.current()
	if path == "checkpoint" {
		if p.note == nil {
			return nil, false, fmt.Errorf("checkpoint: %w", ErrNotFound)
		}
		return p.note, false, nil
	}
	r, ok := parseTilePath(path)
	if !ok || r.width > width(r.level, r.index, p.cp.Size) {
		return nil, false, fmt.Errorf("%.64q: %w", path, ErrNotFound)
	}
	// The width on disk is that of the integrated tree; less of it is a prefix.
	w := width(r.level, r.index, l.Size())
	if r.entries {
		_, raw, err := l.store.bundle(r.index, w)
		if err != nil {
			return nil, false, err
		}
		_, n, _ := splitBundle(raw, r.width)
		return raw[:n], true, nil
	}
	hs, err := l.store.tile(r.level, r.index, w)
	if err != nil {
		return nil, false, err
	}
	for _, h := range hs[:r.width] {
		data = append(data, h[:]...)
	}
	return data, true, nil
}

// parseTilePath accepts exactly what tilePath prints.
func parseTilePath(path string) (resource, bool) {
	var r resource
	rest, ok := strings.CutPrefix(path, "tile/")
	if !ok || len(path) > len("tile/entries/")+len(".p/255")+maxPathDigits*2 {
		return resource{}, false
	}
	level, rest, ok := strings.Cut(rest, "/")
	if !ok {
		return resource{}, false
	}
	if level == "entries" {
		r.entries = true
	} else {
		n, err := strconv.ParseUint(level, 10, 8)
		if err != nil || n > maxTileLevel {
			return resource{}, false
		}
		r.level = n
	}
	r.width = tileWidth
	if n, w, ok := strings.Cut(rest, ".p/"); ok {
		p, err := strconv.ParseUint(w, 10, 8)
		if err != nil || p == 0 {
			return resource{}, false
		}
		rest, r.width = n, int(p)
	}
	digits := strings.ReplaceAll(strings.ReplaceAll(rest, "x", ""), "/", "")
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || len(digits) > maxPathDigits {
		return resource{}, false
	}
	r.index = n
	// Signs, leading zeros, groups in another cut: whatever is not printed so.
	return r, tilePath(r) == path
}

// tilePath prints a resource's path: N in groups of three digits, all but the
// last with an x in front (tlog-tiles).
func tilePath(r resource) string {
	n := fmt.Sprintf("%03d", r.index%1000)
	for i := r.index / 1000; i > 0; i /= 1000 {
		n = fmt.Sprintf("x%03d/%s", i%1000, n)
	}
	kind := "entries"
	if !r.entries {
		kind = strconv.FormatUint(r.level, 10)
	}
	if r.width < tileWidth {
		n += ".p/" + strconv.Itoa(r.width)
	}
	return "tile/" + kind + "/" + n
}
