package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/ceremony"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/evaluate"
	"github.com/haltlog/haltlog/internal/evaluator"
	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/officer"
	"github.com/haltlog/haltlog/internal/replay"
	"github.com/haltlog/haltlog/log"
)

// evaluatorCmd is what holders of shares do with one another. The log is between them:
// each reads all of it, verified, and writes what it deals or complains of.
type evaluatorCmd struct {
	Holder evaluatorHolderCmd `cmd:"" help:"Write what the others need of a holder: name, signing key, seal key, address."`
	Deal   evaluatorDealCmd   `cmd:"" help:"Deal for a purpose of a ceremony, into the log."`
	Status evaluatorStatusCmd `cmd:"" help:"Say what ceremonies the log holds, and what is to be said of each dealing."`
	Finish evaluatorFinishCmd `cmd:"" help:"Open what was dealt to a holder: its shares, or a complaint into the log."`
	Set    evaluatorSetCmd    `cmd:"" help:"Write the set that a ceremony gave, for the officers (authority evaluators --set)."`
	Rotate rotateCmd          `cmd:"" help:"Move the list's labels to the next key."`
	Blame  evaluatorBlameCmd  `cmd:"" help:"Verify offline that an evaluator answered wrongly, by the evidence that check kept."`
}

type evaluatorHolderCmd struct {
	Name    string `required:"" help:"Name of the holder."`
	Key     string `required:"" help:"Its signing key, of role evaluator: a file or a KMS address."`
	Seal    string `required:"" type:"path" help:"Its seal key, as key new evaluator made it: shares are sealed to it."`
	Address string `help:"Address at which it will answer, http or https."`
	Out     string `required:"" type:"path" help:"File to write. It must not exist."`
}

func (c *evaluatorHolderCmd) Run(e *env) error {
	signer, err := keys.Open(e.ctx, c.Key)
	if err != nil {
		return err
	}
	seal, err := parseFile(c.Seal, officer.ParseEvaluator)
	if err != nil {
		return err
	}
	h := log.Holder{Name: c.Name, KeyID: signer.KeyID(), Address: c.Address, Seal: seal.Public().Bytes()}
	b := ceremony.FormatHolder(h)
	if _, err := ceremony.ParseHolder(b); err != nil {
		return err
	}
	if err := create(c.Out, b); err != nil {
		return err
	}
	return e.print(h, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "holder %s\nkeyid %s\nseal %x\n", h.Name, h.KeyID, []byte(h.Seal))
		return err
	})
}

// ceremonyFlags are of every command that reads a ceremony out of the log.
type ceremonyFlags struct {
	trustFlags `embed:""`
}

// fold reads the whole log, verified.
func (f *ceremonyFlags) fold(e *env) (*fold.Machine, *opened, error) {
	l, err := f.open(e, "")
	if err != nil {
		return nil, nil, err
	}
	m, err := replay.Read(e.ctx, l.Log, l.client, e.progress("read the log"))
	if err != nil {
		return nil, nil, errors.Join(err, l.close())
	}
	return m, l, nil
}

// put submits a statement, in parts where it is large, and says what became of it once
// it is witnessed: whoever reads the log next is to see it.
func (e *env) put(c *client.Client, st log.Statement, signer log.Signer) error {
	whole, err := log.Seal(st, signer)
	if err != nil {
		return err
	}
	leaves, err := log.Split(whole, signer)
	if err != nil {
		return err
	}
	for i, leaf := range leaves {
		a, err := c.SubmitFolded(e.ctx, leaf)
		if err != nil {
			return err
		}
		if i == len(leaves)-1 {
			if _, err := c.SubmitWitnessed(e.ctx, leaf); err != nil {
				return err
			}
			return e.accepted(a)
		}
	}
	return nil
}

// secretFlags are a holder's secrets.
type secretFlags struct {
	Key    string `required:"" help:"The holder's signing key, of role evaluator: a file or a KMS address."`
	Seal   string `required:"" type:"path" help:"The holder's seal key."`
	Shares string `type:"path" help:"The holder's present shares, where it has any: a refresh and a rotation need them."`
}

// holder is who this is among a ceremony's holders, with its secrets.
func (f *secretFlags) holder(e *env, recipients []log.Recipient) (ceremony.Holder, log.Signer, error) {
	var h ceremony.Holder
	signer, err := keys.Open(e.ctx, f.Key)
	if err != nil {
		return h, nil, err
	}
	if h.Seal, err = parseFile(f.Seal, officer.ParseEvaluator); err != nil {
		return h, nil, err
	}
	h.Index = 1 + slices.IndexFunc(recipients, func(r log.Recipient) bool { return r.KeyID == signer.KeyID() })
	if h.Index == 0 {
		return h, nil, no(fmt.Errorf("key %s is no holder's of this ceremony", signer.KeyID()))
	}
	if string(recipients[h.Index-1].Seal) != string(h.Seal.Public().Bytes()) {
		return h, nil, no(fmt.Errorf("%s: another seal key than %s is dealt to", f.Seal, recipients[h.Index-1].Name))
	}
	if f.Shares != "" {
		s, err := evaluator.LoadShares(f.Shares)
		if err != nil {
			return h, nil, fmt.Errorf("%s: %w", f.Shares, err)
		}
		h.Labels, h.Escrow = s.Labels, s.Escrow
	}
	return h, signer, nil
}

