package group

const (
	// multiChunk is how many terms one multi-scalar product takes: its tables
	// (8 points of 160 bytes and a 256-digit scalar per term) then stay within
	// 2 MB, and the 256 doublings that a chunk costs are a twentieth of its work.
	multiChunk = 1024

	// maxTag is the longest domain tag that RFC 9380, section 5.3.1, takes as it
	// is; longer ones would have to be hashed and none of ours is.
	maxTag = 255

	// maxExpand is the longest string that expand_message_xmd gives with SHA-512:
	// 255 blocks of 64 bytes.
	maxExpand = 255 * 64

	// A table divides the 256 digits of a scalar into tableParts runs of
	// tableStep: twice as many parts would save 16 additions of a hundred and cost
	// twice the memory.
	tableParts = 8
	tableStep  = 256 / tableParts

	// elementWidth and generatorWidth are the digits' widths in bits: a table
	// holds 2^(width−2) multiples per part, and a product one addition in width+1
	// digits. The generator's table is there once, an element's for every key.
	elementWidth   = 6
	generatorWidth = 8

	// A Table has a row for each byte of a scalar, with the multiples up to half of
	// sixteen: a digit is half a byte, with a sign.
	fixedRows      = ScalarSize
	fixedMultiples = 8
)
