package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/listsync"
	"github.com/haltlog/haltlog/log"
)

// syncCmd keeps a lab's local list.
//
// Exit codes: 0 the folder holds the newest list, 1 it could not be done, 2 usage,
// 3 a source served what is provably not the witnessed list, 4 a person should
// look: the list, or a source's, is older than --max-age, or every source is behind.
type syncCmd struct {
	From        []string      `required:"" env:"HALTLOG_FROM" help:"Addresses of mirrors, or of the log, http or https, separated by commas. Each is asked, and they are compared."`
	Dir         string        `required:"" type:"path" help:"Folder of the list."`
	Genesis     string        `env:"HALTLOG_GENESIS" help:"Hash of the log's genesis, in hex; without it the log is trusted on first use."`
	Quorum      string        `type:"path" env:"HALTLOG_QUORUM" help:"Quorum file (C2SP tlog-policy) that checkpoints have to satisfy; without it, the one of the genesis."`
	MaxAge      time.Duration `default:"24h" help:"How old the newest witnessed checkpoint may be before a person should look (exit code 4). 0 for any age."`
	LookupOnly  bool          `help:"Keep lookup lists alone, a fifth of the size: a hit has to be confirmed by a proof."`
	Polynomials bool          `help:"Keep each part's polynomial too, for clearances."`
	Follow      bool          `help:"Go on until it is interrupted."`
	Every       time.Duration `default:"1m" help:"With --follow, the time between two looks."`
}

func (c *syncCmd) Run(e *env) error {
	sources, err := sourcesOf(c.From)
	if err != nil {
		return err
	}
	cfg := listsync.Config{
		Dir: c.Dir, MaxAge: c.MaxAge, LookupOnly: c.LookupOnly, Polynomials: c.Polynomials, Now: time.Now, Progress: e.progress("sync"),
	}
	if cfg.Genesis, cfg.Quorum, err = pins(c.Genesis, c.Quorum); err != nil {
		return err
	}
	if c.Follow && c.Every <= 0 {
		return usage("--every: want a time above 0")
	}
	for {
		err := c.once(e, cfg, sources)
		if !c.Follow {
			return err
		}
		if e.ctx.Err() != nil {
			return nil // asked to stop
		}
		if err != nil {
			fmt.Fprintf(e.stderr, "haltlog: %v\n", err)
		}
		select {
		case <-e.ctx.Done():
			return nil
		case <-time.After(c.Every):
		}
	}
}

func (c *syncCmd) once(e *env, cfg listsync.Config, sources []listsync.Source) error {
	r, err := listsync.Sync(e.ctx, cfg, sources)
	if r.FirstUse && r.Genesis != "" {
		fmt.Fprintf(e.stderr, "haltlog: trusted on first use: genesis %s of %s (pin it with --genesis)\n", r.Genesis, r.Origin)
	}
	if r.Number > 0 {
		if e := e.print(r, func(w io.Writer) error { return printSync(w, r) }); e != nil {
			return errors.Join(err, e)
		}
	}
	return concludeSync(r, err)
}

// concludeSync is the exit code: what a source is blamed for stands before all else.
func concludeSync(r listsync.Report, err error) error {
	var refused, stale []string
	for _, s := range r.Sources {
		line := fmt.Sprintf("%s: %s", s.Name, line(s.Reason))
		if len(s.Evidence) > 0 {
			line += " (kept in " + strings.Join(s.Evidence, ", ") + ")"
		}
		switch s.Standing {
		case listsync.StandingRefused:
			refused = append(refused, line)
		case listsync.StandingStale:
			stale = append(stale, line)
		}
	}
	switch {
	case len(refused) > 0:
		return no(errors.Join(errors.New("not the witnessed list: "+strings.Join(refused, "; ")), err))
	case errors.Is(err, listsync.ErrRollback):
		return look(err)
	case err != nil:
		return err
	case len(stale) > 0:
		return look(fmt.Errorf("an old list: %s", strings.Join(stale, "; ")))
	case r.Old:
		return look(fmt.Errorf("the newest checkpoint was witnessed %v ago: the log is quiet, down, or its end is withheld", age(r)))
	}
	return nil
}

func age(r listsync.Report) time.Duration { return ms(r.AgeMS).Round(time.Second) }

func printSync(w io.Writer, r listsync.Report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: epoch %d at log size %d, %d labels", line(r.Origin), r.Number, r.Size, r.Count)
	if r.Changed {
		fmt.Fprintf(&b, "; %d parts changed, %d bytes fetched (%s)", r.Parts, r.Bytes, r.Way)
	} else {
		b.WriteString("; nothing changed")
	}
	fmt.Fprintf(&b, "\nwitnessed %s, %v ago\n", r.Seen.Format(time.RFC3339), age(r))
	for _, s := range r.Sources {
		fmt.Fprintf(&b, "  %s: %s", line(s.Name), s.Standing)
		if s.Reason != "" {
			fmt.Fprintf(&b, ": %s", line(s.Reason))
		}
		b.WriteString("\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// sourcesOf are the sources of a list at addresses.
func sourcesOf(urls []string) ([]listsync.Source, error) {
	var out []listsync.Source
	for _, u := range urls {
		c, err := client.New(client.Config{URL: strings.TrimSpace(u)})
		if err != nil {
			return nil, usage("--from: %v", err)
		}
		out = append(out, listsync.Source{Name: c.URL(), Log: client.NewPlain(c)})
	}
	return out, nil
}

// pins are what is believed of a log beforehand.
func pins(genesis, quorum string) (*log.Hash, []byte, error) {
	var hash *log.Hash
	if genesis != "" {
		h, err := log.ParseHex(genesis)
		if err != nil {
			return nil, nil, usage("--genesis: %v", err)
		}
		hash = &h
	}
	if quorum == "" {
		return hash, nil, nil
	}
	raw, err := readFile(quorum)
	return hash, raw, err
}
