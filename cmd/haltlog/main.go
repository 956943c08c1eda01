package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

// Exit codes, as of every haltlog program.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
	exitNo    = 3 // the answer is no: listed, unverifiable, halted
	exitLook  = 4 // a person should look
)

// A codedError carries another exit code than 1.
type codedError struct {
	code int
	err  error
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

// no is the answer no.
func no(err error) error { return &codedError{exitNo, err} }

// look is an error that a person has to decide about.
func look(err error) error { return &codedError{exitLook, err} }

// usage is a command line that does not say what it has to.
func usage(format string, args ...any) error {
	return &codedError{exitUsage, fmt.Errorf(format, args...)}
}

// cli is the command line. A command is a struct with a method Run(*env) error.
type cli struct {
	Output string `default:"text" enum:"text,json" env:"HALTLOG_OUTPUT" help:"Form of the answer: ${enum}."`

	Key       keyCmd       `cmd:"" help:"Make, show and prove keys."`
	Genesis   genesisCmd   `cmd:"" help:"Entry 0 of a log, offline: draft, sign, combine."`
	Policy    policyCmd    `cmd:"" help:"Policies, offline: draft, lint, diff, sign, combine; and submit."`
	Authority authorityCmd `cmd:"" help:"Keys of every role, officers, quorum and evaluators."`
	Group     groupCmd     `cmd:"" help:"Consensus groups."`
	Allowlist allowlistCmd `cmd:"" help:"Labels that are never listed."`
	Strike    strikeCmd    `cmd:"" help:"Labels that were wrongly listed."`
	Freeze    freezeCmd    `cmd:"" help:"The end of a log."`
	Run       runCmd       `cmd:"" help:"Runs: register, list, show, and why one ended."`
	Member    memberCmd    `cmd:"" help:"As a member of a consensus group: keys, check-ins, and how you stand."`
	Vote      voteCmd      `cmd:"" help:"As a member, halt a run: nobody can tell who it was."`
	Check     checkCmd     `cmd:"" help:"As a lab, ask whether models are listed, without showing them."`
	Entries   entriesCmd   `cmd:"" help:"Print entries of the log."`
	Proof     proofCmd     `cmd:"" help:"Fetch and verify an entry's receipt (C2SP tlog-proof)."`
	Events    eventsCmd    `cmd:"" help:"Follow what is said of a run."`
	Guard     GuardCmd     `cmd:"" help:"Hold a run on short leases, and stop it when they end."`
	Audit     AuditCmd     `cmd:"" help:"Verify a whole log from outside: every entry, root, decision and halt."`
	Verify    VerifyCmd    `cmd:"" help:"Verify offline: receipts, checkpoints, and the findings of an audit."`
	Version   versionCmd   `cmd:"" help:"Print what the program was built from."`
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
	var c cli
	helped := false
	parser, err := kong.New(&c,
		kong.Name("haltlog"),
		kong.Description("The public record and the off button of AI runs: for officers, members, registrars, labs, auditors and guards."),
		kong.Writers(stdout, stderr),
		// Help was printed; the library would end the process here.
		kong.Exit(func(int) { helped = true }),
	)
	if err != nil {
		fmt.Fprintf(stderr, "haltlog: %v\n", err)
		return exitError
	}
	k, err := parser.Parse(args)
	if helped {
		return exitOK
	}
	if err != nil {
		fmt.Fprintf(stderr, "haltlog: %v\n", err)
		return exitUsage
	}
	if err := k.Run(&env{ctx: ctx, stdin: stdin, stdout: stdout, stderr: stderr, json: c.Output == "json", command: strings.Fields(k.Command())[0]}); err != nil {
		fmt.Fprintf(stderr, "haltlog: %v\n", err)
		return exitCode(err)
	}
	return exitOK
}
