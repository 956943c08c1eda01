package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/haltlog/haltlog/internal/boltstore"
	"github.com/haltlog/haltlog/internal/cli"
	"github.com/haltlog/haltlog/internal/witnesshttp"
	"github.com/haltlog/haltlog/witness"
)

const (
	// floorEvery is how far the floor file may be behind the database.
	floorEvery = time.Second
	// stopTime is what requests under way get at the end.
	stopTime = 5 * time.Second
)

type serveCmd struct {
	DB      string   `required:"" type:"path" name:"db" help:"Database of the witness."`
	Key     []string `required:"" type:"path" help:"Private key file; twice for one of each kind."`
	Listen  string   `default:"127.0.0.1:0" help:"Address to listen on; port 0 takes a free one."`
	Forward string   `help:"URL of the log's POST /v1/statements, to which votes handed to the witness are forwarded."`
}

func (c *serveCmd) Run(e *env) (err error) {
	var forward *url.URL
	if c.Forward != "" {
		if forward, err = url.Parse(c.Forward); err != nil {
			return cli.Exit(cli.Usage, errors.New("--forward is not a URL"))
		}
	}
	o, err := openWitness(e, c.DB, c.Key)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.store.Close()) }()
	if err := o.checkFloors(e); err != nil {
		return err
	}
	if len(o.witness.Origins()) == 0 {
		return errors.New("no log: add one with haltwitness add-log")
	}
	logger := slog.New(slog.NewTextHandler(e.stderr, nil))
	k := &floorKeeper{e: e, w: o.witness, keys: c.Key, logger: logger, kick: make(chan struct{}, 1)}
	h, err := witnesshttp.New(witnesshttp.Config{Forward: forward}, witnesshttp.Deps{
		Witness: o.witness, Logger: logger, Changed: k.changed,
	})
	if err != nil {
		return cli.Exit(cli.Usage, err)
	}
	l, err := (&net.ListenConfig{}).Listen(e.ctx, "tcp", c.Listen)
	if err != nil {
		return err
	}
	return k.serve(h.Server(), l)
}

// opened is a database with its witness.
type opened struct {
	store   *boltstore.Store
	witness *witness.Witness
	keys    []string // paths; each has a floor beside it
}

func openWitness(e *env, db string, keys []string) (*opened, error) {
	signers, err := readKeys(keys)
	if err != nil {
		return nil, err
	}
	s, err := boltstore.Open(db)
	if err != nil {
		return nil, err
	}
	logs, err := readLogs(e, s)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	w, err := witness.New(witness.Config{Signers: signers, Logs: logs}, witness.Deps{Store: s, Clock: clock})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &opened{store: s, witness: w, keys: keys}, nil
}

// checkFloors refuses a database that is behind what any of the keys is known
// to have signed. A key that is new beside an old one has an empty floor.
func (o *opened) checkFloors(e *env) error {
	now, err := currentFloor(e, o.witness)
	if err != nil {
		return err
	}
	for _, k := range o.keys {
		have, err := readFloor(floorPath(k))
		if errors.Is(err, errNoFloor) {
			return look("%s is missing: without it an older copy of the database cannot be told from the newest; see haltwitness restore --help", floorPath(k))
		}
		if err != nil {
			return err
		}
		if err := have.holds(now); err != nil {
			return err
		}
	}
	return nil
}

// clock is the system's, in seconds; a clock before 1970 is none.
func clock() uint64 { return uint64(max(0, time.Now().Unix())) }

// floorKeeper writes the floor file behind the witness's back: soon, and at
// the end, but never in the way of an answer.
type floorKeeper struct {
	e       *env
	w       *witness.Witness
	keys    []string
	logger  *slog.Logger
	kick    chan struct{} // holds a token while there is something to write
	written []byte
}

func (k *floorKeeper) changed(string) {
	select {
	case k.kick <- struct{}{}:
	default:
	}
}

// serve runs until the context ends or the listener fails.
func (k *floorKeeper) serve(srv *http.Server, l net.Listener) error {
	if _, err := fmt.Fprintf(k.e.stdout, "listening http://%s\n", l.Addr()); err != nil {
		return errors.Join(err, l.Close())
	}
	k.logger.Info("serving", "addr", l.Addr().String(), "logs", len(k.w.Origins()))
	ctx, cancel := context.WithCancel(k.e.ctx)
	var wg sync.WaitGroup
	wg.Go(func() { k.keep(ctx) })
	failed := make(chan error, 1)
	wg.Go(func() { failed <- srv.Serve(l) })
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
		stop, done := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
		if srv.Shutdown(stop) != nil {
			err = srv.Close()
		}
		done()
	}
	cancel()
	wg.Wait()
	// Everything was answered: what is in the database now is the floor.
	return errors.Join(err, k.write(context.WithoutCancel(ctx)))
}

func (k *floorKeeper) keep(ctx context.Context) {
	t := time.NewTicker(floorEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		select {
		case <-k.kick:
			if err := k.write(ctx); err != nil {
				// The witness goes on: its database is what it signs by.
				k.logger.Error("write floor", "err", err)
				k.changed("")
			}
		default:
		}
	}
}

func (k *floorKeeper) write(ctx context.Context) error {
	f, err := currentFloor(&env{ctx: ctx}, k.w)
	if err != nil {
		return err
	}
	b := f.bytes()
	if bytes.Equal(b, k.written) {
		return nil
	}
	if err := f.writeAll(k.keys); err != nil {
		return err
	}
	k.written = b
	return nil
}
