package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/schollz/progressbar/v3"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/internal/clearing"
	"github.com/haltlog/haltlog/internal/printcache"
)

// scanFlags are those of every command that reads models.
type scanFlags struct {
	Symlinks bool   `help:"Read through symbolic links to files, such as a model hub's cache has."`
	Cache    string `type:"path" env:"HALTLOG_CACHE" help:"Folder that keeps what was computed of each file, by name, size and time: what did not change is not read again, and an interrupted scan goes on."`
	Verify   bool   `help:"With --cache, read every file all the same, and take from the folder only what belongs to that very content."`
}

// scan fingerprints the model at path, a folder or one file, with a bar on a
// terminal.
func (f scanFlags) scan(e *env, path string) (fingerprint.Model, error) {
	info, err := os.Stat(path)
	if err != nil {
		return fingerprint.Model{}, err
	}
	opts := fingerprint.Options{Symlinks: f.Symlinks, Verify: f.Verify, Stop: e.ctx.Done()}
	dir := path
	if !info.IsDir() {
		dir, opts.File = filepath.Dir(path), filepath.Base(path)
	}
	cache, err := f.open(dir)
	if err != nil {
		return fingerprint.Model{}, err
	}
	if cache != nil {
		opts.Cache = cache
	}
	if out, ok := e.stderr.(*os.File); ok && terminal(out) {
		var bar *progressbar.ProgressBar
		opts.Progress = func(done, total uint64) {
			if bar == nil {
				bar = progressbar.NewOptions64(int64(total), progressbar.OptionSetWriter(out),
					progressbar.OptionSetDescription(filepath.Base(path)), progressbar.OptionShowBytes(true), progressbar.OptionClearOnFinish())
			}
			bar.ChangeMax64(int64(total)) // verifying finds out how much is left
			_ = bar.Set64(int64(done))
		}
	}
	m, err := fingerprint.Scan(os.DirFS(dir), opts)
	if cache != nil {
		// What could not be kept costs time and is no reason to fail.
		s, keep := cache.Stats()
		if s.Refused > 0 {
			fmt.Fprintf(e.stderr, "%s: %d entries were not this program's own and were computed anew\n", f.Cache, s.Refused)
		}
		if keep != nil {
			fmt.Fprintf(e.stderr, "%s: %v\n", f.Cache, keep)
		}
	}
	if err != nil {
		return m, fmt.Errorf("%s: %w", path, scanError(err))
	}
	return m, nil
}

// open opens the cache for models in dir; nil without one.
func (f scanFlags) open(dir string) (*printcache.Cache, error) {
	if f.Cache == "" {
		if f.Verify {
			return nil, usage("--verify is about --cache")
		}
		return nil, nil
	}
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	return printcache.Open(f.Cache, root)
}

// scanError keeps an error short.
func scanError(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s: %w", p.Path, p.Err)
	}
	return err
}

type fingerprintCmd struct {
	Path      []string `arg:"" type:"path" help:"Models: a folder, or one file, each."`
	Commit    string   `type:"path" help:"Write a training manifest: one commitment to each fingerprint, which says nothing of it. What opens it goes beside it, to NAME.opening.json, which is secret, and is used by haltlog clear --committed."`
	scanFlags `embed:""`
}

// printed is what is shown of one model. It never leaves the machine.
type printed struct {
	Path       string                     `json:"path"`
	Manifest   fingerprint.Fingerprint    `json:"manifest"`
	Parameters uint64                     `json:"parameters"`
	Bytes      uint64                     `json:"bytes"`
	Kinds      map[fingerprint.Kind]int   `json:"kinds"` // fingerprints that a check would ask for
	Tensors    []printedTensor            `json:"tensors"`
	Unlisted   map[fingerprint.Reason]int `json:"never_listed"`
	Skipped    []string                   `json:"skipped"`
}

type printedTensor struct {
	Name        string                  `json:"name"`
	File        string                  `json:"file"`
	Shape       []uint64                `json:"shape"`
	Elements    uint64                  `json:"elements"`
	Fingerprint fingerprint.Fingerprint `json:"fingerprint"`
	Reason      fingerprint.Reason      `json:"never_listed,omitempty"`
}

func printedOf(path string, m fingerprint.Model) printed {
	p := printed{
		Path: path, Manifest: m.Manifest, Parameters: m.Parameters, Bytes: m.Bytes, Kinds: make(map[fingerprint.Kind]int),
		Tensors: []printedTensor{}, Unlisted: make(map[fingerprint.Reason]int), Skipped: append([]string{}, m.Skipped...),
	}
	for _, q := range blacklist.Questions(m) {
		p.Kinds[q.Kind]++
	}
	for _, t := range m.Tensors {
		p.Tensors = append(p.Tensors, printedTensor{t.Name, t.File, t.Shape, t.Elements, t.Fingerprint, t.Reason})
		if t.Reason != "" {
			p.Unlisted[t.Reason]++
		}
	}
	return p
}

// Run prints the fingerprints of models. Nothing is sent anywhere.
func (c *fingerprintCmd) Run(e *env) error {
	if c.Commit != "" && len(c.Path) != 1 {
		return usage("--commit is about one model")
	}
	list := make([]printed, 0, len(c.Path))
	for _, path := range c.Path {
		m, err := c.scan(e, path)
		if err != nil {
			return err
		}
		if c.Commit != "" {
			if err := commitTo(c.Commit, m); err != nil {
				return err
			}
		}
		list = append(list, printedOf(path, m))
	}
	if err := e.print(list, func(w io.Writer) error {
		for _, p := range list {
			if err := p.text(w); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	// Weights that could not be read are nothing that a program may take for all.
	var unread []string
	for _, p := range list {
		if len(p.Skipped) > 0 {
			unread = append(unread, p.Path)
		}
	}
	if len(unread) > 0 {
		return look(fmt.Errorf("not all weights could be read: %s", strings.Join(unread, ", ")))
	}
	return nil
}

// commitTo writes a training manifest and, first, what opens it.
func commitTo(path string, m fingerprint.Model) error {
	manifest, opening, err := clearing.Commit(blacklist.Questions(m))
	if err != nil {
		return err
	}
	raw, err := opening.Marshal()
	if err != nil {
		return err
	}
	if err := create(openingOf(path), raw); err != nil {
		return err
	}
	if raw, err = manifest.Marshal(); err != nil {
		return err
	}
	if err := create(path, raw); err != nil {
		return err
	}
	return os.Chmod(path, 0o644) // it is meant for others
}

func (p printed) text(w io.Writer) error {
	fmt.Fprintf(w, "%s: %d tensors of %d parameters, %d bytes\n  %s\n", p.Path, len(p.Tensors), p.Parameters, p.Bytes, p.Manifest)
	for _, k := range slices.Sorted(maps.Keys(p.Kinds)) {
		fmt.Fprintf(w, "  %d to be asked for of kind %s\n", p.Kinds[k], k)
	}
	for _, r := range slices.Sorted(maps.Keys(p.Unlisted)) {
		fmt.Fprintf(w, "  %d never listed: %s\n", p.Unlisted[r], r)
	}
	for _, s := range p.Skipped {
		fmt.Fprintf(w, "  %s: its format is not read; only the manifest speaks for it\n", line(s))
	}
	_, err := fmt.Fprintln(w, "nothing was sent; --output=json prints every tensor's fingerprint")
	return err
}