// complain logs what a bad share shows; another error is the answer no where too few
// have dealt.
func (e *env) complain(l *opened, c *ceremony.Ceremony, signer log.Signer, err error) error {
	bad, ok := errors.AsType[*ceremony.BadShare](err)
	switch {
	case errors.Is(err, ceremony.ErrUnfinished):
		return no(err)
	case !ok:
		return err
	}
	if err := e.put(l.client, bad.Statement(c), signer); err != nil {
		return err
	}
	return look(fmt.Errorf("%w: a complaint is in the log, begin this step again", bad))
}

type evaluatorStatusCmd struct {
	ceremonyFlags `embed:""`
	Ceremony      string `arg:"" optional:"" help:"Name of a ceremony; all of them without it."`
}

// ceremonyStatus is what is to be said of one.
type ceremonyStatus struct {
	Ceremony string             `json:"ceremony"`
	Version  uint64             `json:"version"`
	T        int                `json:"t"`
	N        int                `json:"n"`
	Holders  []string           `json:"holders"`
	Dealings []ceremony.Verdict `json:"dealings"`
	Public   log.Bytes          `json:"public_key,omitempty"` // once it is finished
	Missing  string             `json:"missing,omitempty"`    // until then
}

func statusOf(c *ceremony.Ceremony) ceremonyStatus {
	s := ceremonyStatus{Ceremony: c.Name, Version: c.Version, T: c.T, N: c.N, Dealings: c.Verdicts()}
	for _, h := range c.Holders {
		s.Holders = append(s.Holders, h.Name)
	}
	if set, err := c.Set(); err != nil {
		s.Missing = err.Error()
	} else {
		s.Public = set.PublicKey
	}
	return s
}

func (s ceremonyStatus) text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "ceremony %s: key version %d, %d of %d: %s\n", s.Ceremony, s.Version, s.T, s.N, strings.Join(s.Holders, ", "))
	for _, v := range s.Dealings {
		fmt.Fprintf(&b, "  %s by dealer %d: ", v.Purpose, v.Dealer)
		if v.Counts {
			b.WriteString("counts")
		} else {
			fmt.Fprintf(&b, "does not count: %s", line(v.Why))
		}
		if len(v.Liars) > 0 {
			fmt.Fprintf(&b, " (holders %v complained falsely)", v.Liars)
		}
		b.WriteString("\n")
	}
	if s.Missing != "" {
		fmt.Fprintf(&b, "  %s\n", line(s.Missing))
	} else {
		fmt.Fprintf(&b, "  public key %x\n", []byte(s.Public))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (c *evaluatorStatusCmd) Run(e *env) error {
	m, l, err := c.fold(e)
	if err != nil {
		return err
	}
	defer l.close()
	names := []string{c.Ceremony}
	if c.Ceremony == "" {
		names = m.Ledger().Ceremonies()
	}
	all := []ceremonyStatus{}
	for _, name := range names {
		x, err := ceremony.Read(m.Ledger(), name)
		if errors.Is(err, ceremony.ErrNone) {
			return no(err)
		}
		if err != nil {
			return err
		}
		all = append(all, statusOf(x))
	}
	return e.print(all, func(w io.Writer) error {
		for _, s := range all {
			if err := s.text(w); err != nil {
				return err
			}
		}
		return nil
	})
}

type evaluatorBlameCmd struct {
	officersFlags `embed:""`
	File          string `arg:"" type:"path" help:"Evidence that check or labels kept."`
}

// Run needs no network: the set and its keys follow from the genesis and the authority
// statements. Exit codes: 0 the holder is proven to have answered wrongly, 3 it is not.
func (c *evaluatorBlameCmd) Run(e *env) error {
	a, err := c.standing()
	if err != nil {
		return err
	}
	x, err := parseFile(c.File, evaluate.ParseSigned)
	if err != nil {
		return err
	}
	if x.Origin != a.Genesis.Origin {
		return no(fmt.Errorf("%s: of log %s", c.File, line(x.Origin)))
	}
	id := log.KeyID(x.SPKI)
	if k, ok := a.Keys[id]; !ok || k.Role != log.RoleEvaluator {
		return no(fmt.Errorf("%s: signed by key %s, which is no evaluator's", c.File, id))
	}
	sets := a.EvaluatorSets(x.Version)
	if len(sets) == 0 {
		return no(fmt.Errorf("%s: the log names no evaluators of key version %d", c.File, x.Version))
	}
	if err := x.Blame(sets[0], keys.NewVerifier(), sets[1:]...); err != nil {
		return no(fmt.Errorf("%s: %w", c.File, err))
	}
	name := fmt.Sprintf("holder %d", x.Holder)
	if hs := sets[0].Holders; x.Holder >= 1 && x.Holder <= len(hs) {
		name = hs[x.Holder-1].Name
	}
	return e.print(map[string]any{"holder": x.Holder, "name": name, "keyid": id, "version": x.Version, "elements": len(x.Request) / voprf.ElementSize}, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "proven: %s answered wrongly under key version %d, and signed it (key %s)\n", line(name), x.Version, id)
		return err
	})
}
