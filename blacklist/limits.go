package blacklist

const (
	// PartTarget is the most labels that a part is meant to hold. A proof over
	// 2^14 − 1 labels takes kilobytes and milliseconds; a kind with more labels
	// is split.
	PartTarget = 1<<14 - 1

	// MaxPrefix is the longest prefix of a part, in bits: an epoch names every
	// part, under two key versions while one is rotated, and has to fit one
	// statement. With PartTarget labels each that is 16 million labels; beyond,
	// parts grow.
	MaxPrefix = 10

	// MaxPartLabels is the most labels of one part that a parser takes: 128 MiB
	// of full list, 256 times PartTarget.
	MaxPartLabels = 1 << 22

	// MaxArtefactLabels is the most labels of one artefact: the tensors of a
	// model, some thousands today, and its manifest. So many fit the statements
	// that carry them; internal/fold holds this and the next three against
	// package log's.
	MaxArtefactLabels = 1 << 14

	// MaxPath is the longest Merkle path of an artefact or part.
	MaxPath = 63

	// MaxWraps is the most wraps of one data key: several escrows, with room to
	// change them.
	MaxWraps = 8

	// MaxName bounds kinds, and names of commitments, in bytes.
	MaxName = 32

	// MaxReason bounds the reason of an exclusion, in bytes: there may be as
	// many of them as labels.
	MaxReason = 64
)
