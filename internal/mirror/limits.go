package mirror

import "time"

const (
	// tileWidth is the number of hashes in a full tile (C2SP tlog-tiles).
	tileWidth = 256
	// maxTiles is how many verified tiles are kept for those below them: 8 KiB each.
	maxTiles = 64
	// maxTries is how often an update is tried while the list changes under it, and
	// retryPause the time between two.
	maxTries   = 4
	retryPause = 200 * time.Millisecond
	// partialGrace is how long a partial tile stays after the next one replaced it:
	// a reader who has read the checkpoint before asks for it within that time.
	partialGrace = time.Minute
	// maxFile bounds a file of the mirror's own when it is read back: a head with
	// all parts of its statement.
	maxFile = 64 << 20
	// maxAdded is how many labels a polynomial grows by one by one: beyond it, it is
	// made anew.
	maxAdded = 64
	// maxObject bounds one object, as listsync does.
	maxObject = 300 << 20
	// Bounds of a connection: none lasts without work being done.
	headerTime = 10 * time.Second
	answerTime = 10 * time.Minute
	idleTime   = 2 * time.Minute
	maxHeader  = 16 << 10
)
