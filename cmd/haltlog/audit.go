package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/haltlog/haltlog/internal/audit"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/log"
)

// witnessTimeout is how long one witness may take to answer: an audit does not
// hang on one that is gone.
const witnessTimeout = 10 * time.Second

// AuditCmd verifies a whole log from outside.
//
// Exit codes: 0 clean (outages and void entries are printed and change
// nothing), 1 it could not be done, 2 usage, 3 something does not hold, 4 a
// person should look: something cannot be judged here, or the genesis was
// trusted on first use.
type AuditCmd struct {
	URL      string   `arg:"" optional:"" env:"HALTLOG_LOG" help:"Address of the log, http or https."`
	Quorum   string   `type:"path" env:"HALTLOG_QUORUM" help:"Quorum file (C2SP tlog-policy): the log's key, and the witnesses by which you trust it."`
	Genesis  string   `env:"HALTLOG_GENESIS" help:"Hash of the log's genesis, in hex. Without it the first audit trusts what it is shown, and exits with 4."`
	State    string   `type:"path" env:"HALTLOG_AUDIT_STATE" help:"File that keeps what was verified (and FILE.entries, the entries): the next audit fetches only what is new, and holds it against that."`
	Witness  []string `sep:"none" placeholder:"NAME=URL" help:"Monitoring prefix of a witness of the quorum, whose view is compared. Without any, those are asked whose URL the quorum file names."`
	NoViews  bool     `help:"Ask no witness."`
	Evidence []string `type:"path" help:"Leases that a guard kept: the files leases and leases.old of its state directory, one envelope in each line. They are held against the log."`
	Findings string   `type:"path" help:"Folder for one file per finding, for haltlog verify."`
	Checks   bool     `help:"Print the table of checks, and do nothing else."`
}

// Run is the command.
func (c *AuditCmd) Run(e *env) error {
	if c.Checks {
		return printChecks(e)
	}
	if c.URL == "" || c.Quorum == "" {
		return usage("give the log's URL and --quorum")
	}
	cl, err := client.New(client.Config{URL: c.URL})
	if err != nil {
		return usage("%v", err)
	}
	cfg, err := c.config()
	if err != nil {
		return err
	}
	deps := audit.Deps{
		Log: cl, Views: audit.HTTPViews{Client: &http.Client{Timeout: witnessTimeout}},
		Verifier: keys.NewVerifier(), Now: time.Now, Progress: e.progress("audit"),
	}
	if c.State != "" {
		s, err := audit.OpenState(c.State)
		if err != nil {
			return err
		}
		defer s.Close()
		deps.State = s
	}
	r, err := audit.Run(e.ctx, cfg, deps)
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return fmt.Errorf("audit: interrupted; nothing of it is kept")
		}
		return err
	}
	if c.Findings != "" {
		if err := writeFindings(c.Findings, r); err != nil {
			return err
		}
	}
	if err := e.print(r, func(w io.Writer) error { return printReport(w, r) }); err != nil {
		return err
	}
	return conclude(r)
}

// config reads what the flags name.
func (c *AuditCmd) config() (audit.Config, error) {
	var cfg audit.Config
	var err error
	if cfg.Quorum, err = readFile(c.Quorum); err != nil {
		return cfg, err
	}
	q, err := checkpoint.ParseQuorum(cfg.Quorum)
	if err != nil {
		return cfg, fmt.Errorf("%s: %w", c.Quorum, err)
	}
	if c.Genesis != "" {
		h, err := log.ParseHex(c.Genesis)
		if err != nil {
			return cfg, usage("--genesis: %v", err)
		}
		cfg.Genesis = &h
	}
	for _, path := range c.Evidence {
		raw, err := readFile(path)
		if err != nil {
			return cfg, err
		}
		for lease := range strings.Lines(string(raw)) {
			if lease = strings.TrimSpace(lease); lease != "" {
				cfg.Leases = append(cfg.Leases, []byte(lease))
			}
		}
	}
	cfg.Witnesses, err = c.witnesses(q)
	return cfg, err
}

