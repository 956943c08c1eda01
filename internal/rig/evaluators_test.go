package rig_test

import (
	"context"
	"testing"
	"time"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/rig"
	"github.com/haltlog/haltlog/log"
)

// TestTwoOfThree halts a run whose labels only evaluators can open, of whom one is
// away: the daemon, which holds neither key, lists them.
func TestTwoOfThree(t *testing.T) {
	t.Attr("invariant", "E5")
	if testing.Short() {
		t.Skip("starts a whole log")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	dir := t.TempDir()
	evaluators, err := rig.NewEvaluators(dir, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer evaluators.Close()
	r, err := rig.Start(dir, rig.Options{Genesis: evaluators.Install}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := evaluators.Start(r, 0, 2); err != nil {
		t.Fatal(err)
	}
	if err := r.Setup(ctx, nil); err != nil {
		t.Fatal(err)
	}
	if err := r.Run(ctx, "run-1"); err != nil {
		t.Fatal(err)
	}
	y, err := voprf.GenerateKey().Label([]byte("tensor"))
	if err != nil {
		t.Fatal(err)
	}
	labels := []blacklist.Entry{{Kind: fingerprint.Tensor, Label: blacklist.Label(y)}}
	root := blacklist.NewArtefact(labels).Root()
	sealed, wraps, err := blacklist.SealTo(blacklist.EscrowKeys{Threshold: [][]byte{evaluators.Set.Escrow[0]}},
		blacklist.Context{Origin: rig.Origin, Run: "run-1", Number: 1, Root: root}, labels)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Put(ctx, &log.Artefact{
		Origin: rig.Origin, Run: "run-1", Number: 1, KeyVersion: 1, Count: 1, Root: log.Hash(root), Sealed: sealed,
		Wraps: []log.Wrap{{Suite: wraps[0].Suite, KeyID: wraps[0].KeyID, Bytes: wraps[0].Bytes}},
	}, r.Guards["run-1"]); err != nil {
		t.Fatal(err)
	}
	vote, err := r.VoteLeaf("run-1", 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Client.SubmitFolded(ctx, vote); err != nil {
		t.Fatal(err)
	}
	if err := rig.Until(ctx, func() (bool, error) {
		l, err := r.Client.Listing(ctx, string(fingerprint.Tensor), y[:])
		return err == nil && l.State == "listed", err
	}); err != nil {
		t.Fatal(err)
	}
}
