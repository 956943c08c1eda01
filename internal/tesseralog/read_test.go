package tesseralog_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/tesseralog"
)

// TestReadTile rebuilds the tree from what is served, and asks for what is not
// there.
func TestReadTile(t *testing.T) {
	r := newRig(t)
	l := r.open(t)
	ctx := patient(t)
	if _, _, err := l.ReadTile(ctx, "checkpoint"); !errors.Is(err, tesseralog.ErrNotFound) {
		t.Errorf("checkpoint of nothing: %v", err)
	}
	fill(t, l, 530)
	v, err := l.WaitPublished(ctx, 530)
	if err != nil {
		t.Fatal(err)
	}
	note, immutable, err := l.ReadTile(ctx, "checkpoint")
	if err != nil || immutable {
		t.Errorf("checkpoint: %v, %v", immutable, err)
	}
	if _, err := r.quorum.Load().Verify(note); err != nil {
		t.Error(err)
	}
	get := func(path string, size int) []byte {
		t.Helper()
		b, immutable, err := l.ReadTile(ctx, path)
		if err != nil || !immutable || size > 0 && len(b) != size {
			t.Fatalf("%s: %d bytes, %v, %v", path, len(b), immutable, err)
		}
		return b
	}
	var hashes [][]byte
	for _, bundle := range []struct {
		entries, tile string
		n             int
	}{{"000", "000", 256}, {"001", "001", 256}, {"002.p/18", "002.p/18", 18}} {
		b := get("tile/entries/"+bundle.entries, 0)
		tile := get("tile/0/"+bundle.tile, 32*bundle.n)
		for i := range bundle.n {
			n := int(binary.BigEndian.Uint16(b))
			h := checkpoint.LeafHash(b[2 : 2+n])
			if !bytes.Equal(h[:], tile[32*i:32*i+32]) {
				t.Fatalf("entry %d of %s does not hash to its tile", i, bundle.entries)
			}
			hashes = append(hashes, h[:])
			b = b[2+n:]
		}
		if len(b) != 0 {
			t.Errorf("%d bytes too many in %s", len(b), bundle.entries)
		}
	}
	upper := get("tile/1/000.p/2", 64)
	for len(hashes) > 256 && len(upper) > 0 {
		level := hashes[:256]
		for len(level) > 1 {
			var next [][]byte
			for i := 0; i < len(level); i += 2 {
				h := checkpoint.NodeHash(checkpoint.Hash(level[i]), checkpoint.Hash(level[i+1]))
				next = append(next, h[:])
			}
			level = next
		}
		if !bytes.Equal(level[0], upper[:32]) {
			t.Fatal("the upper tile is not that of the lower ones")
		}
		hashes, upper = hashes[256:], upper[32:]
	}
	// A partial tile of any width that the published size implies, whatever
	// was written: also where the full one has come meanwhile.
	if b := get("tile/0/000.p/7", 7*32); !bytes.Equal(b, get("tile/0/000", 0)[:7*32]) {
		t.Error("a partial tile is not the beginning of the full one")
	}
	get("tile/entries/001.p/255", 0)
	get("tile/entries/002.p/1", 0)
	for _, path := range []string{
		"tile/0/002", "tile/0/002.p/19", "tile/entries/003", "tile/2/000.p/1", "tile/1/000", "tile/0/000.p/0", "tile/0/000.p/256",
		"", "/checkpoint", "checkpoint/", ".state/treeState", "../published/checkpoint", "tile/0/../0/000", "tile/0/0", "lock",
	} {
		if _, _, err := l.ReadTile(ctx, path); !errors.Is(err, tesseralog.ErrNotFound) {
			t.Errorf("%q: %v", path, err)
		}
	}
	// What is integrated and not published is not served.
	for _, p := range r.peers {
		p.away.Store(true)
	}
	fill(t, l, 1)
	if _, _, err := l.ReadTile(ctx, "tile/0/002.p/19"); !errors.Is(err, tesseralog.ErrNotFound) {
		t.Errorf("ahead of the published size %d: %v", v.Checkpoint.Size, err)
	}
	get("tile/0/002.p/18", 18*32)
}

// BenchmarkAppend is the durable append of the log under 256 appenders.
func BenchmarkAppend(b *testing.B) {
	r := newRig(b)
	l := r.open(b)
	b.SetParallelism(128)
	b.RunParallel(func(pb *testing.PB) {
		leaf := bytes.Repeat([]byte("x"), 1000)
		for i := 0; pb.Next(); i++ {
			if _, err := l.Append(b.Context(), fmt.Appendf(leaf[:900], "%p %d", pb, i)); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkPublished is one entry on an idle log to the published checkpoint of
// it, with 2 of 3 cosignatures.
func BenchmarkPublished(b *testing.B) {
	r := newRig(b)
	l := r.open(b)
	for i := 0; b.Loop(); i++ {
		index, err := l.Append(b.Context(), fmt.Appendf(nil, "entry %d", i))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := l.WaitPublished(b.Context(), index+1); err != nil {
			b.Fatal(err)
		}
	}
}
