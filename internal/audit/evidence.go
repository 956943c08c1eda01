package audit

import (
	"context"
	"slices"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/log"
)

// attach gives each finding the checkpoint and the entries that prove it.
// Notes carry none: they are for people.
func (r *audit) attach(ctx context.Context) {
	h := newHashes(r.deps.Log, r.cp.Size)
	for i := range r.report.Findings {
		f := &r.report.Findings[i]
		if f.Severity == SeverityNote || len(f.entries) == 0 && len(f.Evidence.Checkpoints) > 0 {
			continue
		}
		own := f.Evidence.Checkpoints
		e := r.published()
		f.Evidence.Quorum, f.Evidence.Checkpoints = e.Quorum, append(e.Checkpoints, own...)
		indices := slices.Clone(f.entries)
		slices.Sort(indices)
		indices = slices.Compact(indices)
		for _, index := range indices[:min(len(indices), maxEvidenceEntries)] {
			entry, err := r.proven(ctx, h, index)
			if err != nil {
				f.Evidence.Missing = err.Error()
				break
			}
			f.Evidence.Entries = append(f.Evidence.Entries, entry)
		}
		if f.Check == checkSplit && f.Evidence.Root == nil && len(own) > 0 {
			r.attachRoot(ctx, h, f, own[0].Note)
		}
	}
}

// attachRoot proves the root at the size of a lease's checkpoint.
func (r *audit) attachRoot(ctx context.Context, h *hashes, f *Finding, note []byte) {
	cp, err := checkpointOf(note)
	if err != nil || cp.Size >= r.cp.Size {
		return
	}
	old, proof, err := r.rootAt(ctx, h, cp.Size)
	if err != nil {
		f.Evidence.Missing = err.Error()
		return
	}
	f.Evidence.Root = &OldRoot{Size: cp.Size, Root: log.Hash(old), Consistency: logHashes(proof)}
}

// proven is an entry with its inclusion proof under the published checkpoint.
func (r *audit) proven(ctx context.Context, h *hashes, index uint64) (Entry, error) {
	leaves, err := bundle(ctx, r.deps.Log, index/tileWidth, r.cp.Size)
	if err != nil {
		return Entry{}, err
	}
	leaf := leaves[index%tileWidth]
	proof, err := h.inclusion(ctx, index)
	if err != nil {
		return Entry{}, err
	}
	hash := checkpoint.LeafHash(leaf)
	if err := checkpoint.VerifyInclusion(index, r.cp.Size, hash, proof, r.cp.Root); err != nil {
		return Entry{}, err
	}
	return Entry{Index: index, Leaf: leaf, Hash: log.Hash(hash), Proof: logHashes(proof)}, nil
}
