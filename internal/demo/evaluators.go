package demo

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/evaluator"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/officer"
	"github.com/haltlog/haltlog/log"
)

// holder is one of the evaluators, who share the key of the labels and the key
// of the escrow: the daemon holds neither.
type holder struct {
	name, keyID, listen string
	shares              string // file
	proc                *Process
}

// deal shares both keys out and takes an address for each holder. The demo is
// the dealer, and forgets what it dealt; people who do not trust a dealer hold a
// ceremony in the log.
func (w *world) deal() error {
	labels, err := voprf.Deal(voprf.GenerateKey(), quorumOfHolders, holders)
	if err != nil {
		return err
	}
	escrow, err := voprf.Deal(voprf.GenerateKey(), quorumOfHolders, holders)
	if err != nil {
		return err
	}
	w.set = log.EvaluatorSet{Version: 1, T: quorumOfHolders, N: holders, PublicKey: labels.Commitments[0]}
	for i := range quorumOfHolders {
		w.set.Commitments = append(w.set.Commitments, labels.Commitments[i])
		w.set.Escrow = append(w.set.Escrow, escrow.Commitments[i])
	}
	for i, h := range w.holders {
		if h.listen, err = free(w.host); err != nil {
			return err
		}
		h.shares = w.key(h.name + ".shares")
		s := evaluator.Shares{Version: 1, Labels: labels.Shares[i], Escrow: escrow.Shares[i]}
		if err := keys.Create(h.shares, s.Marshal()); err != nil {
			return err
		}
		w.set.Holders = append(w.set.Holders, log.Holder{
			Name: h.name, KeyID: h.keyID, Address: "http://" + h.listen, Seal: voprf.GenerateKey().Public().Bytes(),
		})
		w.doc.Addresses[h.name] = "http://" + h.listen
	}
	return nil
}

// free is an address with a port of the kernel's choice. The genesis names it
// before its holder, who needs the log to begin with, can listen.
func free(host string) (string, error) {
	l, err := net.Listen("tcp", host+":0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// draftGenesis writes the sign request of a genesis with a set of holders.
func (w *world) draftGenesis() error {
	verifier := keys.NewVerifier()
	var grants []*officer.Grant
	for _, path := range w.grants {
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		g, err := officer.ParseGrant(b, origin, verifier)
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
		grants = append(grants, g)
	}
	b, err := os.ReadFile(w.file("quorum"))
	if err != nil {
		return err
	}
	quorum, err := checkpoint.ParseQuorum(b)
	if err != nil {
		return err
	}
	g := &log.Genesis{
		Origin: origin, Created: log.TimeOf(time.Now()), Nonce: make(log.Bytes, 16), Threshold: threshold,
		Keys: officer.Grants(grants), Quorum: quorum.String(), SkewMS: 2000, AnchorPeriodMS: 1000, DecisionPeriodMS: 1000,
		AuthorityDelayMS: 10_000, Evaluators: w.set,
	}
	rand.Read(g.Nonce) // does not fail (Go 1.24)
	r, err := officer.NewRequest(g, g.Keys, threshold)
	if err != nil {
		return err
	}
	return os.WriteFile(w.file("genesis.request"), r.Marshal(), 0o644)
}

// startHolders lets each holder serve its shares.
func (w *world) startHolders(ctx context.Context) error {
	for _, h := range w.holders {
		argv := append([]string{
			w.bin.Haltlogd, "evaluator", "--verbose", "--key=" + w.key(h.name), "--shares=" + h.shares, "--listen=" + h.listen, "--every=200ms",
			"--anonymous=1048576", "--state=" + filepath.Join(w.dir, "data", h.name+".state"),
		}, w.trust()...)
		var err error
		if h.proc, _, err = w.server(ctx, h.name, argv); err != nil {
			return err
		}
	}
	w.tell("", "evaluators", "%d evaluators share the keys of labels and escrow, %d of them are enough; the daemon holds neither", holders, quorumOfHolders)
	return nil
}

// loseHolder kills one evaluator for good, before any label is opened.
func (w *world) loseHolder() {
	h := w.holders[len(w.holders)-1]
	if h.proc.Exited() {
		return
	}
	h.proc.Kill()
	w.tell("", "kill", "%s got SIGKILL and does not come back: %d of %d have to do", h.name, quorumOfHolders, holders)
}
