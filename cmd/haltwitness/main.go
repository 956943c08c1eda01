package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/haltlog/haltlog/internal/cli"
)

// look is an error that a person has to decide about.
func look(format string, args ...any) error {
	return cli.Exitf(cli.Look, format, args...)
}

// no is the answer no.
func no(format string, args ...any) error {
	return cli.Exitf(cli.No, format, args...)
}

type grammar struct {
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
	p := cli.Program{
		Name:        "haltwitness",
		Description: "A stand-alone witness for transparency logs (c2sp.org/tlog-witness).",
	}
	return p.Run(new(grammar), func([]string) any {
		return &env{ctx: ctx, stdout: stdout, stderr: stderr}
	}, args, stdout, stderr)
}
