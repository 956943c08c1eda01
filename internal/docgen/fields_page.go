package main

import (
	"strings"

	"github.com/haltlog/haltlog/internal/config"
	"github.com/haltlog/haltlog/policy"
)

// fieldsPage is the table of every policy and configuration field.
func fieldsPage() string {
	var b strings.Builder
	b.WriteString("# Policy and configuration fields\n\n" +
		"What decides a halt stands in signed policies, which the log carries. What one daemon needs to run stands in its\n" +
		"configuration, and decides nothing.\n\n" +
		"## Policy documents\n\n" +
		"A change is a *tightening* only if every field that differs moves in its declared direction; everything else is a\n" +
		"*loosening* and waits ([protocol](protocol.md#policies)). Defaults are those of a draft. A length of time is an integer of\n" +
		"milliseconds in the document.\n\n")
	var rows [][]string
	for _, f := range policy.Fields() {
		rows = append(rows, []string{"`" + f.Name + "`", string(f.Unit), bounds(f), standard(f), f.Direction.String(), f.Doc})
	}
	table(&b, []string{"field", "unit", "bounds", "default", "direction", "meaning"}, rows)
	b.WriteString("Across fields a document must satisfy what [protocol.md](protocol.md#policies) lists.\n\n" +
		"## The daemon's configuration\n\n" +
		"One TOML file, the environment over it, `--set SECTION.KEY=VALUE` over both. Unknown keys and values out of bounds are\n" +
		"refused, all at once. A configuration has no direction: no field of it can loosen or tighten a policy.\n\n")
	rows = nil
	for _, f := range config.Fields() {
		limits := ""
		if f.Min != "" || f.Max != "" {
			limits = f.Min + " to " + f.Max
		}
		unit := f.Unit
		if unit == "" {
			unit = f.Type
		}
		def := "empty"
		if f.Default != "" {
			def = "`" + f.Default + "`"
		}
		rows = append(rows, []string{"`" + f.Name + "`", "`" + f.Env + "`", unit, limits, def, f.Doc})
	}
	table(&b, []string{"field", "environment", "unit", "bounds", "default", "meaning"}, rows)
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func bounds(f policy.Field) string {
	switch f.Unit {
	case policy.Switch:
		return "no, yes"
	case policy.Modes:
		return "off, observe, enforce"
	case policy.When:
		return "1970 to " + f.Words(f.Max)
	case policy.Digest:
		return "32 bytes, or null"
	}
	return f.Words(f.Min) + " to " + f.Words(f.Max)
}

func standard(f policy.Field) string {
	switch f.Unit {
	case policy.Text, policy.Keys, policy.Digest, policy.When:
		return "–"
	}
	return f.Words(f.Default)
}
