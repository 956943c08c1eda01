package policy_test

import (
	"fmt"
	"time"

	"github.com/haltlog/haltlog/policy"
)

// A member of the group votes; the next decision halts the run.
func ExampleDecide() {
	t := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	doc := policy.Default("main", t.AddDate(1, 0, 0))

	s := policy.New(policy.Config{Skew: 2 * time.Second, AnchorPeriod: 5 * time.Second, DecisionPeriod: 5 * time.Second})
	s = policy.Fold(s, policy.Enforced{Doc: doc, Index: 4})
	s = policy.Fold(s, policy.Registered{Run: "gpt-0", Chain: "main", Class: "standard", Members: []string{"ada", "bob"}, Index: 5})
	s, out := policy.Decide(s, t)
	fmt.Println(out.Verdicts[0].Run, out.Verdicts[0].State)

	s = policy.Fold(s, policy.Vote{Run: "gpt-0", Index: 7})
	_, out = policy.Decide(s, t.Add(time.Second))
	cause := out.Changed[0].Causes[0]
	fmt.Println(out.Changed[0].State, cause.Tripwire, cause.Evidence, "lists:", cause.Lists)
	// Output:
	// gpt-0 go
	// halt live_vote [7] lists: true
}

// What a change of policy does, in words.
func ExampleCompare() {
	expires := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	old, next := policy.Default("main", expires), policy.Default("main", expires)
	old.DeadVote.Threshold, next.DeadVote.Threshold = 5, 3
	next.Lease.GraceMS = 60_000
	direction, changes := policy.Compare(old, next)
	for _, c := range changes {
		fmt.Println(c)
	}
	fmt.Println(direction)
	// Output:
	// tightens: dead-vote threshold 5 → 3
	// loosens: lease grace 15s → 1m0s
	// loosening
}

// How likely eight members halt a run by oversight within a day, and how
// likely they fail to stop one that has to stop within a quarter of an hour.
func ExampleDocument_Rates() {
	doc := policy.Default("main", time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
	rates, err := doc.Rates("standard", policy.Assumptions{
		Members: 8, Miss: 0.001, Recognise: 0.5, Vote: 0.5,
		Horizon: 24 * time.Hour, Reaction: 15 * time.Minute,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("false shutdown %.1e, false not-shutdown %.1e\n", rates.FalseShutdown, rates.FalseNotShutdown)
	// Output:
	// false shutdown 4.1e-04, false not-shutdown 3.9e-03
}
