package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/mirror"
)

// mirrorCmd mirrors a log.
//
// Exit codes: 0 the folder holds what the log publishes, 1 it could not be done,
// 2 usage, 3 what the log serves does not verify, 4 a person should look: the log
// shows less than the mirror holds.
type mirrorCmd struct {
	logFlag `embed:""`
	Dir     string        `required:"" type:"path" help:"Folder of the mirror: what a web server serves."`
	Listen  string        `placeholder:"ADDRESS" help:"Serve the folder at this address as well, and follow the log."`
	Genesis string        `env:"HALTLOG_GENESIS" help:"Hash of the log's genesis, in hex; without it the log is trusted on first use."`
	Quorum  string        `type:"path" env:"HALTLOG_QUORUM" help:"Quorum file (C2SP tlog-policy) that checkpoints have to satisfy; without it, the one of the genesis."`
	Follow  bool          `help:"Go on until it is interrupted."`
	Every   time.Duration `default:"1s" help:"With --follow or --listen, the time between two looks."`
	Rebuild bool          `help:"Read and verify everything again, and replace what is damaged."`
}

func (c *mirrorCmd) Run(e *env) error {
	cl, err := c.client("")
	if err != nil {
		return err
	}
	if c.Every <= 0 {
		return usage("--every: want a time above 0")
	}
	cfg := mirror.Config{Dir: c.Dir, Rebuild: c.Rebuild, Now: time.Now, Progress: e.progress("mirror")}
	if cfg.Genesis, cfg.Quorum, err = pins(c.Genesis, c.Quorum); err != nil {
		return err
	}
	m, err := mirror.Open(cfg, cl)
	if err != nil {
		return err
	}
	defer m.Close()
	stop, err := c.serve(e)
	if err != nil {
		return err
	}
	return errors.Join(c.follow(e, m, cl), stop())
}

// serve listens, if it was asked for, until stop is called.
func (c *mirrorCmd) serve(e *env) (stop func() error, err error) {
	if c.Listen == "" {
		return func() error { return nil }, nil
	}
	s, err := mirror.Server(c.Dir)
	if err != nil {
		return nil, err
	}
	l, err := (&net.ListenConfig{}).Listen(e.ctx, "tcp", c.Listen)
	if err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	fmt.Fprintf(e.stdout, "listening http://%s\n", l.Addr())
	return func() error {
		err := s.Close()
		if end := <-ended; !errors.Is(end, http.ErrServerClosed) {
			err = errors.Join(err, end)
		}
		return err
	}, nil
}

// follow updates the mirror once, or until it is interrupted.
func (c *mirrorCmd) follow(e *env, m *mirror.Mirror, cl *client.Client) error {
	said := false
	for {
		r, err := m.Update(e.ctx)
		if r.FirstUse && !said {
			said = true
			fmt.Fprintf(e.stderr, "haltlog: trusted on first use: genesis %s of %s (pin it with --genesis)\n", r.Genesis, r.Origin)
		}
		if errors.Is(err, mirror.ErrOlder) {
			err = look(err)
		}
		if err == nil && (r.Entries > 0 || r.Epochs > 0 || !(c.Follow || c.Listen != "")) {
			err = e.print(r, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "%s: %d entries, %d of them new, epoch %d, witnessed %s\n", line(r.Origin), r.Size, r.Entries, r.Epoch, r.Seen.Format(time.RFC3339))
				return err
			})
		}
		if !c.Follow && c.Listen == "" {
			return err
		}
		if e.ctx.Err() != nil {
			return nil // asked to stop
		}
		if err != nil {
			fmt.Fprintf(e.stderr, "haltlog: %s: %v\n", cl.URL(), err)
		}
		if wait(e.ctx, c.Every) != nil {
			return nil
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
