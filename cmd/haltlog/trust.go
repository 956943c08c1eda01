package main

import (
	"errors"
	"fmt"

	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/durable"
	"github.com/haltlog/haltlog/internal/trust"
	"github.com/haltlog/haltlog/log"
)

// logFlag says where a log is.
type logFlag struct {
	Log string `required:"" env:"HALTLOG_LOG" help:"Address of the log, http or https."`
}

func (f *logFlag) client(token string) (*client.Client, error) {
	c, err := client.New(client.Config{URL: f.Log, Token: token})
	if err != nil {
		return nil, usage("--log: %v", err)
	}
	return c, nil
}

// trustFlags say which log it is and what is believed of it beforehand.
type trustFlags struct {
	logFlag `embed:""`
	Quorum  string `type:"path" env:"HALTLOG_QUORUM" help:"Quorum file (C2SP tlog-policy) that checkpoints have to satisfy; without it, the one of the genesis."`
	Genesis string `env:"HALTLOG_GENESIS" help:"Hash of the log's genesis, in hex; without it the log is trusted on first use."`
	State   string `type:"path" env:"HALTLOG_STATE" help:"File that remembers the newest checkpoint seen, so that no other history is believed later."`
}

// opened is a verified view of a log, and the connection behind it.
type opened struct {
	*trust.Log
	client *client.Client
	close  func() error
}

// open verifies the log (see package trust). The caller closes it.
func (f *trustFlags) open(e *env, token string) (*opened, error) {
	c, err := f.client(token)
	if err != nil {
		return nil, err
	}
	var cfg trust.Config
	if f.Genesis != "" {
		h, err := log.ParseHex(f.Genesis)
		if err != nil {
			return nil, usage("--genesis: %v", err)
		}
		cfg.Genesis = &h
	}
	if f.Quorum != "" {
		if cfg.Quorum, err = readFile(f.Quorum); err != nil {
			return nil, err
		}
	}
	var store trust.Store = new(trust.Volatile)
	closing := func() error { return nil }
	if f.State != "" {
		file, err := trust.OpenFile(f.State)
		if err != nil {
			return nil, err
		}
		store, closing = file, file.Close
	}
	l, err := trust.Open(e.ctx, cfg, c, store)
	if err != nil {
		return nil, errors.Join(f.evidence(err), closing())
	}
	if l.FirstUse() {
		fmt.Fprintf(e.stderr, "haltlog: trusted on first use: genesis %s of %s (pin it with --genesis)\n", l.GenesisHash().Hex(), l.Genesis().Origin)
	}
	return &opened{l, c, closing}, nil
}

// evidence keeps the two checkpoints of a fork beside the state file.
func (f *trustFlags) evidence(err error) error {
	fork, ok := errors.AsType[*trust.ForkError](err)
	if !ok || f.State == "" {
		return err
	}
	path := f.State + ".evidence"
	b := append(append([]byte("seen before:\n\n"), fork.Seen...), "\nshown now:\n\n"...)
	if e := durable.Replace(path, append(b, fork.Shown...), 0o600); e != nil {
		return errors.Join(err, e)
	}
	return fmt.Errorf("%w (both signed checkpoints are in %s)", err, path)
}
