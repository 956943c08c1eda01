package tesseralog

import "errors"

// The families of error that callers tell apart with [errors.Is].
var (
	// ErrStorage is trouble with the disk or folder: full, read-only, failing.
	// Nothing acknowledged is affected. Whether the entry at hand was stored is
	// not known; it is safe to submit it again, where duplicates are judged.
	ErrStorage = errors.New("log storage")
	// ErrCorrupt is a store that is not what was left in it. Nothing is
	// appended to it any more.
	ErrCorrupt = errors.New("log store was changed")
	// ErrRollback is a store shorter than, or different from, what was
	// published or persisted before (L6).
	ErrRollback = errors.New("log store was rolled back")
	// ErrInUse is a folder that another process has open.
	ErrInUse = errors.New("log folder is in use")
	// ErrClosed is a call after Close.
	ErrClosed = errors.New("log is closed")
	// ErrRange is an index or size beyond the tree.
	ErrRange = errors.New("beyond the log")
	// ErrLeaf is an entry that is empty or longer than MaxLeaf.
	ErrLeaf = errors.New("entry of an impossible length")
	// ErrNotPublished is an entry or size that no published checkpoint covers
	// yet.
	ErrNotPublished = errors.New("not published yet")
	// ErrNotFound is a path that is not one of tlog-tiles', or a tile that the
	// published checkpoint does not imply.
	ErrNotFound = errors.New("no such resource")
	// ErrNoQuorum is a round that too few witnesses answered.
	ErrNoQuorum = errors.New("too few cosignatures")
)
