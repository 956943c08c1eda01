package tesseralog

import "time"

// Each bound names what it protects.
const (
	// MaxLeaf is the longest entry in bytes: a bundle has a length of two
	// bytes before each (tlog-tiles).
	MaxLeaf = 1<<16 - 1

	// tileWidth is the width of a full tile and of a full entry bundle
	// (tlog-tiles).
	tileWidth = 256

	// maxTileLevel is the highest tile level of a tree of 2^63 leaves.
	maxTileLevel = 7

	// maxPathDigits bounds a tile number in a path: 2^63 has 19 digits, in
	// groups of three.
	maxPathDigits = 21

	// defaultBatchSize fills one entry bundle: a larger batch does not write
	// fewer files for each entry.
	defaultBatchSize = 256
	// maxBatchSize bounds what one failure puts in doubt.
	maxBatchSize = 4096
	// defaultBatchAge is how long a batch is collected under load. A lone
	// entry does not wait for it.
	defaultBatchAge = 2 * time.Millisecond
	// maxBatchAge keeps a misread unit from making every halt late.
	maxBatchAge = time.Second

	// innerBatchAge is Tessera's own batch timer: just long enough that the
	// entries of one batch of ours, added back to back, stay together.
	innerBatchAge = 200 * time.Microsecond

	// innerCheckpointInterval is how often Tessera may write its own, never
	// shown, checkpoint. It only tells Tessera what to collect as garbage, so
	// it may be long, and it costs two fsyncs.
	innerCheckpointInterval = 10 * time.Second
	// innerGarbageInterval is how often partial tiles under full ones are
	// collected: 100 bundles each time, so 5,000 entries a second are kept up
	// with.
	innerGarbageInterval = 5 * time.Second

	// maxPending bounds the entries that wait for the sequencer; beyond it
	// Append blocks. Admission's lanes are far smaller.
	maxPending = 8192

	// defaultWitnessTimeout bounds one round with the witnesses: a durable
	// answer takes milliseconds, the farthest network a second.
	defaultWitnessTimeout = 5 * time.Second
	// roundEvery is the least time from one round's start to the next one's.
	roundEvery = 10 * time.Millisecond
	// retryFirst and retryLast bound the pause between rounds that did not
	// reach the quorum.
	retryFirst = 50 * time.Millisecond
	retryLast  = time.Second

	// maxWitnessURLs bounds the requests of one round; tlog-policy's bound on
	// witnesses is the same.
	maxWitnessURLs = 64
	// maxConflict bounds a witness's answer to a wrong old size: a decimal
	// number and a newline.
	maxConflict = 32
	// maxConflicts is how often a witness may correct the old size within one
	// round. Once is enough unless somebody else asks on behalf of the log.
	maxConflicts = 3
)
