package main

import (
	"fmt"
	"strings"

	"github.com/haltlog/haltlog/policy"
)

// tripwire is what a reader must know of one tripwire to judge it by hand. T is
// the decision's as_of; start(F) the latest of the run's arming and of the times
// at which the fields F took their present values (E8).
type tripwire struct {
	name, when, evidence, value, bound string
}

// tripwires describes those of package policy. That none is missing and none is
// too many is held against policy.Tripwires; what they compute is held by the
// worked examples and by the tests of package policy.
func tripwires() []tripwire {
	return []tripwire{
		{"live_vote", "a valid live vote of the run stands in the decision's range", "the votes, the first 64", "how many, at most 64", "1"},
		{"dead_vote", "missed check-ins of all members, summed, reach `threshold` within the window; a check-in is missed when T > its due time", "for each miss the last check-in of who missed, or the run's entry; each once, the first 64", "how many misses stand", "`threshold`"},
		{"lease", "T > max(time of the guard's last heartbeat with alive, start(mode, duration, grace)) + `duration_ms` + `grace_ms`; or the gap before this decision exceeds `duration_ms` + `grace_ms` and the run was armed before", "the heartbeat, if there is one; none for a gap", "T − that time; the gap", "`duration_ms` + `grace_ms`"},
		{"monitors", "for any monitor of `keys`: T > max(time of its last heartbeat, start(mode, keys, dwell)) + `dwell_ms`", "the last heartbeats of those that are silent", "the longest silence", "`dwell_ms`"},
		{"artefact", "T > max(time of the last artefact, start(mode, period)) + `period_ms`", "the last artefact, if there is one", "T − that time", "`period_ms`"},
		{"life", "T ≥ start(mode, max) + `max_ms`, or T ≥ start(mode) + the run's own maximum", "the run's entry", "T − arming", "the smaller of both maxima"},
		{"witness", "T > max(smallest quorum time of the newest valid anchor in the range or before it, start(mode, max_age)) + `max_age_ms`", "that anchor", "T − that time", "`max_age_ms`"},
		{"engine", "`quorum` > 1, and T > max(time of the (quorum − 1)-th newest go-on verdict of other chains, start(mode, quorum, dwell)) + `dwell_ms`; or a gap as under lease, where the lease is not enforced", "the go-on verdicts known; none for a gap", "chains that hold a verdict young enough, this one included; the gap", "`quorum`; lease + grace"},
		{"expiry", "T ≥ `expires`; or no policy of the chain is in force (the verdict's policy is 0, and it lists); or the policy in force does not know the run's class", "none; the run's entry", "T; 0", "`expires`, in milliseconds since 1970; 0"},
		{"semantics", "the policy in force names rules that are unknown here; nothing else is judged then", "none", "the number that it names", "the number known here"},
	}
}

// tripwiresPage is the table of tripwires in the canonical order of causes.
func tripwiresPage() (string, error) {
	known := policy.Tripwires()
	list := tripwires()
	if len(list) != len(known) {
		return "", fmt.Errorf("%d tripwires are described, there are %d", len(list), len(known))
	}
	fields := policy.Fields()
	var rows [][]string
	for i, w := range list {
		if w.name != known[i] {
			return "", fmt.Errorf("tripwire %s is described at the place of %s", w.name, known[i])
		}
		mode, lists := "always enforced", "no"
		for _, f := range fields {
			switch f.Name {
			case w.name + ".mode":
				mode = f.Words(f.Default)
			case w.name + ".lists":
				lists = f.Words(f.Default)
			}
		}
		rows = append(rows, []string{fmt.Sprint(i + 1), "`" + w.name + "`", w.when, w.evidence, w.value, w.bound, mode, lists})
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# Tripwires\n\n"+
		"In the canonical order of causes (E6), under semantics number %d. T is the decision's `as_of` in milliseconds, and every\n"+
		"entry of the decision's range has the time T. *start(fields)* is the latest of the `as_of` that armed the run and of those\n"+
		"at which each of the fields took its present value (E8). A field in `code` is one of the tripwire's own section of the\n"+
		"policy document ([fields](fields.md)). What is overdue is so when T is later than the due time, not at it; expiry and life\n"+
		"are the two ends that count from the very moment. A tripwire in mode *observe* is reported by the engine and never logged;\n"+
		"one that is *off* is not looked at. Value and bound are those of the logged cause. For a while after a tightening the\n"+
		"conditions hold under the document before, too ([protocol](protocol.md#judging)).\n\n", policy.Semantics)
	table(&b, []string{"order", "tripwire", "true when", "evidence (indices)", "value", "bound", "mode in a draft", "lists in a draft"}, rows)
	b.WriteString("How each is computed over ranges and changes of policy stands in [protocol.md](protocol.md#decisions).\n")
	return b.String(), nil
}
