package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/clearance"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/clearing"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/listsync"
)

type clearCmd struct {
	Make clearMakeCmd `cmd:"" default:"withargs" help:"Prove to others that a model is not on the list, without showing it."`
	Open clearOpenCmd `cmd:"" help:"At an audit, hold the opening of a clearance against the model, offline."`
}

// listFlags say where the list is.
type listFlags struct {
	List    string `type:"path" env:"HALTLOG_LIST" help:"Folder of the list, kept by haltlog sync; without it, the list is fetched from --log."`
	Log     string `env:"HALTLOG_LOG" help:"Address of the log or of a mirror, http or https."`
	Genesis string `env:"HALTLOG_GENESIS" help:"Hash of the log's genesis, in hex."`
	Quorum  string `type:"path" env:"HALTLOG_QUORUM" help:"Quorum file (C2SP tlog-policy) by which you trust the log; without it, the one of the genesis."`
}

// fetch opens the folder, or fetches the list into one that close removes.
func (f *listFlags) fetch(e *env) (list *clearing.Folder, close func(), err error) {
	genesis, quorum, err := pins(f.Genesis, f.Quorum)
	if err != nil {
		return nil, nil, err
	}
	if f.List != "" {
		list, err = clearing.OpenFolder(f.List)
		if err == nil && genesis != nil && list.List.GenesisHash() != *genesis {
			err = no(fmt.Errorf("%s holds the list of another log, with genesis %s", f.List, list.List.GenesisHash().Hex()))
		}
		return list, func() {}, err
	}
	if f.Log == "" {
		return nil, nil, usage("give --list or --log")
	}
	sources, err := sourcesOf([]string{f.Log})
	if err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("", "haltlog-list-")
	if err != nil {
		return nil, nil, err
	}
	close = func() { _ = os.RemoveAll(dir) }
	r, err := listsync.Sync(e.ctx, listsync.Config{Dir: dir, Genesis: genesis, Quorum: quorum, Now: time.Now, Progress: e.progress("list")}, sources)
	if err == nil && r.FirstUse {
		fmt.Fprintf(e.stderr, "haltlog: trusted on first use: genesis %s of %s (pin it with --genesis)\n", r.Genesis, r.Origin)
	}
	if err == nil {
		list, err = clearing.OpenFolder(dir)
	}
	if err != nil {
		close()
		return nil, nil, err
	}
	return list, close, nil
}

// source is where lists come from: the folder, and the log for what it has not.
func (f *listFlags) source(list *clearing.Folder) (clearing.Source, error) {
	var all clearing.Sources
	if list != nil {
		all = append(all, list)
	}
	if f.Log != "" {
		c, err := client.New(client.Config{URL: f.Log})
		if err != nil {
			return nil, usage("--log: %v", err)
		}
		all = append(all, &clearing.Served{Client: c})
	}
	if len(all) == 0 {
		return nil, usage("a clearance is verified against the list: give --list or --log")
	}
	return all, nil
}

// clearMakeCmd makes a clearance. Exit codes: 0 made, 1 it could not be done, 2
// usage, 3 a fingerprint is listed, 4 not all weights could be read.
type clearMakeCmd struct {
	Path         string   `arg:"" optional:"" type:"path" help:"Model: a folder, or one file."`
	Out          string   `required:"" type:"path" help:"File to write. What opens it goes beside it, to NAME.opening.json, which is secret."`
	From         string   `type:"path" help:"An older clearance, which is extended by what was listed since. Nobody is asked, and no model is read."`
	Opening      string   `type:"path" help:"With --from, the opening of the older clearance; without it, the file beside it."`
	Kinds        []string `default:"manifest,tensor,band,bandp" enum:"manifest,tensor,band,bandp" help:"What to clear. A band that a public base explains may be on the list: leave bands out then, and say so."`
	Committed    string   `type:"path" help:"Opening of a training manifest (haltlog fingerprint --commit): the same commitments are asked, so that both can be opened together."`
	Linkable     string   `type:"path" help:"Opening of another clearance whose commitments are used again, so that everybody sees that both are of one model."`
	Pseudonymous bool     `help:"Show the labels as pseudonyms, and prove that they are absent: simpler, and it links every such document of one model."`
	Token        string   `env:"HALTLOG_TOKEN" help:"Bearer token of the evaluate route; without it, the anonymous quota is used."`
	listFlags    `embed:""`
	scanFlags    `embed:""`
}

// cleared is what was made.
type cleared struct {
	Clearance    string                   `json:"clearance"`
	Opening      string                   `json:"opening"`
	Form         string                   `json:"form"`
	Origin       string                   `json:"origin"`
	Epoch        uint64                   `json:"epoch"`
	Size         uint64                   `json:"size"`
	Fingerprints map[fingerprint.Kind]int `json:"fingerprints"`
	Says         string                   `json:"says"`
}

