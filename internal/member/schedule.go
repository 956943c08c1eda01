package member

import "time"

// Next is when to check in, for a due time, an interval and a policy's max_gap: a
// check-in has the as_of of the decision that folds it, which may be max_gap later
// (MB2). Where the interval leaves no room for that, a third of it passes at least
// between two check-ins.
func Next(due time.Time, interval, gap time.Duration) time.Time {
	return due.Add(-min(gap+spare, interval*2/3))
}

// poll is the pause between two looks at how the member stands.
func poll(interval time.Duration) time.Duration {
	return min(max(interval/8, pollMin), pollMax)
}

// backoff doubles a pause after trouble.
func backoff(last time.Duration) time.Duration {
	return min(max(2*last, retryMin), retryMax)
}
