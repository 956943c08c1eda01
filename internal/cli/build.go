package cli

import (
	"fmt"
	"io"
	"runtime/debug"
)

// Build is what a program was built from.
type Build struct {
	Module   string `json:"module"`
	Version  string `json:"version"`
	Sum      string `json:"sum,omitempty"`      // go.sum's hash of the module, if it was built as a dependency
	Revision string `json:"revision,omitempty"` // of the checkout
	Time     string `json:"time,omitempty"`     // of the revision, RFC 3339
	Modified bool   `json:"modified"`           // built from a checkout with local changes
	Go       string `json:"go"`
	Needs    []Need `json:"needs"` // modules linked, by path
}

// Need is a module that a program links.
type Need struct {
	Module  string `json:"module"`
	Version string `json:"version"`
	Sum     string `json:"sum,omitempty"` // go.sum's hash
}

// ReadBuild is what the running program was built from; "unknown" where the
// build left no note of it.
func ReadBuild() Build {
	b := Build{Version: "unknown", Go: "unknown", Needs: []Need{}}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Module, b.Version, b.Sum, b.Go = info.Main.Path, info.Main.Version, info.Main.Sum, info.GoVersion
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		b.Needs = append(b.Needs, Need{Module: m.Path, Version: m.Version, Sum: m.Sum})
	}
	return b
}

// Print writes the build for people: the program on the first line, then a line for each module.
func (b Build) Print(w io.Writer, program string) error {
	line := fmt.Sprintf("%s %s %s", program, b.Version, b.Go)
	if b.Revision != "" {
		line += " revision " + b.Revision + " of " + b.Time
	}
	if b.Modified {
		line += " with local changes"
	}
	if _, err := fmt.Fprintln(w, line); err != nil {
		return err
	}
	for _, n := range b.Needs {
		if _, err := fmt.Fprintf(w, "  %s %s %s\n", n.Module, n.Version, n.Sum); err != nil {
			return err
		}
	}
	return nil
}
