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
)
