package keys

import "errors"

// Errors of this package.
var (
	// ErrSignature is a signature that does not verify, or is not of the one
	// form that is accepted.
	ErrSignature = errors.New("invalid signature")
	// ErrKey is a key that is malformed, weak, or of no kind that is used.
	ErrKey = errors.New("invalid key")
	// ErrExists is a key file that is there already: it is never overwritten.
	ErrExists = errors.New("key file exists")
)
