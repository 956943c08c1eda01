package member

import "time"

const (
	// spare is beyond max_gap for the way to the log and its integration.
	spare = time.Second
	// retryMin and retryMax bound the pause after trouble: short beside the
	// shortest interval, long enough that thousands of beepers do not press a
	// daemon that is coming back.
	retryMin = 250 * time.Millisecond
	retryMax = 5 * time.Second
	// pollMin and pollMax bound how often a beeper asks how it stands.
	pollMin = 500 * time.Millisecond
	pollMax = 30 * time.Second
	// voteRound is what a vote's expiry is rounded to: a clock that is off tells
	// nothing about whose it is unless it is off by as much.
	voteRound = time.Hour
)
