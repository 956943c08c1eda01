package clearing_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/clearing"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/listsync"
	"github.com/haltlog/haltlog/internal/rig"
	"github.com/haltlog/haltlog/log"
)

// TestTwoOfThree: a real daemon, two of three evaluators of whom the third is away,
// a halt, and a model that is cleared of its labels; the halted one is not.
func TestTwoOfThree(t *testing.T) {
	t.Attr("invariant", "CL2")
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
	halted, ours := questions(1), questions(2)
	network := &clearing.Network{}
	pk, err := voprf.ParsePublicKey(evaluators.Set.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	q, err := voprf.NewQuery(pk, blacklist.Inputs(halted))
	if err != nil {
		t.Fatal(err)
	}
	labels, _, err := network.Ask(ctx, evaluators.Set, q)
	if err != nil {
		t.Fatal(err)
	}
	entries := blacklist.Entries(halted, labels)
	root := blacklist.NewArtefact(entries).Root()
	sealed, wraps, err := blacklist.SealTo(blacklist.EscrowKeys{Threshold: [][]byte{evaluators.Set.Escrow[0]}},
		blacklist.Context{Origin: rig.Origin, Run: "run-1", Number: 1, Root: root}, entries)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Put(ctx, &log.Artefact{
		Origin: rig.Origin, Run: "run-1", Number: 1, KeyVersion: 1, Count: uint64(len(entries)), Root: log.Hash(root), Sealed: sealed,
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
	list := t.TempDir()
	var folder *clearing.Folder
	if err := rig.Until(ctx, func() (bool, error) {
		if _, err := listsync.Sync(ctx, listsync.Config{Dir: list, Genesis: &r.GenesisHash, Now: time.Now}, []listsync.Source{{Name: "log", Log: client.NewPlain(r.Client)}}); err != nil {
			return false, err
		}
		folder, err = clearing.OpenFolder(list)
		return err == nil && folder.List.Count == uint64(len(entries)), err
	}); err != nil {
		t.Fatal(err)
	}
	d, o, err := clearing.Make(ctx, clearing.Request{List: folder.List, Questions: ours, Asker: network})
	if err != nil {
		t.Fatal(err)
	}
	trust := clearing.Trust{Genesis: r.GenesisHash}
	v, err := clearing.Verify(ctx, d, trust, &clearing.Served{Client: r.Client})
	if err != nil || v.Labels != uint64(len(entries)) {
		t.Errorf("%+v %v", v, err)
	}
	if a, err := clearing.Open(ctx, d, o, trust, ours, nil); err != nil || !a.Fits() {
		t.Errorf("%+v %v", a, err)
	}
	if n := len(o.Queries[0].Answers); n != 2 {
		t.Errorf("%d answers", n)
	}
	_, _, err = clearing.Make(ctx, clearing.Request{List: folder.List, Questions: halted, Asker: network})
	if _, ok := errors.AsType[*clearing.ListedError](err); !ok {
		t.Errorf("a halted model: %v", err)
	}
}

func questions(seed byte) (out []blacklist.Question) {
	for _, k := range []fingerprint.Kind{fingerprint.Manifest, fingerprint.Tensor, fingerprint.Band(1)} {
		out = append(out, blacklist.Question{Kind: k, Input: fingerprint.Fingerprint{Kind: k, Value: [32]byte{seed}}.Input()})
	}
	return out
}
