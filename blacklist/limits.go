package blacklist

const (
	// PartTarget is the most labels that a part is meant to hold. A proof over
	// 2^14 − 1 labels takes kilobytes and milliseconds; a kind with more labels
	// is split.
	PartTarget = 1<<14 - 1

	// MaxPrefix is the longest prefix of a part, in bits: with PartTarget
	// labels each, a thousand million labels.
	MaxPrefix = 16

	// MaxPartLabels is the most labels of one part that a parser takes: 128 MiB
	// of full list, 256 times PartTarget.
	MaxPartLabels = 1 << 22

	// MaxArtefactLabels is the most labels of one artefact: the tensors of the
	// largest model that is fingerprinted, and its manifest.
	MaxArtefactLabels = 1<<20 + 1

	// MaxPath is the longest Merkle path: a tree of 2^64 leaves.
	MaxPath = 64

	// MaxWraps is the most wraps of one data key: several escrows, with room to
	// change them.
	MaxWraps = 16

	// MaxName bounds kinds, and names of commitments, in bytes.
	MaxName = 32

	// MaxReason bounds the reason of an exclusion, in bytes.
	MaxReason = 256
)
