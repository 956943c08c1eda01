package dsse

const (
	// MaxLeaf bounds an envelope that is one leaf of the log, in bytes:
	// entry bundles carry a leaf's length in two bytes (C2SP tlog-tiles).
	MaxLeaf = 65535

	// MaxWhole bounds an envelope that was put together from parts, in bytes.
	// It holds the published labels of a model of 16,384 tensors, and keeps
	// small what the holder of one key can make every reader hold.
	MaxWhole = 4 << 20

	// MaxSignatures bounds the signatures of one envelope. Only officers sign
	// together, and more than this many do not sit in one room.
	MaxSignatures = 32

	// MaxSignature bounds one signature in bytes: a ring signature over 64
	// keys, 32 bytes for each and 32 more, is the longest there is.
	MaxSignature = 32 * (64 + 1)
)
