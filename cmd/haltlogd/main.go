// Command haltlogd is the operator's daemon: log, halt engine, blacklist and API.
//
// Exit codes are those of every haltlog program: 0 ok, 1 error, 2 usage, 3 the
// answer is no, 4 a person should look.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/haltlog/haltlog/internal/demo"
)

// Exit codes.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
	exitNo    = 3
)

type cli struct {
	Serve   serveCmd   `cmd:"" help:"Serve a log."`
	Config  configCmd  `cmd:"" help:"Check a configuration file and print what holds."`
	Demo    DemoCmd    `cmd:"" help:"Show the whole way: a run is halted, blacklisted, and verified by strangers."`
	Version versionCmd `cmd:"" help:"Print what the program was built from."`

	// What a demo starts besides the product.
	Train   TrainCmd   `cmd:"" hidden:""`
	Linger  LingerCmd  `cmd:"" hidden:""`
	Monitor MonitorCmd `cmd:"" hidden:""`
}

// env is what commands work with.
type env struct {
	ctx            context.Context
	stdout, stderr io.Writer
}

// codedError carries another exit code than 1.
type codedError struct {
	code int
	err  error
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

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
		kong.Name("haltlogd"),
		kong.Description("The public record and the off button of AI runs: the operator's daemon."),
		kong.Writers(stdout, stderr),
		kong.Vars{"demo_scenarios": strings.Join(demo.Scenarios(), ", "), "demo_plants": strings.Join(demo.Plants(), ", ")},
		kong.Exit(func(int) { helped = true }), // help was printed
	)
	if err != nil {
		fmt.Fprintf(stderr, "haltlogd: %v\n", err)
		return exitError
	}
	k, err := parser.Parse(args)
	if helped {
		return exitOK
	}
	if err != nil {
		fmt.Fprintf(stderr, "haltlogd: %v\n", err)
		return exitUsage
	}
	if err := k.Run(&env{ctx: ctx, stdout: stdout, stderr: stderr}); err != nil {
		// Several problems are one sentence: one line for whoever greps, or pages.
		fmt.Fprintf(stderr, "haltlogd: %s\n", strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; "))
		if c, ok := errors.AsType[*codedError](err); ok {
			return c.code
		}
		return exitError
	}
	return exitOK
}
