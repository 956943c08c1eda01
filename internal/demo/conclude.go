package demo

import (
	"fmt"
	"io"
	"strings"
)

// Conclude prints what a demo came to, for people.
func Conclude(w io.Writer, d *Document) error {
	var b strings.Builder
	for _, r := range d.Runs {
		fmt.Fprintf(&b, "\n%s, in milliseconds after what ended it:", r.Run)
		for _, t := range []struct {
			what string
			ms   *int64
		}{
			{"vote accepted", r.AcceptedMS},
			{"process observed dead", r.DeadMS},
			{"halt logged", r.HaltedMS},
			{"checkpoint witnessed", r.WitnessedMS},
			{"labels published", r.LabelledMS},
		} {
			if t.ms != nil {
				fmt.Fprintf(&b, "\n%8d  %s", *t.ms, t.what)
			}
		}
		b.WriteString("\n")
	}
	for _, p := range d.Problems {
		fmt.Fprintf(&b, "\nPROBLEM: %s", p)
	}
	switch {
	case len(d.Problems) > 0:
		fmt.Fprintf(&b, "\n%s: RED after %.1f s", d.Scenario, d.Seconds)
		if d.Folder != "" {
			fmt.Fprintf(&b, "; every process's log is in %s/logs", d.Folder)
		}
		b.WriteString("\n")
	case len(d.Plants) > 0:
		fmt.Fprintf(&b, "\n%s: RED, as a planted fault has to end: the audit found all %d\n", d.Scenario, len(d.Plants))
	default:
		fmt.Fprintf(&b, "\n%s: everything ended as told, in %.1f s\n", d.Scenario, d.Seconds)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
