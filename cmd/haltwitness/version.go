package main

import (
	"fmt"
	"runtime/debug"
)

type versionCmd struct{}

func (versionCmd) Run(e *env) error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		_, err := fmt.Fprintln(e.stdout, "haltwitness, built without module information")
		return err
	}
	set := map[string]string{}
	for _, s := range info.Settings {
		set[s.Key] = s.Value
	}
	_, err := fmt.Fprintf(e.stdout, "haltwitness %s %s %s", info.Main.Version, set["vcs.revision"], info.GoVersion)
	if set["vcs.modified"] == "true" {
		_, _ = fmt.Fprint(e.stdout, " modified")
	}
	_, _ = fmt.Fprintln(e.stdout)
	return err
}
