package audit

import "time"

const (
	// maxFindings bounds what is kept of one check: a hostile log may hold a
	// million void entries. The rest is counted.
	maxFindings = 256
	// maxDue bounds what waits for its deadline: halted runs without labels.
	maxDue = 1 << 16
	// maxUncovered bounds, for each engine, the decisions that no anchor covers
	// yet. More than these in a log without anchors are judged by the newest.
	maxUncovered = 1 << 16
	// maxLeases bounds the leases handed in as evidence.
	maxLeases = 1 << 14
	// maxGaps bounds the intervals kept to explain one outage by another.
	maxGaps = 1 << 12
	// maxNote bounds a checkpoint that a witness serves.
	maxNote = 256 << 10
	// maxKept bounds the pairs of checkpoints that a witness kept.
	maxKept = 8 << 20
	// maxState bounds the header of a state file: a checkpoint and the views of
	// the witnesses.
	maxState = 16 << 20
	// maxViews bounds the views that wait for the log to grow.
	maxViews = 64
	// maxTiles is how many hash tiles are kept while proofs are made: 8 KiB each.
	maxTiles = 256
	// maxEvidenceEntries bounds the entries attached to one finding.
	maxEvidenceEntries = 16
	// maxTries is how often a read is tried that gets no answer, firstWait and
	// longestWait the time between two of them.
	maxTries    = 5
	firstWait   = 100 * time.Millisecond
	longestWait = 10 * time.Second
	// maxAhead is how many bundles are fetched beside the one that is judged: a
	// bundle takes some 20 ms to judge, and a server may be 100 ms away. Each
	// is 16 MiB at most.
	maxAhead = 4
	// aheadTries is how often the checkpoint is read again while a witness is
	// ahead of it: it signs before the log can publish.
	aheadTries = 5
	// aheadWait is the time between two of these; checkpoints are published
	// several times a second.
	aheadWait = 200 * time.Millisecond
	// maxAheadFor is how long a witness may be ahead of what the log publishes: that
	// takes the other witnesses some seconds, and longer only while they are away.
	maxAheadFor = 10 * time.Minute
	// maxSilent is how old the newest checkpoint may be while runs are armed before a
	// person should look: all leases have ended by then, so a log that is only down
	// has been so for a day, and one that withholds its end looks just so.
	maxSilent = 24 * time.Hour
	// clockSlack is how far a reader's clock may lie behind the witnesses',
	// beyond the log's skew, before the reader's is doubted.
	clockSlack = time.Minute
)
