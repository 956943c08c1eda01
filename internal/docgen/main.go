package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

func main() {
	check := flag.Bool("check", false, "write nothing; fail if a page is out of date or an invariant has no test")
	root := flag.String("root", ".", "the module's folder")
	flag.Parse()
	if err := run(*root, *check, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "docgen:", err)
		os.Exit(1)
	}
}

// errOutdated is a page that is not what the code gives.
var errOutdated = errors.New("out of date, run `go run ./internal/docgen`")

// run writes the pages, or holds them against what they should be.
func run(root string, check bool, out io.Writer) error {
	pages, err := generate(root)
	if err != nil {
		return err
	}
	problems := missing(pages.shown)
	for _, name := range slices.Sorted(maps.Keys(pages.files)) {
		path := filepath.Join(root, filepath.FromSlash(name))
		have, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		want := pages.files[name]
		switch {
		case err == nil && bytes.Equal(have, want):
		case check:
			problems = append(problems, fmt.Errorf("%s: %w", name, errOutdated))
		default:
			if err := os.WriteFile(path, want, 0o644); err != nil {
				return err
			}
			fmt.Fprintln(out, "wrote", name)
		}
	}
	return errors.Join(problems...)
}

// missing lists the invariants of the design that no test carries.
func missing(found map[string][]shown) []error {
	var problems []error
	for _, i := range invariants() {
		if len(found[i.Number]) == 0 {
			problems = append(problems, fmt.Errorf("invariant %s (%s) has no test that carries its number", i.Number, i.Title))
		}
	}
	return problems
}
