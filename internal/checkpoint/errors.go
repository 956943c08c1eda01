package checkpoint

import "errors"

// The families of refusal that callers tell apart with [errors.Is].
var (
	// ErrMalformed is a text that is not in the one accepted encoding.
	ErrMalformed = errors.New("malformed")
	// ErrSignature is a line of a known key that does not verify.
	ErrSignature = errors.New("signature does not verify")
	// ErrUnsigned is a checkpoint without a valid line of a known log key.
	ErrUnsigned = errors.New("no signature of a known log")
	// ErrQuorum is a checkpoint whose counted cosignatures do not satisfy the
	// policy.
	ErrQuorum = errors.New("quorum not reached")
	// ErrNotExact is a note that holds more, less, or another order than the
	// log's line and one minimal quorum.
	ErrNotExact = errors.New("not exactly the log's line and one minimal quorum")
	// ErrProof is an inclusion or consistency proof that does not verify.
	ErrProof = errors.New("proof does not verify")
	// ErrKey is a key, public or private, that is not usable.
	ErrKey = errors.New("unusable key")
)
