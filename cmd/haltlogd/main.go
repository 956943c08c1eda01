// Command haltlogd is the operator's daemon: log, halt engine, blacklist and API.
//
// Exit codes are those of every haltlog program: 0 ok, 1 error, 2 usage, 3 the
// answer is no, 4 a person should look.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/haltlog/haltlog/internal/cli"
	"github.com/haltlog/haltlog/internal/demo"
)

type grammar struct {
	Serve     serveCmd     `cmd:"" help:"Serve a log."`
	Evaluator EvaluatorCmd `cmd:"" help:"Hold one evaluator's shares, beside and apart from the daemon."`
	Config    configCmd    `cmd:"" help:"Check a configuration file and print what holds."`
	Demo      DemoCmd      `cmd:"" help:"Show the whole way: a run is halted, blacklisted, and verified by strangers."`
	Version   versionCmd   `cmd:"" help:"Print what the program was built from."`

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

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program without its process.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	p := cli.Program{
		Name:        "haltlogd",
		Description: "The public record and the off button of AI runs: the operator's daemon.",
		Vars:        map[string]string{"demo_scenarios": strings.Join(demo.Scenarios(), ", "), "demo_plants": strings.Join(demo.Plants(), ", ")},
		OneLine:     true,
	}
	return p.Run(new(grammar), func([]string) any {
		return &env{ctx: ctx, stdout: stdout, stderr: stderr}
	}, args, stdout, stderr)
}
