package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
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

	Key     keyCmd     `cmd:"" help:"Make, show and prove keys."`
	Version versionCmd `cmd:"" help:"Print what the program was built from."`
}

// env is what commands work with.
type env struct {
	ctx            context.Context
	stdin          io.Reader
	stdout, stderr io.Writer
	json           bool // --output json
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
	if err := k.Run(&env{ctx: ctx, stdin: stdin, stdout: stdout, stderr: stderr, json: c.Output == "json"}); err != nil {
		fmt.Fprintf(stderr, "haltlog: %v\n", err)
		if c, ok := errors.AsType[*codedError](err); ok {
			return c.code
		}
		return exitError
	}
	return exitOK
}
