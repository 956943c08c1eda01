// Package archtest holds the module's layers as a test: which package may import
// what, each ban with its reason. It owns no behaviour of the product.
//
// The table follows the trust boundaries: the pure packages decide and must not
// be able to reach a clock, a socket or a file; each third party has one importer,
// so that it can be replaced or audited in one place; each binary links only what
// the people who run it have to trust.
package archtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
)

// Module is this module's path; package paths in the tables are relative to it.
const Module = "github.com/haltlog/haltlog"

// Package is what `go list` says of one package of the build.
type Package struct {
	ImportPath string
	Standard   bool
	Imports    []string // direct, without those of tests
	Deps       []string // transitive
	GoFiles    []string
	Dir        string
}

// List returns the packages of the module with their direct and transitive imports.
func List() ([]Package, error) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Standard,Imports,Deps,GoFiles,Dir", Module+"/...")
	out, err := cmd.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			return nil, fmt.Errorf("go list: %w: %s", err, exit.Stderr)
		}
		return nil, fmt.Errorf("go list: %w", err)
	}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	var all []Package
	for {
		var p Package
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, fmt.Errorf("go list: %w", err)
		}
		all = append(all, p)
	}
}

// rel cuts the module's path off, "" for a package that is not of this module.
func rel(path string) string {
	if path == Module {
		return "."
	}
	r, ok := strings.CutPrefix(path, Module+"/")
	if !ok {
		return ""
	}
	return r
}

// under reports whether path is root or lies below it.
func under(path, root string) bool {
	return path == root || strings.HasPrefix(path, root+"/")
}

func underAny(path string, roots []string) bool {
	return slices.ContainsFunc(roots, func(r string) bool { return under(path, r) })
}

// thirdParty reports whether an import path is neither of the standard library nor of this module.
func thirdParty(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return strings.Contains(first, ".") && rel(path) == ""
}
