package httpapi

import "time"

const (
	// maxStatement is the longest leaf; a byte more is read to tell it apart.
	maxStatement = 1<<16 - 1
	// maxEvaluate is a batch of 65,535 elements (RFC 9497 counts them in two bytes).
	maxEvaluate = 65535 * 32
	// maxLease is the longest lease request: its envelope is under 2 KiB.
	maxLease = 16 << 10
	// pageLimit is how many entries one page holds at most, and by default.
	pageLimit = 256
	// bundleWidth is how many entries one read of the log brings (C2SP tlog-tiles).
	bundleWidth = 256
	// maxStreams bounds open event streams: guards, and a page or two for each run.
	maxStreams = 4096
	// streamBuffer is how many events a slow reader may be behind before its
	// stream is cut; it reconnects and reads from where it was.
	streamBuffer = 256
	// beat is how often a silent stream says that it lives.
	beat = time.Second
	// foldedWait is the longest that wait=folded waits for a decision.
	foldedWait = 30 * time.Second
	// keptDecisions is how many decisions back wait=folded can look.
	keptDecisions = 1024
	// headerTime bounds a client's request line and headers (slow loris).
	headerTime = 10 * time.Second
	// requestTime bounds a whole request: the longest body, 2 MiB, in a minute.
	requestTime = time.Minute
	// answerTime bounds the answer, waiting for witnesses included: the client
	// asks again, and gets the first index. A full list comes in time at 1 Mbit/s.
	answerTime = 15 * time.Minute
	// idleTime is how long a connection is kept for a next request: longer than
	// guards, members and monitors pause.
	idleTime = 2 * time.Minute
	// eventTime bounds the writing of one event, to a reader that does not read.
	eventTime = 10 * time.Second
	// maxHeader bounds them in bytes.
	maxHeader = 16 << 10
)
