package main

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/haltlog/haltlog/policy"
)

// exampleTime is where the examples' log time begins.
func exampleTime() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func exampleConfig() policy.Config {
	return policy.Config{Skew: 2 * time.Second, AnchorPeriod: 5 * time.Second, DecisionPeriod: 5 * time.Second}
}

// verdictRoot computes the roots over no, one, two and three verdicts.
func verdictRoot() (string, error) {
	cause := policy.Cause{Tripwire: "live_vote", Evidence: []uint64{17}, Value: 1, Bound: 1, Lists: true}
	vs := []policy.Verdict{
		{Run: "run-1", Policy: 7, State: policy.StateGo, Causes: []policy.Cause{}},
		{Run: "run-2", Policy: 7, State: policy.StateHalt, Causes: []policy.Cause{cause}},
		{Run: "run-3", Policy: 2, State: policy.StateClosed, Causes: []policy.Cause{}},
	}
	h := func(b policy.Hash) string { return hex.EncodeToString(b[:]) }
	out := [][2]string{{"no runs: SHA-256(haltlog/verdict-none/v1\\n)", h(policy.EmptyRoot())}}
	for _, v := range vs {
		out = append(out, [2]string{fmt.Sprintf("leaf of %s, policy %d, %s, causes %v", v.Run, v.Policy, v.State, describe(v.Causes)), h(v.Leaf())})
	}
	for n := 2; n <= 3; n++ {
		out = append(out, [2]string{fmt.Sprintf("root over the first %d", n), h(policy.Root(vs[:n]))})
	}
	return rows(out...), nil
}

func describe(cs []policy.Cause) string {
	if len(cs) == 0 {
		return "none"
	}
	var parts []string
	for _, c := range cs {
		parts = append(parts, fmt.Sprintf("%s evidence %v value %d bound %d lists %v", c.Tripwire, c.Evidence, c.Value, c.Bound, c.Lists))
	}
	return strings.Join(parts, "; ")
}

// deadVote plays a group of four of which two fall silent.
func deadVote() (string, error) {
	const interval = time.Minute
	t0 := exampleTime()
	doc := policy.Default("main", t0.AddDate(1, 0, 0))
	doc.Classes = []policy.Class{{Name: "standard", CheckinIntervalMS: interval.Milliseconds()}}
	doc.DeadVote.Threshold = 3
	// Few decisions make a short table: a gap as long as these would end the run
	// under the defaults (E3).
	doc.MaxGapMS, doc.Lease.DurationMS = (2 * time.Minute).Milliseconds(), (5 * time.Minute).Milliseconds()
	for _, m := range []*policy.Mode{&doc.Lease.Mode, &doc.Witness.Mode, &doc.Life.Mode} {
		*m = policy.Off // so that the dead vote stands alone here
	}
	if err := doc.Validate(exampleConfig()); err != nil {
		return "", err
	}
	members := []string{"ada", "bob", "cyd", "dan"}
	s := policy.New(exampleConfig())
	index := uint64(10)
	fold := func(e func(i uint64) policy.Event) {
		s = policy.Fold(s, e(index))
		index++
	}
	fold(func(i uint64) policy.Event { return policy.Enforced{Doc: doc, Index: i} })
	fold(func(i uint64) policy.Event {
		return policy.Registered{Run: "r", Chain: "main", Class: "standard", Members: members, MaxLife: 24 * time.Hour, Index: i}
	})
	var b strings.Builder
	fmt.Fprintf(&b, "%-14s %-22s %-10s %-22s %s\n", "as_of", "folded (index)", "misses", "next due", "verdict")
	steps := []struct {
		at    time.Duration
		check []string
	}{
		{0, nil},
		{30 * time.Second, []string{"ada", "bob", "cyd", "dan"}},
		{80 * time.Second, []string{"ada", "bob"}},
		{90 * time.Second, nil},
		{91 * time.Second, nil},
		{130 * time.Second, []string{"ada", "bob"}},
		{150 * time.Second, nil},
		{150*time.Second + time.Millisecond, nil},
	}
	for _, st := range steps {
		var folded []string
		for _, m := range st.check {
			folded = append(folded, fmt.Sprintf("%s %d", m, index))
			fold(func(i uint64) policy.Event { return policy.Checkin{Run: "r", Member: m, Index: i} })
		}
		if st.at == 0 {
			folded = []string{"policy 10", "run 11"}
		}
		var out policy.Outcome
		s, out = policy.Decide(s, t0.Add(st.at))
		var next []time.Duration
		group := 0
		for _, m := range members {
			status := policy.Status(s, "r", m, t0.Add(st.at))
			if status.Known {
				group = status.Group
				next = append(next, status.NextDue.Sub(t0))
			}
		}
		verdict, misses := out.Verdicts[0].State, fmt.Sprint(group)
		if c := out.Verdicts[0].Causes; len(c) > 0 {
			verdict += ": " + describe(c)
			misses = fmt.Sprint(c[0].Value)
		}
		slices.Sort(next)
		fmt.Fprintf(&b, "%-14s %-22s %-10s %-22s %s\n", "t0 + "+st.at.String(), strings.Join(chunked(folded), " "), misses, dues(next), verdict)
	}
	return code("text", b.String()), nil
}

