package audit

import (
	"context"
	"fmt"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/log"
)

// history is A03 as far as the checkpoints alone show it; done means that
// there is nothing to judge.
func (r *audit) history() (done bool, err error) {
	if r.saved == nil {
		return false, nil
	}
	old, err := checkpointOf(r.saved.Checkpoint)
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if r.cp.Origin != old.Origin {
		return false, fmt.Errorf("%w: it is of %q", ErrOtherLog, old.Origin)
	}
	text := ""
	switch {
	case r.cp.Size < old.Size:
		text = fmt.Sprintf("the log shrank: it publishes %d entries, %d were verified before", r.cp.Size, old.Size)
	case r.cp.Size == old.Size && r.cp.Root != old.Root:
		text = fmt.Sprintf("history was rewritten: size %d has another root than was verified before", r.cp.Size)
	default:
		return false, nil
	}
	f := Finding{Check: checkHistory, Severity: SeverityFinding, Text: text, Evidence: r.published()}
	f.Evidence.Checkpoints = append(f.Evidence.Checkpoints, SignedNote{"state", r.saved.Checkpoint})
	r.found.add("", f)
	r.broken = true
	return true, nil
}

// locate says why the entries do not make the signed root: history before the
// last audit was rewritten (A03), or entries are not those of the tree (A02).
func (r *audit) locate(ctx context.Context) error {
	r.broken = true
	h := newHashes(r.deps.Log, r.cp.Size)
	root, err := h.root(ctx, r.cp.Size)
	f := Finding{Check: checkTree, Severity: SeverityFinding, Evidence: r.published()}
	if err != nil || root != r.cp.Root {
		f.Text = fmt.Sprintf("neither the entries nor the hash tiles make the root that is signed for size %d", r.cp.Size)
		if err != nil {
			f.Evidence.Missing = err.Error()
		}
		r.found.add("", f)
		return nil
	}
	if r.saved != nil {
		old, proof, err := r.rootAt(ctx, h, r.saved.Size)
		before, _ := checkpointOf(r.saved.Checkpoint)
		if err == nil && old != before.Root {
			f.Check = checkHistory
			f.Text = fmt.Sprintf("history was rewritten: the first %d entries are not those that were verified before", r.saved.Size)
			f.Evidence.Checkpoints = append(f.Evidence.Checkpoints, SignedNote{"state", r.saved.Checkpoint})
			f.Evidence.Root = &OldRoot{Size: r.saved.Size, Root: log.Hash(old), Consistency: logHashes(proof)}
			r.found.add("", f)
			return nil
		}
	}
	for n := uint64(0); n*tileWidth < r.cp.Size; n++ {
		leaves, err := bundle(ctx, r.deps.Log, n, r.cp.Size)
		if err != nil {
			return err
		}
		for i, leaf := range leaves {
			index := n*tileWidth + uint64(i)
			want, err := h.node(ctx, 0, index)
			if err != nil {
				return err
			}
			if checkpoint.LeafHash(leaf) == want {
				continue
			}
			proof, err := h.inclusion(ctx, index)
			if err != nil {
				return err
			}
			f.Index = new(index)
			f.Text = "the entry that is served is not the one that the tree holds"
			f.Evidence.Entries = []Entry{{Index: index, Leaf: leaf, Hash: log.Hash(want), Served: true, Proof: logHashes(proof)}}
			r.found.add("leaf", f)
		}
	}
	if len(r.found.list) == 0 {
		f.Text = "the log served entries that it serves no more"
		r.found.add("", f)
	}
	return nil
}

// rootAt is the published tree's root at an earlier size, held against the
// signed one.
func (r *audit) rootAt(ctx context.Context, h *hashes, size uint64) (checkpoint.Hash, []checkpoint.Hash, error) {
	old, err := h.root(ctx, size)
	if err != nil {
		return old, nil, err
	}
	proof, err := h.consistency(ctx, size)
	if err != nil {
		return old, nil, err
	}
	return old, proof, checkpoint.VerifyConsistency(size, r.cp.Size, old, r.cp.Root, proof)
}

func logHashes(hs []checkpoint.Hash) []log.Hash {
	out := make([]log.Hash, len(hs))
	for i, h := range hs {
		out[i] = log.Hash(h)
	}
	return out
}
