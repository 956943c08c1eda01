package app_test

import (
	"context"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/haltlog/haltlog/internal/boltstore"
	"github.com/haltlog/haltlog/internal/projection"
	"github.com/haltlog/haltlog/internal/rig"
)

// TestIndexIsFlushedAtRest reads the index of a daemon that runs and has nothing
// to do, as a crash would leave it.
func TestIndexIsFlushedAtRest(t *testing.T) {
	t.Attr("invariant", "S2")
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	r, err := rig.Start(t.TempDir(), rig.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	if err := r.Setup(ctx, nil); err != nil {
		t.Fatal(err)
	}
	built := func() (uint64, error) {
		raw, err := os.ReadFile(filepath.Join(r.Dir, "log.state", "index.db"))
		if err != nil {
			return 0, err
		}
		path := filepath.Join(t.TempDir(), "index.db")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			return 0, err
		}
		kv, err := boltstore.OpenKV(path)
		if err != nil {
			return 0, err
		}
		p, err := projection.Open(kv, hex.EncodeToString(r.GenesisHash[:]), 1<<40)
		if err != nil {
			return 0, err
		}
		n := p.Size()
		return n, p.Close()
	}
	// Genesis, policy, group, and what the engine says of them.
	if err := rig.Until(ctx, func() (bool, error) { n, err := built(); return n >= 5, err }); err != nil {
		t.Fatal(err)
	}
}
