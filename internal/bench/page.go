package main

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"
	"time"
)

// markdown is the page of runs: one row for each figure, a miss like any other.
func markdown(runs ...Document) []byte {
	var w bytes.Buffer
	fmt.Fprintf(&w, "# Figures\n\nMade by `go run ./internal/bench -page docs/figures.md` (of several runs by `-render`). Do not edit: run it again.\n")
	for _, d := range runs {
		d.markdown(&w)
	}
	return w.Bytes()
}

func (d Document) markdown(w *bytes.Buffer) {
	fmt.Fprintf(w, "\n## Run of %s\n\n", d.Date.Format(time.RFC3339))
	fmt.Fprintf(w, "One run of %s at commit `%s`, as it came: what was missed is a row like any other, and nothing was measured twice.\n", d.Date.Format(time.RFC3339), d.Commit)
	if d.Quick {
		fmt.Fprintf(w, "It was a quick one, with a tenth of the runs.\n")
	}
	m := d.Machine
	fmt.Fprintf(w, "\n| machine | |\n|---|---|\n| processor | %s, %d cores |\n| memory | %d MiB |\n| kernel | Linux %s |\n| file system | %s |\n| Go | %s |\n| load before, after | %s, %s |\n\n",
		m.CPU, m.Cores, m.MemoryMiB, m.Kernel, m.FS, m.Go, m.Load, d.LoadAfter)
	fmt.Fprintf(w, "Of a duration, 99 %% of the samples stay below p99; of a rate, 99 %% of the half seconds (or runs) stay above it.\n"+
		"The peer was measured in the same run, in turns where that is possible, on the same machine: compare by the ratio, which is p50 over the peer's p50.\n\n")
	fmt.Fprintf(w, "| figure | target | p50 | p99 | n | peer | its p50 | its p99 | ratio | |\n|---|---|---|---|---|---|---|---|---|---|\n")
	for _, f := range d.Figures {
		peer, p50, p99, ratio := "", "", "", ""
		if p := f.Peer; p != nil {
			peer, p50, p99, ratio = p.Name, quantity(p.P50, p.Unit), quantity(p.P99, p.Unit), number(p.Ratio)
		}
		verdict := ""
		if f.Met != nil {
			verdict = "**missed**"
			if *f.Met {
				verdict = "met"
			}
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %d | %s | %s | %s | %s | %s |\n", f.Name, f.Target.text(f.Unit), quantity(f.P50, f.Unit), quantity(f.P99, f.Unit), f.N, peer, p50, p99, ratio, verdict)
	}
	fmt.Fprintf(w, "\n### How\n\n")
	for _, f := range d.Figures {
		if f.Note != "" {
			fmt.Fprintf(w, "- *%s*: %s.\n", f.Name, f.Note)
		}
	}
	for _, f := range d.Failed {
		cause, _, _ := strings.Cut(f, "\n") // what a process said at its end is in the document
		fmt.Fprintf(w, "- not measured: %s\n", cause)
	}
}

func (t *Target) text(unit string) string {
	if t == nil {
		return ""
	}
	bound := "≤"
	if (sample{unit: unit}).more() {
		bound = "≥"
	}
	var all []string
	for _, x := range []struct {
		name, unit string
		value      *float64
	}{{"p50", unit, t.P50}, {"p99", unit, t.P99}, {"ratio", "", t.Ratio}} {
		if x.value != nil {
			all = append(all, fmt.Sprintf("%s %s %s", x.name, bound, quantity(*x.value, x.unit)))
		}
	}
	return strings.Join(all, ", ")
}

func quantity(v float64, unit string) string {
	if unit == perSecond {
		return number(v) + "/s"
	}
	return strings.TrimSpace(number(v) + " " + unit)
}

// number prints four digits without an exponent.
func number(v float64) string {
	return cmp.Or(strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.4f", v), "0"), "."), "0")
}
