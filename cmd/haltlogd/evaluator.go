package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/haltlog/haltlog/internal/cli"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/evaluate"
	"github.com/haltlog/haltlog/internal/evaluator"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/obs"
	"github.com/haltlog/haltlog/log"
)

// EvaluatorCmd holds one holder's shares, in a process and on a machine of its own.
type EvaluatorCmd struct {
	Log       string        `required:"" placeholder:"URL" help:"Address of the log."`
	Genesis   string        `required:"" placeholder:"HASH" help:"Pinned hash of the genesis, in hex."`
	Quorum    string        `required:"" type:"existingfile" help:"Quorum file: which witnesses a checkpoint needs."`
	Key       string        `required:"" type:"existingfile" help:"Signing key of role evaluator: signs answers and counts."`
	Shares    []string      `required:"" type:"existingfile" help:"File of this holder's shares, one of each key version."`
	Listen    string        `default:"127.0.0.1:0" help:"Address to listen on; port 0 takes a free one and prints it."`
	Tokens    string        `type:"existingfile" help:"File with one NAME TOKEN QUOTA a line."`
	Anonymous uint64        `default:"4096" help:"Elements per period for all clients without a token together."`
	Period    time.Duration `default:"1h" help:"How often counts are logged, and quotas begin again."`
	Every     time.Duration `default:"1s" help:"How often the log is looked at."`
	State     string        `type:"path" help:"File of the newest checkpoint seen; without it, none is kept over a restart."`
	Verbose   bool          `short:"v" help:"Log what is ordinary, too."`
}

// Run serves until the process is told to end.
func (c *EvaluatorCmd) Run(e *env) error {
	if c.Period <= 0 || c.Every <= 0 {
		return cli.Exit(cli.Usage, errors.New("--period and --every are above 0"))
	}
	genesis, err := log.ParseHex(c.Genesis)
	if err != nil {
		return cli.Exit(cli.Usage, fmt.Errorf("--genesis: %w", err))
	}
	quorum, err := os.ReadFile(c.Quorum)
	if err != nil {
		return err
	}
	key, err := keys.Load(c.Key)
	if err != nil {
		return cli.Exit(cli.Usage, fmt.Errorf("--key: %w", err))
	}
	var shares []evaluator.Shares
	for _, path := range c.Shares {
		s, err := evaluator.LoadShares(path)
		if err != nil {
			return cli.Exit(cli.Usage, fmt.Errorf("--shares: %s: %w", path, err))
		}
		shares = append(shares, s)
	}
	tokens, err := c.tokens()
	if err != nil {
		return cli.Exit(cli.Usage, fmt.Errorf("--tokens: %w", err))
	}
	from, err := client.New(client.Config{URL: c.Log})
	if err != nil {
		return cli.Exit(cli.Usage, err)
	}
	leaf, err := from.Genesis(e.ctx)
	if err != nil {
		return fmt.Errorf("read genesis: %w", err)
	}
	s, err := log.Parse(leaf)
	if err != nil || log.GenesisHash(leaf) != genesis {
		return cli.Exit(cli.No, errors.New("the log has another genesis than the pinned one"))
	}
	level := slog.LevelWarn
	if c.Verbose {
		level = slog.LevelInfo
	}
	v, err := evaluator.New(evaluator.Config{
		Origin: log.OriginOf(s.Statement), Genesis: genesis, Quorum: quorum, Tokens: tokens,
		Anonymous: c.Anonymous, Period: c.Period, Every: c.Every, State: c.State,
	}, evaluator.Deps{
		Source: from, Signer: key, Shares: shares, Verifier: keys.NewVerifier(), Now: time.Now, Logger: obs.Logger(e.stderr, level),
		Submit: func(ctx context.Context, leaf []byte) (uint64, error) {
			a, err := from.Submit(ctx, leaf)
			return a.Index, err
		},
	})
	if err != nil {
		return cli.Exit(cli.Usage, err)
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return cli.Exit(cli.Usage, fmt.Errorf("--listen: %w", err))
	}
	fmt.Fprintf(e.stdout, "listening http://%s\n", l.Addr())
	return v.Run(e.ctx, l)
}

func (c *EvaluatorCmd) tokens() (out []evaluate.Token, err error) {
	if c.Tokens == "" {
		return nil, nil
	}
	f, err := os.Open(c.Tokens)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return evaluate.ParseTokens(f)
}
