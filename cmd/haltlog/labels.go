package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/internal/durable"
	"github.com/haltlog/haltlog/internal/guardian"
	"github.com/haltlog/haltlog/internal/labcheck"
	"github.com/haltlog/haltlog/internal/query"
	"github.com/haltlog/haltlog/internal/trust"
	"github.com/haltlog/haltlog/log"
)

// labelsCmd asks for the labels of a model that others are tuned from.
type labelsCmd struct {
	trustFlags `embed:""`
	Path       string `arg:"" type:"path" help:"Base model: a folder, or one file."`
	Out        string `required:"" type:"path" help:"File for the labels: run register and the guard take it (--base)."`
	KeyVersion uint64 `help:"Version of the evaluators' key; without it, the newest."`
	Token      string `env:"HALTLOG_TOKEN" help:"Bearer token of the evaluate route; without it, the anonymous quota is used."`
	LabelCache string `type:"path" help:"Folder that keeps labels between two uses. It is as private as the model."`
	Evidence   string `type:"path" default:"evidence" help:"Folder where an evaluator's wrong answer is kept."`
	scanFlags  `embed:""`
}

// labelled is what was written.
type labelled struct {
	File string   `json:"file"`
	Base log.Base `json:"base"`
}

func (c *labelsCmd) Run(e *env) error {
	m, err := c.scan(e, c.Path)
	if err != nil {
		return err
	}
	o := labcheck.Options{Token: c.Token, Lie: keepLies(e, c.Evidence)}
	if c.LabelCache != "" {
		if o.Cache, err = query.OpenCache(c.LabelCache); err != nil {
			return err
		}
	}
	l, err := c.trustFlags.open(e, c.Token)
	if err != nil {
		return err
	}
	defer l.close()
	o.Origin = l.Genesis().Origin
	a, err := l.Authority(e.ctx, l.Newest().Checkpoint.Size)
	if err != nil {
		return c.evidence(err)
	}
	set, err := evaluatorsOf(a, c.KeyVersion)
	if err != nil {
		return err
	}
	ask, err := labcheck.Evaluators(a, set, l.client, o)
	if err != nil {
		return err
	}
	qs := blacklist.BaseQuestions(m)
	labels, err := ask.All(e.ctx, blacklist.Inputs(qs))
	if errors.Is(err, query.ErrLied) {
		return no(err)
	}
	if err != nil {
		return err
	}
	if o.Cache != nil {
		if err := o.Cache.Save(); err != nil {
			return err
		}
	}
	entries := blacklist.Entries(qs, labels)
	text := guardian.FormatLabels(entries)
	if err := durable.Replace(c.Out, text, 0o600); err != nil {
		return err
	}
	base, err := baseOf(text, set.Version)
	if err != nil {
		return err
	}
	return e.print(labelled{c.Out, *base}, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s: %d labels under key version %d, root %s\n", c.Out, base.Count, base.KeyVersion, base.Root.Hex())
		return err
	})
}

// evaluatorsOf is the set of a key version, or the newest one.
func evaluatorsOf(a *trust.Authority, version uint64) (log.EvaluatorSet, error) {
	if version == 0 {
		for _, s := range a.Evaluators {
			version = max(version, s.Version)
		}
	}
	set, ok := a.Evaluator(version)
	if !ok {
		return set, no(fmt.Errorf("the log names no evaluators of key version %d", version))
	}
	return set, nil
}

// baseOf declares the base whose labels a file holds.
func baseOf(text []byte, version uint64) (*log.Base, error) {
	entries, err := guardian.ParseLabels(text)
	if err != nil {
		return nil, err
	}
	tree := blacklist.NewArtefact(entries)
	return &log.Base{Root: log.Hash(tree.Root()), Count: tree.Count(), KeyVersion: version}, nil
}
