package fingerprint

const (
	// MaxHeader is the longest accepted safetensors header in bytes: the
	// bound of the reference implementation, so that what others load we read.
	MaxHeader = 100_000_000

	// MaxIndex is the longest accepted *.safetensors.index.json in bytes. It
	// names the same tensors as the headers, so it has the same bound.
	MaxIndex = MaxHeader

	// ggufFirstRead is how much of a GGUF file is read to find its header: what
	// a model without a tokenizer needs. Each further try reads four times it.
	ggufFirstRead = 1 << 20

	// maxPairs is the most metadata pairs of a GGUF file; models have about 40.
	maxPairs = 1 << 16

	// maxMetaKey is the longest key of a GGUF pair: the format's own bound.
	maxMetaKey = 1<<16 - 1

	// maxMetaDepth bounds arrays within arrays. The format allows any depth,
	// the reference implementation none; nobody writes any.
	maxMetaDepth = 4

	// maxTensorName is the longest name of a GGUF tensor: the format says 64
	// bytes, and programs built with a larger limit write up to 255.
	maxTensorName = 255

	// maxGGUFRank is the most dimensions of a GGUF tensor (GGML_MAX_DIMS).
	maxGGUFRank = 4

	// ggufAlignment is the alignment of a file that names none, and
	// maxAlignment the largest read: a huge page. Beyond it there is only
	// padding to hide something in.
	ggufAlignment = 32
	maxAlignment  = 1 << 21

	// maxSplit is the most files of a split GGUF model: five digits of a name.
	// Its numbers are 16 bits wide.
	maxSplit = 1<<16 - 1

	// maxZipRead bounds the directory of a PyTorch archive, about 70 bytes for
	// each of MaxTensors storages.
	maxZipRead = 1 << 27

	// maxViews is how many times its own size the tensors of a PyTorch archive
	// may add up to. Tied weights and flattened groups share storages: twice.
	maxViews = 8

	// maxPickleStack is the most values at once: batches of 1,000 pairs, one in
	// another for each level of the model.
	maxPickleStack = 1 << 20

	// maxPickleMemo is the most remembered values: about 10 for each tensor of
	// the largest public models.
	maxPickleMemo = 1 << 22

	// maxPickleText is the longest name or key that is kept, and maxPickleTuple
	// the longest tuple: no tensor has more arguments, or dimensions.
	maxPickleText  = 1 << 12
	maxPickleTuple = 16

	// maxGlobal is the longest line of a global: longer than any known.
	maxGlobal = 256

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

	// pieceElements is how many elements of a leaf are transcoded and hashed at
	// once: 32 KiB of F32 stay in the cache between the two. Whole blocks of
	// every format; it does not enter a fingerprint.
	pieceElements = 1 << 13

	// constantShare defines near-constant: fewer than 1 in constantShare
	// neighbours differ. It catches constants, identity matrices and causal
	// masks, and passes random ternary weights (2 in 3 differ).
	constantShare = 64

	// saveBytes is after how many bytes of tensors of one file the cache is
	// told of them: what an interruption costs at most, beside the manifest.
	saveBytes = 1 << 30

	// fileBlock is the read size of the manifest's pass over whole files: it is
	// hashed before it leaves the cache.
	fileBlock = 1 << 17

	// rowsRead is the most bytes of rows that a sketch reads at once, if at
	// least eight fit: of longer ones it reads only what it uses.
	rowsRead = 1 << 15

	// SketchedTensors is of how many tensors of a model the bands are asked
	// for; a declared base answers for BaseTensors, so that what is chosen of
	// a model tuned from it is among them. Both keep an artefact of a model of
	// some thousand tensors under the log's bound on labels.
	SketchedTensors = 16
	BaseTensors     = 128
)

// What follows is part of the definition of the sketches and never changes.
const (
	accumulators = 4096 // of the plain sketch, and elements of one of its blocks
	bandBytes    = 6    // of one band: 48 bits
	sketchBytes  = Bands * bandBytes

	// maxBlocks is the most blocks that the plain sketch reads of a tensor,
	// 2^18 elements: enough that a bit's error depends on the change alone.
	maxBlocks = 64

	bandStride = 2731 // odd: the transform's outputs that are bits lie apart
	rankOutput = 4095 // none of them
	rankBits   = 40   // of a rank's fraction

	// sketchUnit is what the scale becomes, sketchReach where elements are cut:
	// sixteen times the magnitude that nine in ten do not reach: a few outliers
	// decide little, and outlying columns keep most of their weight.
	sketchUnit  = 1024
	sketchReach = 16 * sketchUnit
	reachBits   = 0x46800000 // its bits as a float32

	// minScale and maxScale keep products and their inverses normal float32s.
	minScale = 0x1p-110
	maxScale = 0x1p+110

	buckets   = 64  // of the permutation-invariant sketch
	pairs     = 768 // of them: 24 rounds of a tournament of all buckets
	rankRound = 24  // whose first product gives a rank, and no bit
	maxUsed   = 256 // most columns that it reads of a row

	minColumns = 2 * buckets // fewer leave a bucket without a balanced pair
	maxColumns = 1 << 24     // no weights are wider; sums stay far from 2^63
	minRows    = 64          // fewer are too few products to add up

	bandSeed  = 0x68616c746c6f6731
	bandpSeed = 0x68616c746c6f6732
)
