package blacklist

const (
	// PartTarget is the most labels that a part is meant to hold. A proof over
	// 2^14 − 1 labels takes kilobytes and milliseconds; a kind with more labels
	// is split.
	PartTarget = 1<<14 - 1

	// MaxPrefix is the longest prefix of a tensor's part, in bits. With
	// PartTarget labels each that is 16 million tensors; beyond, parts grow.
	MaxPrefix = 10

	// MaxBandPrefix is the same for each of the 32 kinds of bands: 33 million
	// labels, of 65,000 models. An epoch has to fit one statement also when every
	// part of one key version changes at once: 1 + 2^10 + 32·2^6 of them.
	MaxBandPrefix = 6

	// MaxPartLabels is the most labels of one part that a parser takes: 128 MiB
	// of full list, 256 times PartTarget.
	MaxPartLabels = 1 << 22

	// blockBits is the lowest level of a part's tree that is kept: 16 leaves
	// below it are hashed again for a proof, in about 5 µs.
	blockBits = 4

	// minSettle is how many labels of past epochs wait in a map at least before
	// they are sorted into the lists, while nobody asks for those.
	minSettle = 1 << 16

	// maxAdded is how many roots are multiplied into a polynomial one by one, each
	// in time linear in the part; with more the whole product is made anew. In a
	// full part that costs as much as some 400 of them.
	maxAdded = 256

	// MinBucketLabels is the fewest labels that a bucket holds on average: one
	// with fewer would say more about who asks than its 2 KB save.
	MinBucketLabels = 64

	// MaxBucketBits is the longest prefix of a bucket: MaxPartLabels over
	// MinBucketLabels.
	MaxBucketBits = 16

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
