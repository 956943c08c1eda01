package trust

const (
	// maxState bounds a state file: a checkpoint with ML-DSA-44 cosignatures and
	// the sequence numbers of a member's runs.
	maxState = 1 << 20
	// maxAuthority bounds the authority statements that one log is believed to
	// have: a hostile server could send them without end.
	maxAuthority = 4096
	// tileWidth is the number of hashes in a full tile (C2SP tlog-tiles).
	tileWidth = 256
	// tileHeight is how many levels of the tree one tile spans.
	tileHeight = 8
)
