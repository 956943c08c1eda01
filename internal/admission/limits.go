package admission

import "time"

const (
	// maxWaitingFast and maxWaitingBulk bound the statements that wait to be
	// verified in each lane. A verification takes about 0.1 ms, so a full fast
	// lane is cleared in a tenth of a second; a leaf is at most 64 KB, so a
	// full lane is at most 64 MB.
	maxWaitingFast = 1024
	maxWaitingBulk = 1024
	// maxWaitingVotes bounds the live votes that wait. One of a ring of 64
	// takes some milliseconds.
	maxWaitingVotes = 1024

	// perKeyFast, perKeyBulk and perRun bound those of one claimed key, or one
	// run, so that a flood under one name leaves room for all others.
	perKeyFast = 64
	perKeyBulk = 512
	perRun     = 128

	// maxAppendingFast and maxAppendingBulk bound the statements that wait for
	// the log at the same time. Together they do not fill one batch of the
	// log, so that a halt is always in the next one; and a batch of bulk is
	// small, since its time is what a halt waits for. Measured under a flood of
	// valid bulk on two cores: 192 takes 30 ms at the median, 48 takes 10, at
	// the same throughput, which is bound by signatures.
	maxAppendingFast = 64
	maxAppendingBulk = 48

	// maxInsideFast and maxInsideBulk bound the verified statements of a lane
	// that are not in the log yet, at 64 KB each at most.
	maxInsideFast = 2048
	maxInsideBulk = 2048

	// The bounds of one verified key: sustained statements per second, and how
	// many at once. The fast lane's bursts hold an engine's halts and labels of
	// a hundred runs that end together.
	rateFast  = 100
	burstFast = 2048
	rateBulk  = 20_000
	burstBulk = 20_000

	// anchorsPerPeriod is how many anchors are taken in one anchor period:
	// anybody can make one of a published checkpoint.
	anchorsPerPeriod = 2

	// defaultMaxLag and defaultMaxBehind are the lag at which the bulk lane
	// stops (L7).
	defaultMaxLag    = 100_000
	defaultMaxBehind = 30 * time.Second

	// maxRecent bounds the statements that are in the log and not in the index
	// of identities yet.
	maxRecent = 65_536

	// retrySoon and retryLater are what a refused client is told to wait:
	// until a full queue is cleared, and until something was repaired.
	retrySoon  = time.Second
	retryLater = 5 * time.Second

	// voteTime bounds the life of a live vote whose client has gone: it is
	// carried on all the same, since a halt does not hang on a connection.
	voteTime = 30 * time.Second

	// maxKeys bounds the keys whose use is remembered; only verified keys are.
	// Those that have all their room back are forgotten first.
	maxKeys = 65_536
)
