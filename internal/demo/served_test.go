package demo

import (
	"fmt"
	"testing"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/client"
)

// TestServed reads a log of more than two full tiles through the product's own
// client, and finds its root in the tiles.
func TestServed(t *testing.T) {
	var leaves [][]byte
	var tree checkpoint.Tree
	for i := range 2*tileWidth + 9 {
		leaves = append(leaves, fmt.Appendf(nil, "entry %d", i))
		if err := tree.Append(leaves[i]); err != nil {
			t.Fatal(err)
		}
	}
	s, err := serve(t.Context(), forged{leaves: leaves, shown: leaves, note: []byte("a note\n")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	c, err := client.New(client.Config{URL: s.url})
	if err != nil {
		t.Fatal(err)
	}
	if note, err := c.Checkpoint(t.Context()); err != nil || string(note) != "a note\n" {
		t.Errorf("checkpoint %q, %v", note, err)
	}
	top, err := c.Tile(t.Context(), 1, 0, 2)
	if err != nil {
		t.Fatal(err)
	}
	rest, err := c.Tile(t.Context(), 0, 2, 9)
	if err != nil {
		t.Fatal(err)
	}
	hash := func(b []byte, i int) checkpoint.Hash { return checkpoint.Hash(b[32*i : 32*i+32]) }
	eight := make([]checkpoint.Hash, 8)
	for i := range eight {
		eight[i] = hash(rest, i)
	}
	for len(eight) > 1 {
		for i := range len(eight) / 2 {
			eight[i] = checkpoint.NodeHash(eight[2*i], eight[2*i+1])
		}
		eight = eight[:len(eight)/2]
	}
	got := checkpoint.NodeHash(checkpoint.NodeHash(hash(top, 0), hash(top, 1)), checkpoint.NodeHash(eight[0], hash(rest, 8)))
	if want, err := tree.Root(tree.Size()); err != nil || got != want {
		t.Errorf("the tiles make another root than the leaves, %v", err)
	}
	for n, width := range []int{tileWidth, tileWidth, 9} {
		b, err := c.Bundle(t.Context(), uint64(n), width)
		want, ok := bundle(leaves, n*tileWidth, width)
		if err != nil || !ok || string(b) != string(want) {
			t.Errorf("bundle %d: %v", n, err)
		}
	}
	for _, path := range []string{"0/003", "0/002.p/10", "0/002.p/0", "8/000", "entries/x001/000", "x/000", "0/x"} {
		if _, ok := s.tile(path); ok {
			t.Errorf("tile %s was served", path)
		}
	}
}
