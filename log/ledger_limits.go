package log

import "time"

const (
	// maxAnchorLag is how many entries an anchor's checkpoint may lie behind
	// the anchor entry's own index. Roots at sizes further back are not kept,
	// so that 32 bytes a leaf stay 64 MiB at most, also in a log that is never
	// anchored. A log whose admission stops at a stated lag (L7) stops long
	// before.
	maxAnchorLag = 1 << 20
	// anchorMemory is how long, by anchor times, an anchor can be named (S4).
	// The longest check-in interval is four hours; a day leaves room for what
	// a policy adds. Times are whole seconds and grow strictly, so that this
	// is 86,400 anchors at most.
	anchorMemory = 24 * time.Hour
	// maxVoidIdentities is how many identities of void statements are
	// remembered; the oldest goes first, by log order, so that every reader
	// forgets alike. Only holders of logged keys can make one at all.
	maxVoidIdentities = 1 << 16
	// maxPending is how many authority statements wait for their force; each
	// needs the officers' threshold.
	maxPending = 16
	// maxPendingWholes and maxPendingBytes bound what waits for its missing
	// parts; maxWholesPerKey keeps one key from taking all that room, and
	// maxPartAge is how many entries after its first part the last may stand.
	maxPendingWholes = 32
	maxWholesPerKey  = 4
	maxPendingBytes  = 64 << 20
	maxPartAge       = 1 << 14
	// maxRunReplays is how many once-only replay keys a run keeps; past it no
	// further statement with such a key is valid for the run. Any one live
	// vote ends the run, so that an honest log holds a handful.
	maxRunReplays = 1 << 12
	// maxCeremonies is how many ceremonies one evaluator's key may begin before
	// officers install what came of one: an honest one begins one at a time.
	maxCeremonies = 16
	// maxVerdictsKept is how many of an engine's decisions that say "halt" on
	// one run are remembered for the halt that names one of them.
	maxVerdictsKept = 4
)
