package lister

import (
	"context"
	"errors"
	"fmt"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/log"
)

// errHolders is an artefact of which too few holders opened their part yet.
var errHolders = errors.New("too few evaluators opened their part")

func contextOf(origin string, a *log.Artefact) blacklist.Context {
	return blacklist.Context{Origin: origin, Run: a.Run, Number: a.Number, Root: blacklist.Hash(a.Root)}
}

// together has an artefact of suite 2 opened by the holders of its key version;
// nil for one that is not sealed to them.
func (l *Lister) together(ctx context.Context, h halted, a *log.Artefact) ([]blacklist.Entry, error) {
	if l.deps.Part == nil || a == nil {
		return nil, nil
	}
	var set log.EvaluatorSet
	var origin string
	l.deps.Follower.View(func(m *fold.Machine) {
		set, _ = m.Ledger().EvaluatorSet(a.KeyVersion)
		origin = m.Ledger().Origin()
	})
	if len(set.Escrow) == 0 || !sealedTo(a, set.Escrow[0]) {
		return nil, nil
	}
	commitments := make([][]byte, len(set.Escrow))
	for i, c := range set.Escrow {
		commitments[i] = c
	}
	c, ws := contextOf(origin, a), wraps(a.Wraps)
	var wrap blacklist.Wrap
	for _, w := range ws {
		if w.Suite == blacklist.SuiteThreshold && w.KeyID == blacklist.ThresholdKeyID(commitments[0]) {
			wrap = w
		}
	}
	var parts []blacklist.PartialOpening
	var troubles []error
	for i, holder := range set.Holders {
		if len(parts) == set.T {
			break
		}
		p, err := l.part(ctx, origin, h.run, a.Number, i+1, holder.Address)
		if err == nil {
			err = p.Verify(commitments, c, wrap)
		}
		if err != nil {
			troubles = append(troubles, fmt.Errorf("%s: %w", holder.Name, err))
			continue
		}
		parts = append(parts, p)
	}
	if len(parts) < set.T {
		return nil, fmt.Errorf("%w: %d of %d: %w", errHolders, len(parts), set.T, errors.Join(troubles...))
	}
	labels, _, err := blacklist.OpenThreshold(commitments, c, a.Sealed, ws, parts)
	return labels, err
}

func sealedTo(a *log.Artefact, public []byte) bool {
	for _, w := range a.Wraps {
		if w.Suite == blacklist.SuiteThreshold && w.KeyID == blacklist.ThresholdKeyID(public) {
			return true
		}
	}
	return false
}

func (l *Lister) part(ctx context.Context, origin, run string, number uint64, holder int, address string) (p blacklist.PartialOpening, err error) {
	if address == "" {
		return p, errors.New("no address")
	}
	r := api.EscrowRequest{Origin: origin, Run: run, Artefact: number, Holder: holder}
	if err := r.Sign(l.deps.Signer); err != nil {
		return p, err
	}
	a, err := l.deps.Part(ctx, address, r)
	if err != nil {
		return p, err
	}
	if a.Holder != holder || len(a.S) != len(p.S) || len(a.Proof) != len(p.Proof) {
		return p, errors.New("malformed part")
	}
	return blacklist.PartialOpening{Index: holder, S: [32]byte(a.S), Proof: [64]byte(a.Proof)}, nil
}
