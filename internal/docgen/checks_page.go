package main

import (
	"strings"

	"github.com/haltlog/haltlog/internal/audit"
)

// checksPage is the table of the audit's numbered checks.
func checksPage() string {
	var b strings.Builder
	b.WriteString("# The audit's checks\n\n" +
		"`haltlog audit` asks each of these of a log; a released number keeps its meaning. A *finding* is a broken invariant, with\n" +
		"the bytes that prove it. *cannot-judge* needs a person: this reader cannot tell. An *outage* is printed and is no finding.\n" +
		"A *note* is shown for people. Where *offline* says yes, the evidence proves the whole finding without the log; otherwise\n" +
		"it proves that the bytes stand in the log, and a replay shows the rest.\n\n")
	var rows [][]string
	for _, c := range audit.Checks() {
		severities := make([]string, len(c.Severities))
		for i, s := range c.Severities {
			severities[i] = string(s)
		}
		offline := "no"
		if c.Offline {
			offline = "yes"
		}
		rows = append(rows, []string{c.Number, c.Title, strings.Join(c.Invariants, ", "), strings.Join(severities, ", "), c.Evidence, offline})
	}
	table(&b, []string{"number", "what holds", "invariants", "may be", "evidence", "offline"}, rows)
	return strings.TrimRight(b.String(), "\n") + "\n"
}
