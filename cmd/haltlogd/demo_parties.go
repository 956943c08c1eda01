package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/haltlog/haltlog/internal/cli"
	"github.com/haltlog/haltlog/internal/demo"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/log"
)

// TrainCmd is the program that a demo's guard holds: it trains a small model, and
// ignores SIGTERM, so that stopping it takes somebody who means it.
type TrainCmd struct {
	Out        string        `required:"" type:"path" help:"Folder for checkpoints."`
	Seed       uint64        `default:"1" help:"Seed of weights and batches."`
	FrozenSeed uint64        `default:"1" help:"Seed of the frozen layer."`
	Every      int           `default:"25" help:"Steps between two checkpoints."`
	Pause      time.Duration `default:"40ms" help:"Pause after each step."`
	Steps      int           `help:"Steps to train; 0 for ever."`
	Name       string        `help:"Name of the only checkpoint, with as many steps as --every."`
	Hostile    bool          `help:"Attack the guard first."`
}

// Run trains.
func (c *TrainCmd) Run(e *env) error {
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	ctx := context.WithoutCancel(e.ctx)
	if c.Hostile {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		demo.Attack(ctx, self, e.stdout)
	}
	return demo.Train(ctx, demo.Training{
		Out: c.Out, Seed: c.Seed, FrozenSeed: c.FrozenSeed, Every: c.Every, Pause: c.Pause, Steps: c.Steps, Name: c.Name,
	}, e.stdout)
}

// LingerCmd is what the hostile program leaves behind.
type LingerCmd struct {
	Depth int `help:"How often to fork on."`
}

// Run stays.
func (c *LingerCmd) Run(e *env) error {
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	demo.Linger(context.WithoutCancel(e.ctx), self, c.Depth)
	return nil
}

// MonitorCmd is a redundant monitor that says nothing but that it is up.
type MonitorCmd struct {
	Log     string        `required:"" help:"Address of the log."`
	Quorum  string        `required:"" type:"existingfile" help:"Quorum file."`
	Genesis string        `required:"" help:"Hash of the genesis, in hex."`
	Key     string        `required:"" help:"The monitor's private key."`
	Every   time.Duration `default:"10s" help:"Pause between two beats."`
}

// Run beats.
func (c *MonitorCmd) Run(e *env) error {
	genesis, err := log.ParseHex(c.Genesis)
	if err != nil {
		return cli.Exit(cli.Usage, err)
	}
	quorum, err := os.ReadFile(c.Quorum)
	if err != nil {
		return err
	}
	k, err := keys.Load(c.Key)
	if err != nil {
		return err
	}
	return demo.Monitor(e.ctx, demo.Monitoring{URL: c.Log, Quorum: quorum, Genesis: genesis, Key: k, Every: c.Every}, e.stdout)
}
