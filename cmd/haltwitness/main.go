package main

import (
	"context"
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
	exitNo    = 3
	exitLook  = 4
)

// A codedError carries another exit code than 1.
type codedError struct {
	code int
	err  error
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

// look is an error that a person has to decide about.
func look(format string, args ...any) error {
	return &codedError{exitLook, fmt.Errorf(format, args...)}
}

// no is the answer no.
func no(format string, args ...any) error {
	return &codedError{exitNo, fmt.Errorf(format, args...)}
}

type cli struct {
	Key struct {
		New  keyNewCmd  `cmd:"" help:"Make a private key and its floor file, and print the public key."`
		Show keyShowCmd `cmd:"" help:"Print the public key of a private key file."`
	} `cmd:"" help:"The witness's own keys."`
	AddLog    addLogCmd    `cmd:"" help:"Let the witness cosign a log, or add a key to one."`
	RemoveKey removeKeyCmd `cmd:"" help:"Trust a key of a log no longer."`
	Logs      logsCmd      `cmd:"" help:"List the logs with the sizes last cosigned."`
	Serve     serveCmd     `cmd:"" help:"Serve the witness."`
	Restore   restoreCmd   `cmd:"" help:"Bring a restored database forward by checkpoints that this witness cosigned."`
	Version   versionCmd   `cmd:"" help:"Print what the program was built from."`
}

// env is what commands work with.
type env struct {
	ctx            context.Context
	stdout, stderr io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program without its process.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c cli
	helped := false
	parser, err := kong.New(&c,
		kong.Name("haltwitness"),
		kong.Description("A stand-alone witness for transparency logs (c2sp.org/tlog-witness)."),
		kong.Writers(stdout, stderr),
		// Help was printed; the library would end the process here.
		kong.Exit(func(int) { helped = true }),
	)
	if err != nil {
		fmt.Fprintf(stderr, "haltwitness: %v\n", err)
		return exitError
	}
	k, err := parser.Parse(args)
	if helped {
		return exitOK
	}
	if err != nil {
		fmt.Fprintf(stderr, "haltwitness: %v\n", err)
		return exitUsage
	}
	if err := k.Run(&env{ctx: ctx, stdout: stdout, stderr: stderr}); err != nil {
		fmt.Fprintf(stderr, "haltwitness: %v\n", err)
		if c, ok := errors.AsType[*codedError](err); ok {
			return c.code
		}
		return exitError
	}
	return exitOK
}
