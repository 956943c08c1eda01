package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/internal/cli"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/labcheck"
	"github.com/haltlog/haltlog/internal/listsync"
	"github.com/haltlog/haltlog/internal/query"
)

type checkCmd struct {
	Path       []string      `arg:"" type:"path" help:"Models: a folder, or one file, each."`
	DryRun     bool          `help:"Print what would be sent (how much, never what), and send nothing."`
	Log        string        `env:"HALTLOG_LOG" help:"Address of the log, http or https."`
	Quorum     string        `type:"path" env:"HALTLOG_QUORUM" help:"Quorum file (C2SP tlog-policy) that checkpoints have to satisfy; without it, the one of the genesis."`
	Genesis    string        `env:"HALTLOG_GENESIS" help:"Hash of the log's genesis, in hex; without it the log is trusted on first use."`
	State      string        `type:"path" env:"HALTLOG_STATE" help:"File that remembers the newest checkpoint seen."`
	Token      string        `env:"HALTLOG_TOKEN" help:"Bearer token of the evaluate route; without it, the anonymous quota is used."`
	MaxAge     time.Duration `default:"24h" help:"How old the newest witnessed checkpoint may be before a person should look (exit code 4): who withholds the end of the log shows an old list. 0 for any age, for a log that has been quiet."`
	Lists      string        `name:"list" type:"path" env:"HALTLOG_LIST" help:"Folder of a local list (sync): it is looked up there, and only the evaluators are asked. With --log, hits are named too."`
	From       []string      `help:"Mirrors, separated by commas, that confirm hits where --list holds lookup lists alone; the log does too."`
	Base       string        `type:"path" help:"Model that the checked ones are tuned from, as a lab declares: bands that it has too explain themselves. Exact hits count all the same."`
	LabelCache string        `type:"path" help:"Folder that keeps labels between two checks. It is as private as the answers."`
	Evidence   string        `type:"path" default:"evidence" help:"Folder where an evaluator's wrong answer is kept."`
	scanFlags  `embed:""`
}

// checked is the answer about one path.
type checked struct {
	Path    string `json:"path"`
	Tensors int    `json:"tensors"` // that may be listed
	Bytes   uint64 `json:"bytes"`
	labcheck.Result
}

