package evaluator

import "time"

const (
	// maxRequest bounds an evaluate body: the largest batch of the RFC's index, and
	// a byte more tells that one is longer.
	maxRequest = 65535 * 32
	// maxOpen bounds the body of an escrow request: names, a key ID and a signature.
	maxOpen = 4 << 10
	// maxShareFile bounds a share file: a few short lines.
	maxShareFile = 4 << 10
	// maxState bounds the file of the newest checkpoint seen.
	maxState = 64 << 10
	// tileWidth is how many entries one bundle holds (C2SP tlog-tiles).
	tileWidth = 256
	// headerTime and requestTime bound a connection's states, so that strangers
	// cannot hold all of the process's files open.
	headerTime  = 5 * time.Second
	requestTime = 30 * time.Second
	idleTime    = 2 * time.Minute
	maxHeader   = 16 << 10
	// stopTime is how long requests under way may take at the end.
	stopTime = 3 * time.Second
)
