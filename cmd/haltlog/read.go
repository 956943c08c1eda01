package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/log"
)

// gapRefresh is how long a policy's max_gap is taken as known.
const gapRefresh = 10 * time.Second

// gap reads max_gap of the policy in force, now and then.
func gap(e *env, c *client.Client, chain string) func(context.Context) (time.Duration, error) {
	var value time.Duration
	var at time.Time
	return func(context.Context) (time.Duration, error) {
		if value > 0 && time.Since(at) < gapRefresh {
			return value, nil
		}
		doc, err := inForce(e, c, chain)
		if err != nil {
			return 0, err
		}
		value, at = ms(doc.MaxGapMS), time.Now()
		return value, nil
	}
}

func timeout(e *env, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(e.ctx, d, fmt.Errorf("not done within %v", d))
}

type entriesCmd struct {
	logFlag `embed:""`
	RunID   string `name:"run" help:"Only of this run."`
	Kind    string `help:"Only of this kind."`
	From    uint64 `help:"Smallest index."`
	Limit   int    `default:"1000" help:"At most so many; 0 for all."`
}

func (c *entriesCmd) Run(e *env) error {
	if c.Kind != "" {
		if _, ok := log.Info(log.Kind(c.Kind)); !ok {
			return usage("--kind %q is not a kind of statement", c.Kind)
		}
	}
	cl, err := c.client("")
	if err != nil {
		return err
	}
	n := 0
	for x, err := range cl.Entries(e.ctx, client.Filter{Run: c.RunID, Kind: log.Kind(c.Kind), From: c.From}) {
		if err != nil {
			return err
		}
		if err := e.entry(x); err != nil {
			return err
		}
		if n++; n == c.Limit {
			break
		}
	}
	return nil
}

// entry prints one entry: a line of JSON, or a line for people.
func (e *env) entry(x api.Entry) error {
	return e.print(x, func(w io.Writer) error {
		at := "-"
		if x.LogTime != nil {
			at = x.LogTime.UTC().Format(time.RFC3339)
		}
		s := fmt.Sprintf("%8d  %-20s  %-12s  %-7s  %s", x.Index, at, line(x.Kind), line(x.Validity), line(x.Run))
		if x.Reason != "" {
			s += "  (" + line(x.Reason) + ")"
		}
		_, err := fmt.Fprintln(w, s)
		return err
	})
}

type proofCmd struct {
	trustFlags `embed:""`
	Index      uint64 `arg:"" help:"Index of the entry."`
	Out        string `type:"path" help:"File for the receipt; without it, it is printed."`
	Leaf       string `type:"path" help:"File for the entry's bytes, which verifying needs too."`
}

func (c *proofCmd) Run(e *env) error {
	l, err := c.open(e, "")
	if err != nil {
		return err
	}
	defer l.close()
	x, err := l.client.Entry(e.ctx, c.Index)
	if err != nil {
		return err
	}
	s, err := l.Include(e.ctx, c.Index, x.Leaf)
	if err != nil {
		return c.evidence(err)
	}
	proof, err := l.client.Proof(e.ctx, c.Index)
	if err != nil {
		return err
	}
	// This is the proof that is kept, so it is the one that is verified.
	r, err := log.VerifyReceipt([]byte(l.Quorum().String()), x.Leaf, proof)
	if err != nil {
		return no(err)
	}
	if c.Leaf != "" {
		if err := create(c.Leaf, x.Leaf); err != nil {
			return err
		}
	}
	if c.Out != "" {
		if err := create(c.Out, proof); err != nil {
			return err
		}
	}
	return e.print(map[string]any{"index": c.Index, "kind": s.Kind(), "origin": r.Origin, "size": r.Size, "root": r.Root, "proof": proof}, func(w io.Writer) error {
		if c.Out == "" {
			_, err := w.Write(proof)
			return err
		}
		_, err := fmt.Fprintf(w, "entry %d of %s is a %s, witnessed at size %d\n", c.Index, r.Origin, s.Kind(), r.Size)
		return err
	})
}

type eventsCmd struct {
	logFlag `embed:""`
	RunID   string `arg:"" name:"run" help:"Name of the run."`
	From    uint64 `help:"First index."`
	Once    bool   `help:"End with the connection instead of connecting again."`
}

// reconnect is the pause before a stream is opened again.
const reconnect = time.Second

func (c *eventsCmd) Run(e *env) error {
	cl, err := c.client("")
	if err != nil {
		return err
	}
	from := c.From
	for {
		err := c.stream(e, cl, &from)
		switch {
		case e.ctx.Err() != nil:
			return nil // asked to stop
		case errors.Is(err, client.ErrNotFound):
			return noRun(c.RunID, err)
		case c.Once:
			if errors.Is(err, io.ErrUnexpectedEOF) {
				return nil
			}
			return err
		}
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			fmt.Fprintf(e.stderr, "haltlog: %v\n", err)
		}
		select {
		case <-e.ctx.Done():
			return nil
		case <-time.After(reconnect):
		}
	}
}

// stream prints events until the connection ends; from follows what was seen.
func (c *eventsCmd) stream(e *env, cl *client.Client, from *uint64) error {
	for ev, err := range cl.Events(e.ctx, c.RunID, *from) {
		if err != nil {
			return err
		}
		if ev.Name == "" {
			continue // the server's sign of life
		}
		if ev.Name == api.EventEntry {
			var x api.Entry
			if err := json.Unmarshal(ev.Data, &x); err != nil {
				return fmt.Errorf("event: %w", err)
			}
			*from = max(*from, x.Index+1)
			if !e.json {
				if err := e.entry(x); err != nil {
					return err
				}
				continue
			}
		}
		out := struct {
			Event string          `json:"event"`
			Data  json.RawMessage `json:"data"`
		}{ev.Name, ev.Data}
		if !json.Valid(ev.Data) {
			return fmt.Errorf("event %s: not JSON", line(ev.Name))
		}
		if err := e.print(out, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "%8s  %s\n", line(ev.Name), line(string(ev.Data)))
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}
