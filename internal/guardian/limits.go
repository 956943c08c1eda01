package guardian

import "time"

const (
	// maxHeads is how many checkpoints are remembered against a split view: an hour's at some per second.
	maxHeads = 4096
	// openPause is the wait between two tries at start while the log does not answer, openWait the longest start.
	openPause = 200 * time.Millisecond
	openWait  = 2 * time.Minute
	// youngWait is how long a run that nobody knows may still turn up: registering it takes a fold and a projection.
	youngWait = 5 * time.Second
	// minRefresh and maxRefresh bound the pause between two looks at the newest anchor.
	minRefresh = 100 * time.Millisecond
	maxRefresh = 10 * time.Second
	// authorityEvery is how often changes of keys and groups are looked for: they wait for minutes or more anyway.
	authorityEvery = 15 * time.Second
	// readTimeout bounds one fetch, with its proof.
	readTimeout = 10 * time.Second
	// silence is how long a stream may be without any line: servers send a comment each second.
	silence = 5 * time.Second
	// retryMin and retryMax bound the pause before a stream is opened again. Its loss costs nothing but promptness: no
	// engine grants after a halt.
	retryMin = 50 * time.Millisecond
	retryMax = 2 * time.Second
	// haltPatience is how long a receipt waits for the halt that it names to appear in the log. Then it is stated
	// without: an engine that pushed a halt and never logged it must not keep the receipt out.
	haltPatience = time.Minute
	// maxVotes bounds the votes that the guard's own address verifies at once; a ring of 64 takes some milliseconds.
	maxVotes = 8
	// votePatience is how long a vote waits for its turn to be verified: behind all connections that there may be, each
	// with a forged ring of 64.
	votePatience = 4 * time.Second
	// maxStatement is the longest statement that is taken: one entry of the log.
	maxStatement = 65535
	// forwardTimeout bounds handing a vote on.
	forwardTimeout = 5 * time.Second
	// maxConnections bounds the connections of the guard's own address: anybody may open them.
	maxConnections = 256
	// maxSources bounds the addresses of one log.
	maxSources = 16
	// maxBaseFile bounds the labels of a declared base: two million lines of at most 74 bytes.
	maxBaseFile = 160 << 20
)
