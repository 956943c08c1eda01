package client

import "time"

// Bounds of what is read from a server, which may be anybody's.
const (
	// maxIdle connections are kept to one log: a guard, a beeper or an auditor
	// uses a handful at once.
	maxIdle = 64
	// maxProblem bounds an RFC 9457 document; ours are under 1 KiB.
	maxProblem = 16 << 10
	// maxDetail bounds a refusal that is no such document when it is shown.
	maxDetail = 256
	// maxRetryAfter is the longest wait, in seconds, that a server may ask for.
	maxRetryAfter = 3600
	// maxJSON bounds one JSON answer: a page of entries, or the list of runs.
	maxJSON = 128 << 20
	// maxSmall bounds an anchor, a checkpoint, a proof, a quorum: the largest is
	// a note with ML-DSA cosignatures of 32 witnesses.
	maxSmall = 256 << 10
	// maxLeaf is the size of one entry of the log.
	maxLeaf = 1 << 16
	// maxBundle is 256 entries with their lengths.
	maxBundle = 256 * (2 + maxLeaf)
	// maxTile is 256 hashes.
	maxTile = 256 * 32
	// maxHead bounds the head of an epoch: all parts of a statement of 4,096 parts
	// of the list, in base64, with a receipt each.
	maxHead = 32 << 20
	// maxObject bounds what an epoch commits to: the full list of a part of
	// blacklist.MaxPartLabels labels, or its polynomial, which is padded to twice that.
	maxObject = 300 << 20
	// maxAuthority bounds the authority statements that a head names.
	maxAuthority = 4096
	// maxKept is how many hash tiles a Plain keeps while it makes proofs: 8 KiB each.
	maxKept = 256
	// maxList bounds the full list of one part of the blacklist: 2^20 labels.
	maxList = 40 << 20
	// maxEvaluation is an evaluation of 65,535 elements with its proof.
	maxEvaluation = 65535*32 + 64
	// maxEvent is one server-sent event: a statement in base64 within JSON.
	maxEvent = 4 << 20
	// voteTimeout is the longest that one try of a vote waits for one address: one
	// that hangs is tried anew on another connection.
	voteTimeout = 5 * time.Second
	// voteGrace is how long the other addresses have once one took the vote.
	voteGrace = 5 * time.Second
)
