package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/rig"
	"github.com/haltlog/haltlog/log"
	"github.com/haltlog/haltlog/policy"
)

const (
	// connections is how many clients append at the same time.
	connections = 256
	// inGenesis is how many of their keys the genesis names: it holds 128 keys,
	// the parties' own included. The others come by authority statements.
	inGenesis = 100
	perGrant  = 128
)

// bulk is a log with as many evaluators as there are connections: each signs its
// own counts, one after another, so that all of them are valid. Nothing else of
// the bulk lane can be made in any number without changing the log's state.
type bulk struct {
	*stage
	evaluators []*keys.Signer
	next       []uint64 // sequence by evaluator
}

func newBulk(ctx context.Context, b *bench, name string, o rig.Options, change func(*policy.Document)) (_ *bulk, err error) {
	k := &bulk{next: make([]uint64, connections)}
	var grants []log.KeyGrant
	for i := range connections {
		private, err := keys.Generate(keys.Ed25519)
		if err != nil {
			return nil, err
		}
		s, err := keys.NewSigner(private)
		if err != nil {
			return nil, err
		}
		proof, err := log.Prove(s, rig.Origin, log.RoleEvaluator, s.SPKI())
		if err != nil {
			return nil, err
		}
		k.evaluators = append(k.evaluators, s)
		grants = append(grants, log.KeyGrant{Role: log.RoleEvaluator, Name: fmt.Sprintf("lab-%03d", i), SPKI: s.SPKI(), Proof: proof})
	}
	o.Genesis = func(g *log.Genesis) {
		g.Keys = append(g.Keys, grants[:inGenesis]...)
		slices.SortFunc(g.Keys, func(a, b log.KeyGrant) int { return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.Name, b.Name)) })
	}
	if k.stage, err = newStage(ctx, b, name, o, change); err != nil {
		return nil, err
	}
	if err := k.grant(ctx, grants[inGenesis:]); err != nil {
		k.close()
		return nil, err
	}
	return k, nil
}

// grant names the other keys, and waits until they are in force.
func (k *bulk) grant(ctx context.Context, grants []log.KeyGrant) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	genesis, err := log.Parse(k.Genesis)
	if err != nil {
		return err
	}
	previous, number := genesis.Identity, uint64(1)
	for some := range slices.Chunk(grants, perGrant) {
		leaf, err := log.Seal(&log.Authority{Origin: rig.Origin, Number: number, Previous: previous, Add: some, Revoke: []string{}}, k.Threshold()...)
		if err != nil {
			return err
		}
		a, err := k.Client.SubmitFolded(ctx, leaf)
		if err != nil {
			return fmt.Errorf("grant keys: %w", err)
		}
		previous, number = log.Hash(a.Identity), number+1
	}
	// In order: when the last one's statement is taken, all of them are in force.
	// The first one's keep the log from being idle, which would have no anchors.
	return rig.Until(ctx, func() (bool, error) {
		for _, i := range []int{0, inGenesis, connections - 1} {
			bodies, err := k.bodies(i, 1)
			if err != nil {
				return false, err
			}
			if _, err := k.Client.Submit(ctx, bodies[0]); err != nil {
				return false, err
			}
		}
		return true, nil
	})
}

// bodies seals the next statements of one evaluator.
func (k *bulk) bodies(i, n int) ([][]byte, error) {
	out := make([][]byte, 0, n)
	now := log.TimeOf(time.Now())
	for range n {
		k.next[i]++
		leaf, err := log.Seal(&log.Evaluations{Origin: rig.Origin, Sequence: k.next[i], From: now, Until: now, Elements: uint64(i)}, k.evaluators[i])
		if err != nil {
			return nil, err
		}
		out = append(out, leaf)
	}
	return out, nil
}

// all seals n statements of each evaluator.
func (k *bulk) all(n int) ([][][]byte, error) {
	out, errs := make([][][]byte, connections), make([]error, connections)
	var wg sync.WaitGroup
	for i := range connections {
		wg.Go(func() { out[i], errs[i] = k.bodies(i, n) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
