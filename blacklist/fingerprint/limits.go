package fingerprint

const (
	// MaxHeader is the longest accepted safetensors header in bytes: the
	// bound of the reference implementation, so that what others load we read.
	MaxHeader = 100_000_000

	// MaxIndex is the longest accepted *.safetensors.index.json in bytes. It
	// names the same tensors as the headers, so it has the same bound.
	MaxIndex = MaxHeader

	// MaxRank is the most dimensions of a tensor, as in NumPy and PyTorch.
	MaxRank = 64

	// MaxTensors is the most tensors of one model: seven times those of the
	// largest public mixture of experts (about 140,000 with its scales).
	MaxTensors = 1 << 20

	// MaxFiles is the most files of one model directory.
	MaxFiles = 1 << 17

	// MaxWorkers bounds Options.Workers; beyond it only buffers grow.
	MaxWorkers = 256

	// MinElements is the fewest elements of a tensor that may be listed:
	// below it, unrelated models share tensors by chance or by construction.
	MinElements = 1 << 16

	// leafElements is the number of elements under one leaf hash, part of the
	// definition of a tensor's fingerprint. 2^18 is 512 KiB of BF16: large
	// enough that hashing dominates, small enough that one tensor feeds every
	// core.
	leafElements = 1 << 18

	// constantShare defines near-constant: fewer than 1 in constantShare
	// neighbours differ. It catches constants, identity matrices and causal
	// masks, and passes random ternary weights (2 in 3 differ).
	constantShare = 64

	// fileBlock is the read size of the manifest's pass over whole files.
	fileBlock = 1 << 20
)