func openingOf(path string) string { return strings.TrimSuffix(path, ".json") + ".opening.json" }

func (c *clearMakeCmd) Run(e *env) error {
	switch {
	case (c.Path == "") == (c.From == ""):
		return usage("give a model, or --from")
	case c.From == "" && c.Opening != "":
		return usage("--opening is about --from")
	case c.From != "" && (c.Committed != "" || c.Linkable != "" || c.Pseudonymous):
		return usage("an extension keeps the form and the commitments of what it extends")
	case c.Pseudonymous && c.Linkable != "":
		return usage("pseudonyms link as they are: --linkable is about commitments")
	case c.From == "" && c.Log == "" && c.List == "":
		return usage("give --log, or --list of a log whose evaluators have addresses")
	}
	for _, path := range []string{c.Out, openingOf(c.Out)} {
		if _, err := os.Lstat(path); err == nil {
			return fmt.Errorf("%s exists already", path)
		}
	}
	list, done, err := c.fetch(e)
	if err != nil {
		return err
	}
	defer done()
	var d *clearing.Document
	var o *clearing.Opening
	var skipped []string
	if c.From != "" {
		d, o, err = c.extend(e, list)
	} else {
		d, o, skipped, err = c.create(e, list)
	}
	if _, listed := errors.AsType[*clearing.ListedError](err); listed {
		return no(fmt.Errorf("there is no clearance: %w", err))
	}
	if err != nil {
		return err
	}
	if err := c.write(d, o); err != nil {
		return err
	}
	x := cleared{c.Out, openingOf(c.Out), d.Form, d.Origin, d.Epoch.Number, d.Epoch.Size, map[fingerprint.Kind]int{}, d.Says}
	for _, f := range o.Fingerprints {
		x.Fingerprints[f.Kind]++
	}
	if err := e.print(x, func(w io.Writer) error {
		fmt.Fprintf(w, "%s: %d fingerprints of kinds %s are not on the list of %s, epoch %d at log size %d\n", c.Out, len(o.Fingerprints), kindsOf(x.Fingerprints), x.Origin, x.Epoch, x.Size)
		_, err := fmt.Fprintf(w, "  %s\n%s: opens it; keep it secret until an audit\n", d.Says, x.Opening)
		return err
	}); err != nil {
		return err
	}
	if len(skipped) > 0 {
		return look(fmt.Errorf("not all weights could be read: %s", strings.Join(skipped, ", ")))
	}
	return nil
}

// write writes the secret first: a clearance that nobody can open is of no use.
func (c *clearMakeCmd) write(d *clearing.Document, o *clearing.Opening) error {
	raw, err := o.Marshal()
	if err != nil {
		return err
	}
	if err := create(openingOf(c.Out), raw); err != nil {
		return err
	}
	if raw, err = d.Marshal(); err != nil {
		return err
	}
	if err := create(c.Out, raw); err != nil {
		return err
	}
	return os.Chmod(c.Out, 0o644) // it is meant for others
}

func (c *clearMakeCmd) extend(e *env, list *clearing.Folder) (*clearing.Document, *clearing.Opening, error) {
	older, err := parseBig(c.From, clearing.Parse)
	if err != nil {
		return nil, nil, err
	}
	path := c.Opening
	if path == "" {
		path = openingOf(c.From)
	}
	o, err := parseBig(path, clearing.ParseOpening)
	if err != nil {
		return nil, nil, err
	}
	s, err := c.source(list)
	if err != nil {
		return nil, nil, err
	}
	d, err := clearing.Extend(e.ctx, older, o, list.List, s)
	return d, o, err
}

func (c *clearMakeCmd) create(e *env, list *clearing.Folder) (*clearing.Document, *clearing.Opening, []string, error) {
	m, err := c.scan(e, c.Path)
	if err != nil {
		return nil, nil, nil, err
	}
	r := clearing.Request{List: list.List, Questions: questionsOf(m, c.Kinds), Pseudonymous: c.Pseudonymous}
	n := &clearing.Network{Token: c.Token}
	if c.Log != "" {
		if n.Log, err = client.New(client.Config{URL: c.Log, Token: c.Token}); err != nil {
			return nil, nil, nil, usage("--log: %v", err)
		}
	}
	r.Asker = n
	if c.Committed != "" {
		o, err := parseBig(c.Committed, clearing.ParseManifestOpening)
		if err != nil {
			return nil, nil, nil, err
		}
		if r.Blinds, err = o.Blinds(r.Questions); err != nil {
			return nil, nil, nil, fmt.Errorf("%s: %w", c.Committed, err)
		}
	}
	if c.Linkable != "" {
		if r.Link, err = parseBig(c.Linkable, clearing.ParseOpening); err != nil {
			return nil, nil, nil, err
		}
	}
	d, o, err := clearing.Make(e.ctx, r)
	if errors.Is(err, voprf.ErrProof) {
		err = no(err)
	}
	return d, o, m.Skipped, err
}

