package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/haltlog/haltlog/internal/app"
	"github.com/haltlog/haltlog/internal/cli"
	"github.com/haltlog/haltlog/internal/config"
	"github.com/haltlog/haltlog/internal/obs"
)

// settings are what `serve` and `config` take.
type settings struct {
	Config string   `short:"c" type:"path" help:"Configuration file (TOML); without one, defaults, environment and --set."`
	Set    []string `sep:"none" placeholder:"SECTION.KEY=VALUE" help:"Set a field over file and environment."`
}

func (s *settings) load() (*config.Config, error) {
	var file io.Reader
	if s.Config != "" {
		f, err := os.Open(s.Config)
		if err != nil {
			return nil, cli.Exit(cli.Usage, err)
		}
		defer f.Close()
		file = f
	}
	cfg, err := config.Load(file, os.LookupEnv, s.Set)
	if err != nil {
		return nil, cli.Exit(cli.Usage, err)
	}
	return cfg, nil
}

type serveCmd struct {
	settings
	Verbose bool `short:"v" help:"Log what is ordinary, too."`
}

func (c *serveCmd) Run(e *env) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	level := slog.LevelWarn
	if c.Verbose {
		level = slog.LevelInfo
	}
	logger := obs.Logger(e.stderr, level)
	app.RouteLogs(logger)
	d, err := app.Open(e.ctx, cfg, app.Deps{Logger: logger, Now: time.Now})
	if err != nil {
		if errors.Is(err, config.ErrInvalid) {
			return cli.Exit(cli.Usage, err)
		}
		return err
	}
	fmt.Fprintf(e.stdout, "genesis %s\nlistening http://%s\n", d.GenesisHash(), d.Address())
	return d.Run(e.ctx)
}

type configCmd struct{ settings }

func (c *configCmd) Run(e *env) error {
	if _, err := c.load(); err != nil {
		return err
	}
	fmt.Fprintln(e.stdout, "ok")
	return nil
}

type versionCmd struct{}

func (versionCmd) Run(e *env) error { return cli.ReadBuild().Print(e.stdout, "haltlogd") }
