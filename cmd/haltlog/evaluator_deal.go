package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/ceremony"
	"github.com/haltlog/haltlog/internal/evaluator"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/officer"
	"github.com/haltlog/haltlog/log"
)

type evaluatorDealCmd struct {
	ceremonyFlags `embed:""`
	Ceremony      string   `arg:"" help:"Name of the ceremony: all dealings of one share it."`
	Purpose       string   `arg:"" enum:"labels,escrow,refresh,refresh-escrow,rotate-delta,rotate-key" help:"What is dealt: ${enum}."`
	Holder        []string `type:"path" placeholder:"FILE" help:"Holder files, holder 1 first; for the first dealing of a ceremony."`
	Threshold     int      `help:"How many holders answer together; for the first dealing of a ceremony."`
	KeyVersion    uint64   `help:"Version of the key that comes of it; for the first dealing. A refresh keeps the present one."`
	Alone         bool     `help:"Deal as one who holds nothing afterwards, alone: whoever does so knows the key."`
	Secret        string   `type:"path" help:"With --alone: the key to be shared (key new evaluator); a fresh one without it."`
	Key           string   `required:"" help:"Signing key of role evaluator: a file or a KMS address."`
	Seal          string   `type:"path" help:"The dealer's seal key, unless it deals alone."`
	Shares        string   `type:"path" help:"For rotate-key: the dealer's present shares."`
}

func (c *evaluatorDealCmd) Run(e *env) error {
	if c.Alone != (c.Seal == "") || (c.Secret != "" && !c.Alone) {
		return usage("give --seal as a holder, or --alone (and --secret) as one who holds nothing")
	}
	m, l, err := c.fold(e)
	if err != nil {
		return err
	}
	defer l.close()
	known, err := ceremony.Read(m.Ledger(), c.Ceremony)
	if err != nil && !errors.Is(err, ceremony.ErrNone) {
		return err
	}
	terms, recipients, err := c.terms(m.Ledger(), known)
	if err != nil {
		return err
	}
	var h ceremony.Holder
	var signer log.Signer
	var secret *voprf.PrivateKey
	if c.Alone {
		if signer, err = keys.Open(e.ctx, c.Key); err != nil {
			return err
		}
		if c.Secret != "" {
			if secret, err = parseFile(c.Secret, officer.ParseEvaluator); err != nil {
				return err
			}
		}
	} else {
		f := secretFlags{Key: c.Key, Seal: c.Seal, Shares: c.Shares}
		if h, signer, err = f.holder(e, recipients); err != nil {
			return err
		}
	}
	d, err := ceremony.Deal(terms, h, secret, known)
	if err != nil {
		return e.complain(l, known, signer, err)
	}
	return e.put(l.client, ceremony.StatementOf(d, recipients), signer)
}

// terms are those of the ceremony that the log holds, or of a new one.
func (c *evaluatorDealCmd) terms(l *log.Ledger, known *ceremony.Ceremony) (voprf.Ceremony, []log.Recipient, error) {
	if known != nil {
		if len(c.Holder) > 0 || c.Threshold != 0 || c.KeyVersion != 0 {
			return voprf.Ceremony{}, nil, usage("ceremony %s began: its holders, threshold and key version stand in the log", c.Ceremony)
		}
		return ceremony.Terms(known.Origin, known.Name, c.Purpose, known.Version, known.T, known.Holders), known.Holders, nil
	}
	present := l.Evaluators()
	var recipients []log.Recipient
	for _, path := range c.Holder {
		h, err := parseFile(path, ceremony.ParseHolder)
		if err != nil {
			return voprf.Ceremony{}, nil, err
		}
		recipients = append(recipients, log.Recipient{Name: h.Name, KeyID: h.KeyID, Seal: h.Seal})
	}
	t, version := c.Threshold, c.KeyVersion
	if refresh := c.Purpose == log.PurposeRefresh || c.Purpose == log.PurposeRefreshEscrow; refresh {
		if version == 0 {
			version = present.Version
		}
		if t == 0 {
			t = present.T
		}
		if len(recipients) == 0 {
			for _, h := range present.Holders {
				recipients = append(recipients, log.Recipient{Name: h.Name, KeyID: h.KeyID, Seal: h.Seal})
			}
		}
	}
	switch {
	case len(recipients) == 0 || t < 1 || t > len(recipients):
		return voprf.Ceremony{}, nil, usage("ceremony %s is new: give --holder for each holder, and --threshold", c.Ceremony)
	case version == 0:
		return voprf.Ceremony{}, nil, usage("ceremony %s is new: give --key-version (the present one is %d)", c.Ceremony, present.Version)
	}
	return ceremony.Terms(l.Origin(), c.Ceremony, c.Purpose, version, t, recipients), recipients, nil
}

type evaluatorFinishCmd struct {
	ceremonyFlags `embed:""`
	secretFlags   `embed:""`
	Ceremony      string `arg:"" help:"Name of the ceremony."`
	Out           string `required:"" type:"path" help:"File of the holder's new shares, for haltlogd evaluator. It must not exist."`
}

// Run exits with 4 where the holder complained: the others see it in the log, and all
// of them finish again.
func (c *evaluatorFinishCmd) Run(e *env) error {
	m, l, err := c.fold(e)
	if err != nil {
		return err
	}
	defer l.close()
	x, err := ceremony.Read(m.Ledger(), c.Ceremony)
	if err != nil {
		return no(err)
	}
	h, signer, err := c.holder(e, x.Holders)
	if err != nil {
		return err
	}
	labels, escrow, err := x.Finish(h)
	if err != nil {
		return e.complain(l, x, signer, err)
	}
	s := evaluator.Shares{Version: x.Version, Labels: labels, Escrow: escrow}
	if err := create(c.Out, s.Marshal()); err != nil {
		return err
	}
	return e.print(map[string]any{"holder": h.Index, "version": x.Version, "escrow": escrow != nil, "shares": c.Out}, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "holder %d has its shares of key version %d: start haltlogd evaluator with them once the set is in force\n", h.Index, x.Version)
		return err
	})
}

type evaluatorSetCmd struct {
	ceremonyFlags `embed:""`
	Ceremony      string   `arg:"" help:"Name of the ceremony."`
	Holder        []string `type:"path" placeholder:"FILE" help:"Holder files, for their addresses; without one a holder keeps its present address."`
	Out           string   `required:"" type:"path" help:"File of the set. It must not exist."`
}

func (c *evaluatorSetCmd) Run(e *env) error {
	m, l, err := c.fold(e)
	if err != nil {
		return err
	}
	defer l.close()
	x, err := ceremony.Read(m.Ledger(), c.Ceremony)
	if err != nil {
		return no(err)
	}
	set, err := x.Set()
	if errors.Is(err, ceremony.ErrUnfinished) {
		return no(err)
	}
	if err != nil {
		return err
	}
	addresses := map[string]string{}
	for _, h := range m.Ledger().Evaluators().Holders {
		addresses[h.KeyID] = h.Address
	}
	for _, path := range c.Holder {
		h, err := parseFile(path, ceremony.ParseHolder)
		if err != nil {
			return err
		}
		addresses[h.KeyID] = h.Address
	}
	for i, h := range set.Holders {
		set.Holders[i].Address = addresses[h.KeyID]
	}
	if err := create(c.Out, ceremony.FormatSet(set)); err != nil {
		return err
	}
	return e.print(statusOf(x), statusOf(x).text)
}
