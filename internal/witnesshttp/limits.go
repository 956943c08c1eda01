package witnesshttp

import "time"

const (
	// maxStatement is the longest statement that a log takes, in bytes.
	maxStatement = 65_535

	// maxAnswer bounds what is handed back from the log: a tlog-proof with the
	// cosignatures of many ML-DSA-44 witnesses stays well below it.
	maxAnswer = 1 << 20

	// maxForwards bounds the forwarded statements under way at once, so that
	// they cannot take all file descriptors from add-checkpoint. Whoever comes
	// later waits.
	maxForwards = 128

	// forwardTime bounds one forwarded statement. The log's longest wait, for
	// a witnessed proof, takes a few checkpoint intervals.
	forwardTime = 30 * time.Second

	// readTime bounds the reading of a request: 128 KiB at 10 KB/s.
	readTime = 15 * time.Second
	// headerTime bounds the reading of its head.
	headerTime = 5 * time.Second
	// writeTime bounds all of a request, the forwarded one being the longest.
	writeTime = forwardTime + 15*time.Second
	// idleTime is how long a connection is kept for the next request. Logs
	// come back with each checkpoint, some of them seldom.
	idleTime = 5 * time.Minute
	// maxHeader bounds a request's head in bytes.
	maxHeader = 16 << 10
)
