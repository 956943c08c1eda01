package checkpoint

// Each bound names what it protects. None of them is below what the C2SP
// documents oblige a verifier to accept.
const (
	// MaxNote bounds a signed note in bytes. The longest note accepted holds
	// MaxSignatures ML-DSA-44 lines (about 3.3 KB each) and a small body.
	MaxNote = 128 << 10

	// MaxSignatures bounds the signature lines of a note. signed-note asks for
	// at least 16; a log with 32 witnesses (tlog-policy) that all hold both
	// kinds of key, and two keys of its own, fits.
	MaxSignatures = 66

	// MaxName bounds a key name and an origin in bytes: both are carried with
	// a length of one byte in the message that ML-DSA-44 cosigners sign.
	MaxName = 255

	// MaxSize is the largest tree size and index. Tree arithmetic is done in
	// int64, and no log reaches it.
	MaxSize = 1<<63 - 1

	// MaxTime is the largest cosignature time in seconds (tlog-cosignature:
	// "It MUST NOT exceed 2^63 - 1").
	MaxTime = 1<<63 - 1

	// MaxProofHashes bounds inclusion and consistency proofs. tlog-witness
	// allows 63 lines; an inclusion proof in a tree of MaxSize has no more.
	MaxProofHashes = 63

	// MaxExtra bounds the opaque data of a tlog-proof in bytes.
	MaxExtra = 64 << 10

	// MaxProof bounds a tlog-proof in bytes: a note, the extra data in base64,
	// and the hashes.
	MaxProof = MaxNote + MaxExtra/3*4 + 8<<10

	// MaxPolicy bounds a tlog-policy in bytes. MaxPolicyItems ML-DSA-44 keys
	// twice over (logs, witnesses) and names take less than half of it.
	MaxPolicy = 1 << 20

	// MaxPolicyItems bounds each of logs, witnesses and groups of a policy.
	// tlog-policy asks for at least 32 of each.
	MaxPolicyItems = 64

	// maxVKey bounds an encoded key: a name and 1,313 bytes in base64.
	maxVKey = 4 << 10
)
