package projection_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/boltstore"
	"github.com/haltlog/haltlog/internal/projection"
	"github.com/haltlog/haltlog/log"
)

func open(t *testing.T, path, name string, size uint64) *projection.Projection {
	t.Helper()
	kv, err := boltstore.OpenKV(path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := projection.Open(kv, name, size)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// entries are a log of some runs, kinds, anchors, and identities, of which
// every tenth was taken before.
func entries(n int) []projection.Record {
	r := rand.New(rand.NewPCG(1, 2))
	var rs []projection.Record
	at := time.UnixMilli(1_700_000_000_000).UTC()
	for i := range n {
		rec := projection.Record{
			Kind: []string{"checkin", "check", "run", ""}[r.IntN(4)], Run: []string{"", "a", "ab", "b"}[r.IntN(4)],
			Validity: "valid", Identities: []log.Hash{{byte(i - i%10), byte(i >> 8), 1}},
		}
		if i%10 != 0 {
			rec.Identities = append(rec.Identities, log.Hash{byte(i), byte(i >> 8), 2})
		}
		if i%37 == 5 {
			at = at.Add(time.Duration(1+r.IntN(5000)) * time.Millisecond)
			rec.Kind, rec.Run, rec.Anchor = "anchor", "", new(at)
		}
		rs = append(rs, rec)
	}
	return rs
}

// TestFind holds every page of many queries to a naive walk over the log.
func TestFind(t *testing.T) {
	rs := entries(900) // 3 flushes, and some in memory
	p := open(t, filepath.Join(t.TempDir(), "p"), "log", 900)
	defer p.Close()
	times := make([]*time.Time, len(rs))
	var now *time.Time
	for i, r := range rs {
		must(t, p.Apply(uint64(i), r))
		times[i] = now
		if r.Anchor != nil {
			now = r.Anchor
		}
	}
	base := time.UnixMilli(1_700_000_000_000)
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		q := projection.Query{
			Run: []string{"", "a", "ab", "b", "none"}[r.IntN(5)], Kind: []string{"", "checkin", "check", "anchor"}[r.IntN(4)],
			Limit: 1 + r.IntN(200), From: uint64(r.IntN(2) * r.IntN(950)),
		}
		if r.IntN(2) == 0 {
			q.Since = base.Add(time.Duration(r.IntN(70_000)) * time.Millisecond)
		}
		if r.IntN(2) == 0 {
			q.Until = base.Add(time.Duration(r.IntN(70_000))*time.Millisecond + time.Microsecond)
		}
		if r.IntN(3) == 0 { // exactly at an anchor's time
			q.Since = *rs[5+37*r.IntN(24)].Anchor
		}
		var want []uint64
		for i, rec := range rs {
			switch at := times[i]; {
			case uint64(i) < q.From, q.Run != "" && rec.Run != q.Run, q.Kind != "" && rec.Kind != q.Kind:
			case !q.Since.IsZero() && (at == nil || at.Before(q.Since)):
			case !q.Until.IsZero() && at != nil && !at.Before(q.Until):
			default:
				want = append(want, uint64(i))
			}
		}
		var got []uint64
		for pages := 0; ; pages++ {
			page, err := p.Find(q)
			must(t, err)
			if page.Built != 900 || len(page.Entries) > q.Limit || pages > 1000 {
				t.Fatalf("page %d: built %d, %d entries", pages, page.Built, len(page.Entries))
			}
			for _, e := range page.Entries {
				if w := times[e.Index]; (e.LogTime == nil) != (w == nil) || w != nil && !w.Equal(*e.LogTime) {
					t.Fatalf("log time of %d: %v, want %v", e.Index, e.LogTime, w)
				}
				got = append(got, e.Index)
			}
			if q.Cursor = page.Next; q.Cursor == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%+v:\n got %v\nwant %v", q, got, want)
		}
	}
}

// TestCursor: what comes later does not shift the pages behind a cursor.
func TestCursor(t *testing.T) {
	p := open(t, filepath.Join(t.TempDir(), "p"), "log", 0)
	defer p.Close()
	for i := range uint64(10) {
		must(t, p.Apply(i, projection.Record{Kind: "run", Run: "a", Validity: "valid"}))
	}
	first, err := p.Find(projection.Query{Run: "a", Limit: 4})
	must(t, err)
	for i := range uint64(1000) {
		must(t, p.Apply(10+i, projection.Record{Kind: "run", Run: "a", Validity: "valid"}))
	}
	next, err := p.Find(projection.Query{Run: "a", Limit: 4, Cursor: first.Next})
	must(t, err)
	if first.Next == "" || next.Entries[0].Index != 4 || next.Entries[3].Index != 7 {
		t.Errorf("next page after %q: %+v", first.Next, next)
	}
	for _, q := range []projection.Query{{Cursor: "x"}, {Cursor: "01"}, {Cursor: "-1"}, {Cursor: "99999999999999999999"}, {Limit: -1}, {Limit: projection.MaxLimit + 1}} {
		if _, err := p.Find(q); !errors.Is(err, projection.ErrQuery) {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

// TestIdentities: the first index and its verdict, at every moment of flushing,
// after a crash and after a restart.
func TestIdentities(t *testing.T) {
	t.Attr("invariant", "S2")
	path := filepath.Join(t.TempDir(), "p")
	rs := entries(700)
	first := map[log.Hash]uint64{}
	p := open(t, path, "log", 0)
	check := func(id log.Hash) {
		t.Helper()
		e, ok, err := p.Lookup(id)
		must(t, err)
		if want, known := first[id]; ok != known || ok && (e.Index != want || e.Validity != rs[want].Validity) {
			t.Fatalf("identity of %d: %v, %v", want, e, ok)
		}
	}
	apply := func(from int) {
		t.Helper()
		for i := from; i < len(rs); i++ {
			for _, id := range rs[i].Identities {
				check(id)
				if _, ok := first[id]; !ok {
					first[id] = uint64(i)
				}
			}
			must(t, p.Apply(uint64(i), rs[i]))
			for _, id := range rs[i].Identities {
				check(id)
			}
			if i == 511 { // and nothing is flushed behind what follows
				must(t, p.Flush())
			}
		}
	}
	apply(0)
	// A crash: what was not flushed is gone, and the log is read again. The
	// file is copied as it would be found.
	crashed := filepath.Join(t.TempDir(), "crashed")
	copyFile(t, path, crashed)
	must(t, p.Close())
	p = open(t, crashed, "log", 700)
	if n := p.Size(); n == 0 || n == 700 {
		t.Fatalf("built to %d after the crash", n)
	}
	for i, r := range rs {
		must(t, p.Apply(uint64(i), r))
	}
	for id := range first {
		check(id)
	}
	must(t, p.Close())
	// Closed in order, nothing has to be applied.
	p = open(t, crashed, "log", 700)
	defer p.Close()
	if p.Size() != 700 {
		t.Errorf("built to %d after closing", p.Size())
	}
	for id := range first {
		check(id)
	}
	if e, err := p.Entry(699); err != nil || e.LogTime == nil {
		t.Errorf("last entry: %+v, %v", e, err)
	}
}

// TestDropped: a projection of another log, or ahead of its log, is built anew.
func TestDropped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p")
	p := open(t, path, "log", 0)
	for i, r := range entries(300) {
		must(t, p.Apply(uint64(i), r))
	}
	must(t, p.Close())
	for _, c := range []struct {
		name string
		size uint64
		want uint64
	}{{"log", 300, 300}, {"log", 299, 0}, {"other", 300, 0}} {
		t.Run(fmt.Sprint(c.name, c.size), func(t *testing.T) {
			copied := filepath.Join(t.TempDir(), "p")
			copyFile(t, path, copied)
			p := open(t, copied, c.name, c.size)
			defer p.Close()
			page, err := p.Find(projection.Query{})
			must(t, err)
			if p.Size() != c.want || page.Built != c.want || c.want == 0 && len(page.Entries) != 0 {
				t.Errorf("built to %d, %d entries", p.Size(), len(page.Entries))
			}
			if err := p.Apply(c.want+1, projection.Record{}); !errors.Is(err, projection.ErrGap) {
				t.Errorf("a gap: %v", err)
			}
			if _, err := p.Entry(c.want); !errors.Is(err, projection.ErrFuture) {
				t.Errorf("the future: %v", err)
			}
			must(t, p.Apply(c.want, projection.Record{Validity: "void"}))
		})
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	must(t, err)
	must(t, os.WriteFile(to, b, 0o600))
}
