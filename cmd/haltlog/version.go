package main

import (
	"io"

	"github.com/haltlog/haltlog/internal/cli"
)

type versionCmd struct{}

func (versionCmd) Run(e *env) error {
	b := cli.ReadBuild()
	return e.print(b, func(w io.Writer) error { return b.Print(w, "haltlog") })
}
