package main

import "github.com/haltlog/haltlog/internal/cli"

type versionCmd struct{}

func (versionCmd) Run(e *env) error { return cli.ReadBuild().Print(e.stdout, "haltwitness") }