// witnesses are those whose view is compared.
func (c *AuditCmd) witnesses(q *checkpoint.Quorum) ([]audit.WitnessView, error) {
	var views []audit.WitnessView
	if c.NoViews {
		return nil, nil
	}
	for _, w := range c.Witness {
		name, prefix, ok := strings.Cut(w, "=")
		known := slices.ContainsFunc(q.Witnesses(), func(x checkpoint.PolicyWitness) bool { return x.Name == name })
		if !ok || prefix == "" || !known {
			return nil, usage("--witness %q: want NAME=URL, with a name of the quorum file", w)
		}
		views = append(views, audit.WitnessView{Name: name, Prefix: prefix})
	}
	if len(c.Witness) > 0 {
		return views, nil
	}
	for _, w := range q.Witnesses() {
		if w.URL != "" {
			views = append(views, audit.WitnessView{Name: w.Name, Prefix: w.URL})
		}
	}
	return views, nil
}

// progress draws a bar on a terminal; nil elsewhere.
func (e *env) progress(what string) func(done, total uint64) {
	f, ok := e.stderr.(*os.File)
	if !ok || !terminal(f) {
		return nil
	}
	var bar *progressbar.ProgressBar
	return func(done, total uint64) {
		if bar == nil {
			bar = progressbar.NewOptions64(int64(total), progressbar.OptionSetWriter(f), progressbar.OptionSetDescription(what),
				progressbar.OptionShowCount(), progressbar.OptionSetItsString("entries"), progressbar.OptionShowIts(), progressbar.OptionClearOnFinish())
		}
		_ = bar.Set64(int64(done))
	}
}

// writeFindings writes one file for each finding that has evidence.
func writeFindings(dir string, r *audit.Report) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for i, f := range r.Findings {
		if f.Severity == audit.SeverityNote {
			continue
		}
		raw, err := json.MarshalIndent(f, "", "  ")
		if err != nil {
			return err
		}
		path := filepath.Join(dir, fmt.Sprintf("%s-%03d.json", f.Check, i))
		if err := os.WriteFile(path, append(raw, '\n'), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func printReport(w io.Writer, r *audit.Report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d of %d entries verified", line(r.Origin), r.Verified, r.Size)
	if r.Resumed > 0 {
		fmt.Fprintf(&b, ", %d of them before", r.Resumed)
	}
	if !r.Witnessed.IsZero() {
		fmt.Fprintf(&b, ", witnessed %s", r.Witnessed.Format(time.RFC3339))
	}
	fmt.Fprintf(&b, "\ngenesis %s (%s)\n", r.Genesis, r.Trust)
	s := r.Stats
	var decisions uint64
	for _, n := range s.Decisions {
		decisions += n
	}
	fmt.Fprintf(&b, "%d decisions of %d engines replayed, %d anchors, %d halts, %d listings, %d epochs, %d elements evaluated, %d runs observed dead, %d void\n",
		decisions, len(s.Decisions), s.Anchors, s.Halts, s.Listings, s.Epochs, s.Evaluations, s.Dead, s.Void)
	if len(r.Views) > 0 {
		fmt.Fprintf(&b, "shown the same log: %s\n", strings.Join(r.Views, ", "))
	}
	for _, f := range r.Findings {
		b.WriteString(line(f.String()) + "\n")
	}
	if r.ExitCode() == audit.ExitClean {
		b.WriteString("clean\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// conclude is the exit code.
func conclude(r *audit.Report) error {
	count := func(s audit.Severity) (n int) {
		for _, f := range r.Findings {
			if f.Severity == s {
				n++
			}
		}
		return n
	}
	switch r.ExitCode() {
	case audit.ExitFindings:
		return no(fmt.Errorf("audit: %d findings", count(audit.SeverityFinding)))
	case audit.ExitLook:
		return look(fmt.Errorf("audit: %d points cannot be judged here", count(audit.SeverityCannotJudge)))
	}
	return nil
}

func printChecks(e *env) error {
	return e.print(audit.Checks(), func(w io.Writer) error {
		for _, c := range audit.Checks() {
			severities := make([]string, len(c.Severities))
			for i, s := range c.Severities {
				severities[i] = string(s)
			}
			if _, err := fmt.Fprintf(w, "%s  %-6s  %s\n             %s; evidence: %s\n", c.Number, strings.Join(c.Invariants, " "), c.Title, strings.Join(severities, ", "), c.Evidence); err != nil {
				return err
			}
		}
		return nil
	})
}