func (c *checkCmd) Run(e *env) error {
	if !c.DryRun && c.Log == "" && c.Lists == "" {
		return usage("give --log, --list, or --dry-run")
	}
	models := make([]fingerprint.Model, len(c.Path))
	for i, path := range c.Path {
		var err error
		if models[i], err = c.scan(e, path); err != nil {
			return err
		}
	}
	if c.DryRun {
		return c.dryRun(e, models)
	}
	o := labcheck.Options{Token: c.Token, Lie: keepLies(e, c.Evidence)}
	var err error
	if c.Base != "" {
		base, err := c.scan(e, c.Base)
		if err != nil {
			return err
		}
		o.Base = &base
	}
	if c.LabelCache != "" {
		if o.Cache, err = query.OpenCache(c.LabelCache); err != nil {
			return err
		}
	}
	list, at, err := c.list(e)
	if err != nil {
		return err
	}
	if at.close != nil {
		defer at.close()
	}
	o.Origin = at.origin
	if o.Provers, err = c.provers(at); err != nil {
		return err
	}
	if o.Cache != nil && at.source != nil {
		if err := follow(e, o.Cache, at.source, list.Authority()); err != nil {
			return err
		}
	}
	checker := labcheck.New(at.log, at.source, list, o)
	answers := make([]checked, 0, len(models))
	for i, m := range models {
		r, err := checker.Check(e.ctx, m)
		if err != nil {
			if errors.Is(err, labcheck.ErrUnconfirmed) && len(o.Provers) == 0 {
				err = fmt.Errorf("%w: give --log or --from", err)
			}
			return listError(at.evidence(err))
		}
		answers = append(answers, checked{c.Path[i], len(m.Eligible()), m.Bytes, r})
	}
	if o.Cache != nil {
		if err := o.Cache.Save(); err != nil {
			return err
		}
	}
	if err := e.print(answers, func(w io.Writer) error {
		for _, a := range answers {
			if err := a.text(w); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	return errors.Join(verdict(answers), c.stale(at.witnessed))
}

// place is where a list comes from, and who names its hits.
type place struct {
	origin    string
	witnessed time.Time
	log       labcheck.Log    // nil: nobody names them
	source    labcheck.Source // nil with log
	prover    labcheck.Prover // nil with log
	evidence  func(error) error
	close     func()
}

// list opens the local list, or fetches the log's.
func (c *checkCmd) list(e *env) (*labcheck.List, place, error) {
	at := place{evidence: func(err error) error { return err }}
	var l *opened
	if c.Log != "" {
		t := trustFlags{logFlag: logFlag{c.Log}, Quorum: c.Quorum, Genesis: c.Genesis, State: c.State}
		var err error
		if l, err = t.open(e, c.Token); err != nil {
			return nil, at, err
		}
		at.origin, at.witnessed = l.Genesis().Origin, time.Unix(int64(l.Newest().MinTime), 0)
		at.log, at.source, at.prover, at.evidence, at.close = l, l.client, l.client, t.evidence, func() { l.close() }
	}
	fail := func(err error) (*labcheck.List, place, error) {
		if at.close != nil {
			at.close()
		}
		return nil, place{}, err
	}
	if c.Lists == "" {
		list, err := labcheck.Fetch(e.ctx, l, l.client)
		if err != nil {
			return fail(listError(at.evidence(err)))
		}
		return list, at, nil
	}
	held, err := listsync.Open(c.Lists)
	if err != nil {
		return fail(fmt.Errorf("%s: %w", c.Lists, err))
	}
	want, _, err := pins(c.Genesis, "")
	if err != nil {
		return fail(err)
	}
	if want != nil && held.GenesisHash() != *want || l != nil && held.GenesisHash() != l.GenesisHash() {
		return fail(no(fmt.Errorf("%s: the list of another log: genesis %s", c.Lists, held.GenesisHash().Hex())))
	}
	at.origin, at.witnessed = held.Origin, held.Witnessed()
	return labcheck.Synced(held), at, nil
}

// provers are who confirms hits in lookup lists: the mirrors, then the log.
func (c *checkCmd) provers(at place) ([]labcheck.Prover, error) {
	var out []labcheck.Prover
	for _, u := range c.From {
		m, err := client.New(client.Config{URL: strings.TrimSpace(u)})
		if err != nil {
			return nil, usage("--from: %v", err)
		}
		out = append(out, m)
	}
	if at.prover != nil {
		out = append(out, at.prover)
	}
	return out, nil
}

// keepLies keeps what proves an evaluator wrong.
func keepLies(e *env, dir string) func(query.Lie) error {
	return func(l query.Lie) error {
		path, err := l.WriteTo(dir)
		if err != nil {
			return err
		}
		fmt.Fprintf(e.stderr, "haltlog: evaluator %s answered wrongly: %s\n", line(l.Name), path)
		return nil
	}
}

// stale is an answer from a log whose end is old. A list that is known to be of long ago clears nothing.
func (c *checkCmd) stale(witnessed time.Time) error {
	age := time.Since(witnessed).Round(time.Second)
	if c.MaxAge == 0 || age <= c.MaxAge {
		return nil
	}
	return look(fmt.Errorf("the newest checkpoint was witnessed %v ago: the log is quiet, down, or its end is withheld", age))
}

// listError makes a list that is not the log's the answer no.
func listError(err error) error {
	if errors.Is(err, labcheck.ErrList) || errors.Is(err, labcheck.ErrKey) {
		return no(err)
	}
	return err
}

// verdict is the exit code over all models: the gravest. Weights that could not be
// read are nothing that a program may take for clear.
func verdict(answers []checked) error {
	var listed, copies, unread []string
	for _, a := range answers {
		switch {
		case a.Verdict.ExitCode() == cli.No:
			listed = append(listed, a.Path)
		case a.Verdict.ExitCode() == cli.Look:
			copies = append(copies, a.Path)
		case len(a.Skipped) > 0:
			unread = append(unread, a.Path)
		}
	}
	switch {
	case len(listed) > 0:
		return no(fmt.Errorf("listed: %s", strings.Join(listed, ", ")))
	case len(copies) > 0:
		return look(fmt.Errorf("likely a copy of a halted model: %s", strings.Join(copies, ", ")))
	case len(unread) > 0:
		return look(fmt.Errorf("not all weights could be read: %s", strings.Join(unread, ", ")))
	}
	return nil
}

func (a checked) text(w io.Writer) error {
	fmt.Fprintf(w, "%s: %s\n", a.Path, a.Verdict)
	fmt.Fprintf(w, "  %d parameters, %d fingerprints asked, list of epoch %d at log size %d of %d\n", a.Parameters, a.Asked, a.Epoch, a.Size, a.LogSize)
	for _, m := range a.Matches {
		run := m.Run
		if run == "" {
			run = "that the server does not name"
		}
		fmt.Fprintf(w, "  shares %s with run %s, halted at entry %d", m.What(a.Parameters), run, m.Halt)
		var causes []string
		for _, c := range m.Causes {
			causes = append(causes, line(c.Tripwire))
		}
		if len(causes) > 0 {
			fmt.Fprintf(w, " (%s)", strings.Join(causes, ", "))
		}
		if m.Proven {
			fmt.Fprint(w, ", proven")
		}
		fmt.Fprintln(w)
		for _, s := range m.Shared {
			what := "the release"
			if s.Name != "" {
				what = fmt.Sprintf("%s in %s", line(s.Name), line(s.File))
			}
			switch {
			case s.Exact:
				fmt.Fprintf(w, "    %s: value by value\n", what)
			default:
				fmt.Fprintf(w, "    %s: %d band(s) of its sketch\n", what, s.Bands)
			}
		}
		for _, n := range m.Notes {
			fmt.Fprintf(w, "    %s\n", line(n))
		}
	}
	for _, s := range a.Skipped {
		fmt.Fprintf(w, "  %s: its format is not read; only the manifest speaks for it\n", line(s))
	}
	return nil
}

// dryRun says how much would be sent.
func (c *checkCmd) dryRun(e *env, models []fingerprint.Model) error {
	type plan struct {
		Path       string `json:"path"`
		Parameters uint64 `json:"parameters"`
		labcheck.Plan
		Skipped []string `json:"skipped,omitempty"`
	}
	plans := make([]plan, 0, len(models))
	for i, m := range models {
		plans = append(plans, plan{c.Path[i], m.Parameters, labcheck.PlanOf(m), m.Skipped})
	}
	return e.print(plans, func(w io.Writer) error {
		for _, p := range plans {
			fmt.Fprintf(w, "%s: %d blinded fingerprints in %d request(s) of %d bytes for each key version; %d parameters\n", p.Path, p.Fingerprints, p.Requests, p.Bytes, p.Parameters)
		}
		_, err := fmt.Fprintln(w, "nothing was sent")
		return err
	})
}