// chunked shortens four check-ins to first and last, which fit a column.
func chunked(folded []string) []string {
	if len(folded) > 2 {
		return []string{folded[0] + " …", folded[len(folded)-1]}
	}
	return folded
}

func dues(list []time.Duration) string {
	if len(list) == 0 {
		return "–"
	}
	var out []string
	for _, d := range slices.Compact(slices.Clone(list)) {
		n := 0
		for _, e := range list {
			if e == d {
				n++
			}
		}
		out = append(out, fmt.Sprintf("%d at %s", n, d))
	}
	return strings.Join(out, ", ")
}

// logTime plays the way of a first policy, a loosening and a tightening.
func logTime() (string, error) {
	t0 := exampleTime()
	first := policy.Default("main", t0.AddDate(1, 0, 0))
	first.DelayMS = time.Minute.Milliseconds()
	looser, tighter := *first, *first
	looser.Number, looser.Previous = 2, new(first.Hash())
	looser.DeadVote.Threshold = 4
	tighter.Number, tighter.Previous = 3, new(looser.Hash())
	tighter.DeadVote.Threshold = 2

	var b strings.Builder
	fmt.Fprintf(&b, "%-6s %-58s %s\n", "index", "entry", "in force after it")
	book := policy.NewBook(exampleConfig())
	force := func() string {
		d, ok := book.InForce("main")
		if !ok {
			return "none"
		}
		return fmt.Sprint("policy ", d.Number)
	}
	line := func(index uint64, what string) { fmt.Fprintf(&b, "%-6d %-58s %s\n", index, what, force()) }
	submit := func(index uint64, doc *policy.Document, what string) error {
		if err := book.Check(doc, index); err != nil {
			return err
		}
		book, _ = book.Submit(index, doc)
		line(index, what)
		return nil
	}
	anchor := func(index, size uint64, low, high time.Duration) {
		book, _ = book.Anchor(index, size, t0.Add(low), t0.Add(high))
		line(index, fmt.Sprintf("anchor of size %d, times t0 + %s to t0 + %s", size, low, high))
	}
	if err := submit(1, first, "policy 1, the first of its chain, delay 1m0s"); err != nil {
		return "", err
	}
	anchor(3, 1, 0, time.Second)
	anchor(5, 4, 5*time.Second, 6*time.Second)
	if err := submit(8, &looser, "policy 2: dead_vote.threshold 3 → 4, a loosening"); err != nil {
		return "", err
	}
	anchor(9, 8, 10*time.Second, 11*time.Second)
	anchor(12, 11, 15*time.Second, 17*time.Second)
	anchor(30, 29, 76*time.Second, 77*time.Second)
	anchor(32, 31, 77*time.Second, 78*time.Second)
	if err := submit(35, &tighter, "policy 3: dead_vote.threshold 4 → 2, a tightening"); err != nil {
		return "", err
	}
	return code("text", b.String()), nil
}
