// Command bench measures what the README claims, and says where it is missed.
//
// It drives the product as strangers run it: the three binaries as processes of
// their own, over TCP, on the disk that the temporary folder lies on. It owns the
// form of the figures and how they are taken.
//
// Invariants:
//
//   - FG1: a figure is reported as it came. A miss is a row like any other, and
//     nothing is measured again because of it.
//   - FG2: a figure stands beside a peer that was measured in the same run on the
//     same machine, so that a slow or a busy machine shows in both.
//   - FG3: what is waited for is an event (an answer, a line, an index), never a
//     guessed time; pauses are between measurements only.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// group is a set of figures that are taken together, on one set-up.
type group struct {
	name string
	run  func(ctx context.Context, b *bench) error
}

// groups are in the order in which they run: the quiet ones first.
func groups() []group {
	return []group{
		{"ring", benchRing},
		{"check", benchCheck},
		{"voprf", benchVOPRF},
		{"clearance", benchClearance},
		{"epoch", benchEpoch},
		{"labels", benchLabels},
		{"witness", benchWitness},
		{"lone", benchLone},
		{"stop", benchStop},
		{"append", benchAppend},
		{"flood", benchFlood},
		{"audit", benchAudit},
		{"spread", benchSpread},
	}
}

// bench is one run of the command.
type bench struct {
	quick bool
	root  string // of the checkout
	work  string // temporary
	bin   binaries
	doc   Document
	// places are where its processes run: here if nil.
	places *places
}

// say tells a person how far it is.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s %s\n", time.Now().UTC().Format("15:04:05"), fmt.Sprintf(format, args...))
}

// scale is how often something is measured: fewer times with -quick.
func (b *bench) scale(n int) int {
	if b.quick {
		return max(n/10, min(n, 10))
	}
	return n
}

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	part, err := spreadRole(ctx)
	if !part {
		err = run(ctx)
	}
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	out := flag.String("out", "bench", "folder for the JSON document")
	only := flag.String("only", "", "groups to measure, separated by commas; all by default")
	quick := flag.Bool("quick", false, "a tenth of the runs: to see that everything works")
	page := flag.String("page", "", "file for the table in Markdown, such as docs/figures.md; none by default")
	render := flag.String("render", "", "measure nothing: print the page of these JSON documents, separated by commas, to -page")
	flag.Parse()
	if *render != "" {
		return renderFile(*render, *page)
	}
	b := &bench{quick: *quick}
	if b.root, err = checkout(); err != nil {
		return err
	}
	if b.work, err = os.MkdirTemp("", "haltlog-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.work)) }()
	// The guarded command has a uid of its own, and must reach its program.
	if err := os.Chmod(b.work, 0o755); err != nil {
		return err
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	b.doc = Document{Date: time.Now().UTC().Truncate(time.Second), Quick: b.quick, Machine: machine(b.work), Commit: commit(ctx, b.root), Figures: []Figure{}}
	b.say("building")
	if b.bin, err = build(ctx, b.root, filepath.Join(b.work, "bin"), true); err != nil {
		return err
	}
	var failed []error
	for _, g := range chosen {
		b.say("%s", g.name)
		if err := g.run(ctx, b); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", g.name, err))
			b.doc.Failed = append(b.doc.Failed, fmt.Sprintf("%s: %v", g.name, err))
			b.say("%s: %v", g.name, err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	b.doc.LoadAfter = loadAverage()
	if err := b.write(*out, *page); err != nil {
		return err
	}
	return errors.Join(failed...)
}

func choose(only string) ([]group, error) {
	all := groups()
	if only == "" {
		return all, nil
	}
	var chosen []group
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(all, func(g group) bool { return g.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no group %q", name)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// write writes the document under its date, and as latest.json.
func (b *bench) write(dir, page string) error {
	raw, err := json.MarshalIndent(b.doc, "", "  ")
	if err != nil {
		return err
	}
	raw = append(raw, '\n')
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	dated := filepath.Join(dir, b.doc.Date.Format("20060102T150405Z")+".json")
	if err := errors.Join(os.WriteFile(dated, raw, 0o644), os.WriteFile(filepath.Join(dir, "latest.json"), raw, 0o644)); err != nil {
		return err
	}
	fmt.Println(dated)
	text := markdown(b.doc)
	if page == "" {
		return nil
	}
	return os.WriteFile(page, text, 0o644)
}

// renderFile prints the pages of runs one below the other.
func renderFile(from, page string) error {
	var runs []Document
	for name := range strings.SplitSeq(from, ",") {
		raw, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		var d Document
		if err := json.Unmarshal(raw, &d); err != nil {
			return err
		}
		runs = append(runs, d)
	}
	out := markdown(runs...)
	if page == "" {
		_, err := os.Stdout.Write(out)
		return err
	}
	return os.WriteFile(page, out, 0o644)
}
