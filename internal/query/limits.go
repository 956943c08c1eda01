package query

import "time"

const (
	// DefaultBatch is how many fingerprints one request asks for: 128 KiB, about a
	// second of an evaluator's core.
	DefaultBatch = 4096
	// DefaultParallel is how many batches are under way at once: one is blinded, one
	// evaluated and one combined, with one to spare.
	DefaultParallel = 4
	// MaxParallel bounds the memory: 64 batches of 65,535 are 400 MB.
	MaxParallel = 64
	// DefaultSlow is how long evaluators have for a batch before another one is
	// asked beside them: several times what a full batch takes one core.
	DefaultSlow = 10 * time.Second
	// DefaultTimeout is how long one answer is waited for: a full batch takes an
	// evaluator that is busy a minute, and one that never answers holds up nobody.
	DefaultTimeout = 2 * time.Minute
	// DefaultWait is how long a used-up quota is waited for in all, for each batch
	// and evaluator: over the longest usual period of a quota.
	DefaultWait = 2 * time.Minute
	// attempts is how often an evaluator that gives no answer is asked for a batch.
	attempts = 3
	// pause is before the second attempt; it doubles.
	pause = 250 * time.Millisecond
	// maxCached bounds a cache: 256 MB in memory and on disk.
	maxCached = 4 << 20
)
