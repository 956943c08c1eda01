package rig

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/evaluator"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/obs"
	"github.com/haltlog/haltlog/log"
)

// Evaluators is a set of holders with all their secrets, for a log whose genesis
// names them. Make it before the rig, and give Install as Options.Genesis; then
// the daemon needs no evaluator's key (see Settings), and Start lets each holder
// serve. Files shares-I.txt and holder-I.pem lie in Dir for real processes.
type Evaluators struct {
	Dir       string
	Set       log.EvaluatorSet
	Signers   []*keys.Signer // of role evaluator, by holder
	Shares    []evaluator.Shares
	listeners []net.Listener
	stop      []func()
}

// NewEvaluators deals a label key and an escrow key, t of n, under key version 1,
// and takes an address for each holder.
func NewEvaluators(dir string, t, n int) (*Evaluators, error) {
	e := &Evaluators{Dir: dir, Set: log.EvaluatorSet{Version: 1, T: t, N: n}}
	labels, err := voprf.Deal(voprf.GenerateKey(), t, n)
	if err != nil {
		return nil, err
	}
	escrow, err := voprf.Deal(voprf.GenerateKey(), t, n)
	if err != nil {
		return nil, err
	}
	for i := range t {
		e.Set.Commitments = append(e.Set.Commitments, labels.Commitments[i])
		e.Set.Escrow = append(e.Set.Escrow, escrow.Commitments[i])
	}
	e.Set.PublicKey = labels.Commitments[0]
	for i := range n {
		name := fmt.Sprintf("holder-%d", i+1)
		signer, err := (&Keys{Dir: dir}).signer(name)
		if err != nil {
			return nil, err
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		e.listeners, e.Signers = append(e.listeners, l), append(e.Signers, signer)
		e.Set.Holders = append(e.Set.Holders, log.Holder{
			Name: name, KeyID: signer.KeyID(), Address: "http://" + l.Addr().String(), Seal: voprf.GenerateKey().Public().Bytes(),
		})
		s := evaluator.Shares{Version: 1, Labels: labels.Shares[i], Escrow: escrow.Shares[i]}
		e.Shares = append(e.Shares, s)
		if err := keys.Create(filepath.Join(dir, fmt.Sprintf("shares-%d.txt", i+1)), s.Marshal()); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// Install names the holders in a genesis.
func (e *Evaluators) Install(g *log.Genesis) {
	g.Evaluators = e.Set
	for i, s := range e.Signers {
		x, err := grant(s, log.RoleEvaluator, e.Set.Holders[i].Name)
		if err != nil {
			panic(err) // a signature by a key that was made a moment ago
		}
		g.Keys = append(g.Keys, x)
	}
	slices.SortFunc(g.Keys, func(a, b log.KeyGrant) int { return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.Name, b.Name)) })
}

// Start lets holders serve, by their places from 0, all without any. Quotas are
// wide.
func (e *Evaluators) Start(r *Rig, places ...int) error {
	quorum, err := os.ReadFile(filepath.Join(r.Dir, "quorum.txt"))
	if err != nil {
		return err
	}
	if len(places) == 0 {
		for i := range e.Signers {
			places = append(places, i)
		}
	}
	for _, i := range places {
		from, err := client.New(client.Config{URL: r.Client.URL()})
		if err != nil {
			return err
		}
		v, err := evaluator.New(evaluator.Config{
			Origin: Origin, Genesis: r.GenesisHash, Quorum: quorum, Anonymous: 1 << 40, Period: time.Hour, Every: 200 * time.Millisecond,
		}, evaluator.Deps{
			Source: from, Signer: e.Signers[i], Shares: e.Shares[i : i+1], Verifier: keys.NewVerifier(), Now: time.Now, Logger: obs.Discard(),
			Submit: func(ctx context.Context, leaf []byte) (uint64, error) {
				a, err := from.Submit(ctx, leaf)
				return a.Index, err
			},
		})
		if err != nil {
			return err
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = v.Run(ctx, e.listeners[i])
		}()
		e.stop = append(e.stop, func() { cancel(); <-done })
	}
	return nil
}

// Restart ends all holders, and starts those at the places with the shares that they
// have now, at the same addresses.
func (e *Evaluators) Restart(r *Rig, places ...int) error {
	e.Close()
	for _, i := range places {
		next, err := net.Listen("tcp", e.listeners[i].Addr().String())
		if err != nil {
			return err
		}
		e.listeners[i] = next
	}
	return e.Start(r, places...)
}

// Close ends all holders.
func (e *Evaluators) Close() {
	for _, stop := range e.stop {
		stop()
	}
	e.stop = nil
	for _, l := range e.listeners {
		_ = l.Close()
	}
}