// questionsOf are a model's questions of some families of kinds.
func questionsOf(m fingerprint.Model, families []string) []blacklist.Question {
	return slices.DeleteFunc(blacklist.Questions(m), func(q blacklist.Question) bool {
		family, _ := q.Kind.Family()
		return !slices.Contains(families, family)
	})
}

// kindsOf says how many there are of each family.
func kindsOf(kinds map[fingerprint.Kind]int) string {
	n := map[string]int{}
	for k, c := range kinds {
		family, _ := k.Family()
		n[family] += c
	}
	var out []string
	for _, f := range []string{"manifest", "tensor", fingerprint.FamilyBand, fingerprint.FamilyBandP} {
		if n[f] > 0 {
			out = append(out, fmt.Sprintf("%s (%d)", f, n[f]))
		}
	}
	return strings.Join(out, ", ")
}

// parseBig reads a document that may be larger than what officers sign.
func parseBig[T any](path string, parse func([]byte) (T, error)) (T, error) {
	var none T
	f, err := os.Open(path)
	if err != nil {
		return none, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, clearing.MaxDocument+1))
	if err != nil {
		return none, err
	}
	v, err := parse(raw)
	if err != nil {
		return v, fmt.Errorf("%s: %w", path, err)
	}
	return v, nil
}

// clearOpenCmd is the audit. Exit codes: 0 all fits, 1 a file could not be read, 2
// usage, 3 it does not open, or the model is another one.
type clearOpenCmd struct {
	Path      string   `arg:"" type:"path" help:"Model: a folder, or one file."`
	Opening   string   `required:"" type:"path" help:"What opens the clearance."`
	Clearance string   `required:"" type:"path" help:"The clearance."`
	Manifest  string   `type:"path" help:"Training manifest (haltlog fingerprint --commit)."`
	Kinds     []string `default:"manifest,tensor,band,bandp" enum:"manifest,tensor,band,bandp" help:"Kinds that were to be cleared."`
	Genesis   string   `required:"" env:"HALTLOG_GENESIS" help:"Hash of the log's genesis, in hex."`
	Quorum    string   `type:"path" env:"HALTLOG_QUORUM" help:"Quorum file (C2SP tlog-policy) by which you trust the log; without it, the one of the genesis."`
	scanFlags `embed:""`
}

func (c *clearOpenCmd) Run(e *env) error {
	genesis, quorum, err := pins(c.Genesis, c.Quorum)
	if err != nil {
		return err
	}
	d, err := parseBig(c.Clearance, clearing.Parse)
	if err != nil {
		return clearError(err)
	}
	o, err := parseBig(c.Opening, clearing.ParseOpening)
	if err != nil {
		return clearError(err)
	}
	var m *clearing.Manifest
	if c.Manifest != "" {
		if m, err = parseBig(c.Manifest, clearing.ParseManifest); err != nil {
			return clearError(err)
		}
	}
	model, err := c.scan(e, c.Path)
	if err != nil {
		return err
	}
	a, err := clearing.Open(e.ctx, d, o, clearing.Trust{Genesis: *genesis, Quorum: quorum}, questionsOf(model, c.Kinds), m)
	if err != nil {
		return clearError(err)
	}
	if err := e.print(a, func(w io.Writer) error {
		fmt.Fprintf(w, "%d commitments of %s open to %d fingerprints: fingerprint, B, the evaluators' proofs, label and C_0 fit\n", a.Opened, c.Clearance, len(o.Fingerprints))
		fmt.Fprintf(w, "  %d of them are of this model\n", a.Model)
		if n := a.Foreign; n > 0 {
			fmt.Fprintf(w, "  %d are not\n", n)
		}
		if len(a.Missing) > 0 {
			fmt.Fprintf(w, "  not cleared of this model: %s\n", kindsOf(a.Missing))
		}
		if m != nil {
			fmt.Fprintf(w, "  %d are committed to by %s, %d are not, and %d of it were not cleared\n", a.Manifest, c.Manifest, a.Unmanifest, a.Uncleared)
		}
		return nil
	}); err != nil {
		return err
	}
	if !a.Fits() {
		return no(errors.New("clearance, model and training manifest are not all of the same"))
	}
	return nil
}

// clearError makes what does not hold the answer no.
func clearError(err error) error {
	for _, sentinel := range []error{
		clearing.ErrUnverified, clearing.ErrIncomplete, clearing.ErrFormat, clearing.ErrOpening, clearing.ErrManifest, clearance.ErrListed, clearance.ErrProof,
	} {
		if errors.Is(err, sentinel) {
			return no(err)
		}
	}
	return err
}
