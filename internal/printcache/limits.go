package printcache

import "time"

const (
	// maxEntry is the longest entry in bytes: a file of all the tensors that a
	// model may have, at about 400 bytes each, has more, and is scanned anew.
	maxEntry = 1 << 28

	// settled is how long a file must have been left alone before its result is
	// kept: file systems give times in steps of up to 2 seconds (FAT).
	settled = 3 * time.Second
)
