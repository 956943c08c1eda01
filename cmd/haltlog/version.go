package main

import (
	"fmt"
	"io"
	"runtime/debug"
)

type versionCmd struct{}

// build is what the program was built from.
type build struct {
	Module   string `json:"module"`
	Version  string `json:"version"`
	Sum      string `json:"sum,omitempty"` // go.sum's hash of the module, if it was built as a dependency
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"`
	Modified bool   `json:"modified"` // built from a checkout with local changes
	Go       string `json:"go"`
}

func (versionCmd) Run(e *env) error {
	b := build{Version: "unknown", Go: "unknown"}
	if info, ok := debug.ReadBuildInfo(); ok {
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
	}
	return e.print(b, func(w io.Writer) error {
		s := fmt.Sprintf("haltlog %s %s", b.Version, b.Go)
		if b.Revision != "" {
			s += " revision " + b.Revision + " of " + b.Time
		}
		if b.Modified {
			s += " with local changes"
		}
		_, err := fmt.Fprintln(w, s)
		return err
	})
}
