package ring

import "github.com/haltlog/haltlog/internal/group"

const (
	// MinSize and MaxSize bound a ring: of fewer than two anybody knows the
	// signer, and verifying costs one double product per key, so that 64 is what a
	// flood of forgeries may cost (L5). Sizes are powers of two, as the index of a
	// secret position is then reduced by a mask, in constant time.
	MinSize = 2
	MaxSize = 64

	// MaxSignatureSize is the longest signature in bytes, 2,080.
	MaxSignatureSize = group.ScalarSize * (MaxSize + 1)

	// HashSize is the length of Ring.Hash: 256 bits against collisions.
	HashSize = 32

	// digestSize is the whole output of SHA-512.
	digestSize = 64

	// PossessionSize is a challenge and a response.
	PossessionSize = 2 * group.ScalarSize

	// maxCached bounds the rings of a Cache: 64 of 64 keys with their tables are
	// 84 MB, and groups of 8 a tenth of it.
	maxCached = 64
)
