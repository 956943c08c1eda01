package trust

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/client"
)

// memory serves tiles of a tree in memory; partial ones vanish once full ones are there.
type memory struct {
	leaves []checkpoint.Hash
	gone   bool
}

func (m *memory) hash(level int, index uint64) checkpoint.Hash {
	if level == 0 {
		return m.leaves[index]
	}
	return checkpoint.NodeHash(m.hash(level-1, 2*index), m.hash(level-1, 2*index+1))
}

func (m *memory) Tile(_ context.Context, level int, index uint64, width int) ([]byte, error) {
	if width < tileWidth && m.gone && (index+1)*tileWidth<<(8*level) <= uint64(len(m.leaves)) {
		return nil, fmt.Errorf("partial: %w", client.ErrNotFound)
	}
	if (index*tileWidth+uint64(width))<<(8*level) > uint64(len(m.leaves)) {
		return nil, client.ErrNotFound
	}
	var b []byte
	for i := range uint64(width) {
		h := m.hash(8*level, index*tileWidth+i)
		b = append(b, h[:]...)
	}
	return b, nil
}

func TestConsistency(t *testing.T) {
	const n = 66_000 // three levels of tiles
	m := &memory{gone: true}
	var tree checkpoint.Tree
	for i := range n {
		h := checkpoint.LeafHash(binary.BigEndian.AppendUint64(nil, uint64(i)))
		m.leaves = append(m.leaves, h)
		if err := tree.AppendHash(h); err != nil {
			t.Fatal(err)
		}
	}
	check := func(old, size uint64) {
		t.Helper()
		proof, err := consistency(t.Context(), m, old, size)
		if err != nil {
			t.Fatalf("%d in %d: %v", old, size, err)
		}
		a, _ := tree.Root(old)
		b, _ := tree.Root(size)
		if err := checkpoint.VerifyConsistency(old, size, a, b, proof); err != nil {
			t.Errorf("%d in %d: %v", old, size, err)
		}
	}
	for size := uint64(2); size < 40; size++ {
		for old := uint64(1); old < size; old++ {
			check(old, size)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		size := 2 + r.Uint64N(n-1)
		check(1+r.Uint64N(size-1), size)
	}
	for _, size := range []uint64{255, 256, 257, 511, 512, 65535, 65536, 65537, n} {
		check(size-1, size)
		check(1, size)
	}
}
