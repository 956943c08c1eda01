package main

import (
	"fmt"
	"strings"
	"time"
)

// asOfBounds are the earliest and the latest as_of of a decision (E2): low is
// the smallest time of the newest anchor below its range's end, high the largest
// of the first anchor that covers the decision.
func asOfBounds(low, high time.Time, skew time.Duration) (earliest, latest time.Time) {
	return low.Add(-skew), high.Add(time.Second + skew)
}

// staleBeyond is how much later the newest anchor may be than the one that a
// statement names (S4).
func staleBeyond(allowance, anchorPeriod, skew time.Duration) time.Duration {
	return allowance + anchorPeriod + skew + time.Second
}

// clock is the example of both.
func clock() (string, error) {
	c := exampleConfig()
	t0 := exampleTime()
	earliest, latest := asOfBounds(t0.Add(20*time.Second), t0.Add(26*time.Second), c.Skew)
	limit := staleBeyond(time.Minute, c.AnchorPeriod, c.Skew)
	var b strings.Builder
	fmt.Fprintf(&b, "genesis: skew %s, anchor period %s; class: check-in interval %s\n\n", c.Skew, c.AnchorPeriod, time.Minute)
	for _, r := range [][2]string{
		{"40", "anchor A of size 39, times t0 + 20s to t0 + 21s"},
		{"44", "decision up to 43: A is the newest anchor below 43, so as_of ≥ t0 + " + earliest.Sub(t0).String()},
		{"46", "anchor of size 44: does not cover entry 44"},
		{"49", "anchor C of size 47, times t0 + 25s to t0 + 26s: covers it, so as_of ≤ t0 + " + latest.Sub(t0).String()},
		{"90", "anchor N, smallest time t0 + " + (20*time.Second + limit).String()},
		{"91", "a check-in that names A: " + limit.String() + " behind, not stale"},
		{"95", "anchor, smallest time t0 + " + (21*time.Second + limit).String()},
		{"96", "a check-in that names A: stale"},
	} {
		fmt.Fprintf(&b, "%-4s %s\n", r[0], r[1])
	}
	return code("text", b.String()), nil
}
