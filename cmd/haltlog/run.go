package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/officer"
	"github.com/haltlog/haltlog/log"
	"github.com/haltlog/haltlog/policy"
)

type runCmd struct {
	Register runRegisterCmd `cmd:"" help:"As a registrar, register a run: from then on it lives by its policy."`
	List     runListCmd     `cmd:"" help:"List the runs."`
	Show     runShowCmd     `cmd:"" help:"Show where a run stands."`
	Why      runWhyCmd      `cmd:"" help:"Say in one sentence why a run ended."`
}

type runRegisterCmd struct {
	trustFlags `embed:""`
	Key        string        `required:"" help:"The registrar's private key file, or the reference of a key in a KMS (provider://resource)."`
	ID         string        `name:"run" required:"" help:"Name of the run."`
	Class      string        `required:"" help:"Class of the policy: it sets the check-in interval."`
	Task       string        `required:"" help:"What the run does, in one line for people."`
	Chain      string        `required:"" help:"Policy chain."`
	Group      string        `required:"" help:"Hash of the consensus group, in hex (group show)."`
	Guard      []string      `required:"" type:"path" help:"Grant files of the run's guards (key prove --role guard)."`
	Manifest   string        `help:"Label of what is trained on, in hex: a listed one is refused."`
	Base       string        `type:"path" help:"File with the labels of the model that the run starts from (labels): what it has too is not escrowed, nor listed at a halt."`
	BaseKey    uint64        `help:"Key version of those labels; without it, the evaluators' newest."`
	MaxLife    time.Duration `help:"Longest life of the run; without it, the policy's."`
	Wait       string        `enum:"durable,folded" default:"folded" help:"Until when to wait: ${enum}."`
}

func (c *runRegisterCmd) Run(e *env) error {
	s, err := keys.Open(e.ctx, c.Key)
	if err != nil {
		return err
	}
	group, err := log.ParseHex(c.Group)
	if err != nil {
		return usage("--group: %v", err)
	}
	l, err := c.open(e, "")
	if err != nil {
		return err
	}
	defer l.close()
	doc, err := inForce(e, l.client, c.Chain)
	if err != nil {
		return err
	}
	st := &log.Run{
		Origin: l.Genesis().Origin, Run: c.ID, Class: c.Class, Task: c.Task, Chain: c.Chain,
		Policy: log.PolicyHash(doc.Encode()), Group: group, MaxLifeMS: c.MaxLife.Milliseconds(),
	}
	if c.MaxLife == 0 {
		st.MaxLifeMS = doc.Life.MaxMS
	}
	if c.Manifest != "" {
		b, err := hex.DecodeString(c.Manifest)
		if err != nil {
			return usage("--manifest: want 64 hexadecimal digits")
		}
		st.Manifest = new(log.Bytes(b))
	}
	if c.Base != "" {
		if st.Base, err = c.base(e, l); err != nil {
			return err
		}
	}
	verifier := keys.NewVerifier()
	for _, path := range c.Guard {
		g, err := parseFile(path, func(b []byte) (*officer.Grant, error) { return officer.ParseGrant(b, st.Origin, verifier) })
		if err != nil {
			return err
		}
		guard, err := g.Guard()
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		st.Guards = append(st.Guards, guard)
	}
	slices.SortFunc(st.Guards, func(a, b log.Guard) int { return strings.Compare(a.Name, b.Name) })
	leaf, err := log.Seal(st, s)
	if err != nil {
		return err
	}
	submit := l.client.SubmitFolded
	if c.Wait == "durable" {
		submit = l.client.Submit
	}
	a, err := submit(e.ctx, leaf)
	if err != nil {
		return err
	}
	return e.accepted(a)
}

// base declares the labels of the base's file.
func (c *runRegisterCmd) base(e *env, l *opened) (*log.Base, error) {
	a, err := l.Authority(e.ctx, l.Newest().Checkpoint.Size)
	if err != nil {
		return nil, c.evidence(err)
	}
	set, err := evaluatorsOf(a, c.BaseKey)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(c.Base)
	if err != nil {
		return nil, err
	}
	base, err := baseOf(text, set.Version)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Base, err)
	}
	return base, nil
}

// inForce is the policy in force of a chain, as the daemon says. Who names a wrong
// one gets a void statement, so it is not verified here.
func inForce(e *env, c *client.Client, chain string) (*policy.Document, error) {
	ps, err := c.Policies(e.ctx, chain)
	if err != nil {
		return nil, fmt.Errorf("policies of %s: %w", chain, err)
	}
	for _, p := range slices.Backward(ps) {
		if !p.InForce {
			continue
		}
		doc, err := policy.Parse(p.Document)
		if err != nil {
			return nil, fmt.Errorf("policy %s %d: %w", chain, p.Number, err)
		}
		return doc, nil
	}
	return nil, no(fmt.Errorf("no policy in force in chain %s", chain))
}

type runListCmd struct {
	logFlag `embed:""`
}

func (c *runListCmd) Run(e *env) error {
	cl, err := c.client("")
	if err != nil {
		return err
	}
	runs, err := cl.Runs(e.ctx)
	if err != nil {
		return err
	}
	if runs == nil {
		runs = []api.Run{}
	}
	return e.print(runs, func(w io.Writer) error {
		for _, r := range runs {
			if _, err := fmt.Fprintf(w, "%-24s %-10s %s\n", r.Run, r.State, line(r.Task)); err != nil {
				return err
			}
		}
		return nil
	})
}

// line keeps a server's text from steering a terminal.
func line(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

type runShowCmd struct {
	logFlag `embed:""`
	ID      string `arg:"" name:"run" help:"Name of the run."`
}

func (c *runShowCmd) Run(e *env) error {
	cl, err := c.client("")
	if err != nil {
		return err
	}
	r, err := cl.Run(e.ctx, c.ID)
	if err != nil {
		return noRun(c.ID, err)
	}
	return e.print(r, func(w io.Writer) error {
		fmt.Fprintf(w, "run %s\nstate %s\ntask %s\nclass %s\nchain %s\ngroup %s\n", line(r.Run), r.State, line(r.Task), line(r.Class), line(r.Chain), r.Group.Hex())
		for _, l := range []struct {
			name  string
			index *uint64
		}{{"registered", &r.Registered}, {"halt", r.Halt}, {"artefact", r.Artefact}, {"fingerprints", r.Fingerprints}, {"observed dead", r.ObservedDead}, {"close", r.Close}} {
			if l.index != nil {
				fmt.Fprintf(w, "%s at entry %d\n", l.name, *l.index)
			}
		}
		for _, x := range r.Causes {
			fmt.Fprintf(w, "cause %s: %d of %d, entries %v\n", line(x.Tripwire), x.Value, x.Bound, x.Evidence)
		}
		return nil
	})
}

func noRun(run string, err error) error {
	if errors.Is(err, client.ErrNotFound) {
		return no(fmt.Errorf("no run %s", run))
	}
	return err
}

type runWhyCmd struct {
	logFlag `embed:""`
	ID      string `arg:"" name:"run" help:"Name of the run."`
}

func (c *runWhyCmd) Run(e *env) error {
	cl, err := c.client("")
	if err != nil {
		return err
	}
	why, err := cl.Why(e.ctx, c.ID)
	if err != nil {
		return noRun(c.ID, err)
	}
	return e.print(why, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, line(why.Sentence))
		return err
	})
}
