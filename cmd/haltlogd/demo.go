package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/haltlog/haltlog/internal/cli"
	"github.com/haltlog/haltlog/internal/demo"
)

// DemoCmd shows the whole way once, with every party as a process of its own.
//
// Exit codes: 0 everything ended as told, 1 it did not or could not be shown, 3
// a plant was made and the audit found it.
type DemoCmd struct {
	Scenario string `default:"vote" help:"How the run ends: ${demo_scenarios}; or all, one after the other."`
	Plant    string `help:"After the vote, alter one thing with the real keys and let the audit find it: ${demo_plants}; or all."`
	JSON     bool   `name:"json" help:"Print the same as one document."`
	Stay     bool   `help:"Keep everything running after the end, and print the addresses."`
	Keep     bool   `help:"Keep the folder with keys, stores and every process's log."`
}

// errRed is a demo that did not end as told.
var errRed = errors.New("demo: not everything ended as told")

// Run shows one scenario or all.
func (c *DemoCmd) Run(e *env) error {
	names := []string{c.Scenario}
	if c.Scenario == "all" {
		names = demo.Scenarios()
	}
	o := demo.Options{Plant: c.Plant, Out: e.stdout, Stay: c.Stay, Keep: c.Keep}
	if c.JSON {
		o.Out = nil
		if c.Stay {
			o.Out = e.stderr
		}
	}
	var docs []*demo.Document
	var errs []error
	for _, name := range names {
		o.Scenario = name
		doc, err := demo.Run(e.ctx, o)
		if doc == nil {
			return cli.Exit(cli.Usage, err)
		}
		docs = append(docs, doc)
		if err != nil {
			errs = append(errs, err)
		}
		if !c.JSON {
			if err := demo.Conclude(e.stdout, doc); err != nil {
				return err
			}
		}
		if e.ctx.Err() != nil {
			break
		}
	}
	if c.JSON {
		if err := printDocuments(e.stdout, c.Scenario == "all", docs); err != nil {
			return err
		}
	}
	return conclude(docs, errs)
}

// printDocuments prints one document, or all as a list.
func printDocuments(w io.Writer, list bool, docs []*demo.Document) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if list {
		return enc.Encode(docs)
	}
	return enc.Encode(docs[0])
}

// conclude is the exit code.
func conclude(docs []*demo.Document, errs []error) error {
	var planted []string
	for _, d := range docs {
		if len(d.Problems) > 0 {
			return errors.Join(append([]error{errRed}, errs...)...)
		}
		for _, p := range d.Plants {
			planted = append(planted, fmt.Sprintf("%s (%s)", p.Plant, p.Want))
		}
	}
	if len(planted) > 0 {
		return cli.Exitf(cli.No, "demo: the audit found what was planted: %s", strings.Join(planted, ", "))
	}
	return errors.Join(errs...)
}
