package keys

import "time"

const (
	// maxFile bounds a key file in bytes: the longest, an ECDSA key in PEM,
	// takes about 250.
	maxFile = 16 << 10

	// maxSignature bounds a signature in bytes: ECDSA P-256 in DER.
	maxSignature = 72

	// maxSPKI bounds a public key in bytes: P-256 in DER.
	maxSPKI = 91

	// kmsTimeout bounds one call to a KMS: a decision waits for it, and a
	// lease runs out meanwhile.
	kmsTimeout = 10 * time.Second
)
