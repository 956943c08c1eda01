package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/haltlog/haltlog/internal/cli"
	"github.com/haltlog/haltlog/internal/trust"
)

// no is the answer no.
func no(err error) error { return cli.Exit(cli.No, err) }

// look is an error that a person has to decide about.
func look(err error) error { return cli.Exit(cli.Look, err) }

// usage is a command line that does not say what it has to.
func usage(format string, args ...any) error { return cli.Exitf(cli.Usage, format, args...) }

// grammar is the command line. A command is a struct with a method Run(*env) error.
type grammar struct {
	Output string `default:"text" enum:"text,json" env:"HALTLOG_OUTPUT" help:"Form of the answer: ${enum}."`

	Key         keyCmd         `cmd:"" help:"Make, show and prove keys."`
	Genesis     genesisCmd     `cmd:"" help:"Entry 0 of a log, offline: draft, sign, combine."`
	Policy      policyCmd      `cmd:"" help:"Policies, offline: draft, lint, diff, sign, combine; and submit."`
	Authority   authorityCmd   `cmd:"" help:"Keys of every role, officers, quorum and evaluators."`
	Evaluator   evaluatorCmd   `cmd:"" help:"As a holder of shares: ceremonies, rotations, blame."`
	Group       groupCmd       `cmd:"" help:"Consensus groups."`
	Allowlist   allowlistCmd   `cmd:"" help:"Labels that are never listed."`
	Strike      strikeCmd      `cmd:"" help:"Labels that were wrongly listed."`
	Freeze      freezeCmd      `cmd:"" help:"The end of a log."`
	Run         runCmd         `cmd:"" help:"Runs: register, list, show, and why one ended."`
	Member      memberCmd      `cmd:"" help:"As a member of a consensus group: keys, check-ins, and how you stand."`
	Vote        voteCmd        `cmd:"" help:"As a member, halt a run: nobody can tell who it was."`
	Fingerprint fingerprintCmd `cmd:"" help:"Print a model's fingerprints. Nothing is sent anywhere."`
	Check       checkCmd       `cmd:"" help:"As a lab, ask whether models are listed, without showing them."`
	Clear       clearCmd       `cmd:"" help:"As a lab, prove that a model is not listed; extend that; open it at an audit."`
	Labels      labelsCmd      `cmd:"" help:"Ask for the labels of a base model, for the runs that start from it."`
	Sync        syncCmd        `cmd:"" help:"As a lab, keep a local copy of the blacklist from any mirrors, verified."`
	Mirror      mirrorCmd      `cmd:"" help:"Mirror a log and its blacklist as plain files, verified, for any web server."`
	Entries     entriesCmd     `cmd:"" help:"Print entries of the log."`
	Proof       proofCmd       `cmd:"" help:"Fetch and verify an entry's receipt (C2SP tlog-proof)."`
	Events      eventsCmd      `cmd:"" help:"Follow what is said of a run."`
	Guard       GuardCmd       `cmd:"" help:"Hold a run on short leases, and stop it when they end."`
	Audit       AuditCmd       `cmd:"" help:"Verify a whole log from outside: every entry, root, decision and halt."`
	Verify      VerifyCmd      `cmd:"" help:"Verify offline: receipts, checkpoints, and the findings of an audit."`
	Version     versionCmd     `cmd:"" help:"Print what the program was built from."`
}

// env is what commands work with.
type env struct {
	ctx            context.Context
	stdin          io.Reader
	stdout, stderr io.Writer
	json           bool   // --output json
	command        string // first word of the command
}

// print writes an answer: the value as JSON, or the text for people.
func (e *env) print(value any, text func(w io.Writer) error) error {
	if !e.json {
		return text(e.stdout)
	}
	enc := json.NewEncoder(e.stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(value)
}

func main() {
	if code, helper := guardDispatch(); helper {
		os.Exit(code)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the program without its process.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	p := cli.Program{
		Name:        "haltlog",
		Description: "The public record and the off button of AI runs: for officers, members, registrars, labs, auditors and guards.",
		Code:        code,
	}
	var g grammar
	return p.Run(&g, func(words []string) any {
		return &env{ctx: ctx, stdin: stdin, stdout: stdout, stderr: stderr, json: g.Output == "json", command: words[0]}
	}, args, stdout, stderr)
}

// code sorts what the packages below say into the exit codes.
func code(err error) int {
	if errors.Is(err, trust.ErrUnverified) || errors.Is(err, trust.ErrGenesis) || errors.Is(err, trust.ErrAuthority) {
		return cli.No
	}
	return cli.Error
}
