package fingerprint

import (
	"crypto/sha256"
	"fmt"
	"io"
)

// manifestDigest is the digest over the digests of the files in manifest
// order: the sha256 of the in-toto subject that OpenSSF model signing v1.0
// signs under the serialization method "files". Whoever holds such a signature
// holds this value.
// Source: sigstore/model-transparency src/model_signing/_signing/signing.py
// (Payload.__init__: SHA-256 over the raw digests in the order of
// Manifest.resource_descriptors) and src/model_signing/manifest.py.
func manifestDigest(digests [][32]byte) [32]byte {
	h := sha256.New()
	for _, d := range digests {
		h.Write(d[:])
	}
	return [32]byte(h.Sum(nil))
}

// hashFile is SHA-256 over one whole file. done is told the bytes of each
// block and may stop the pass.
func hashFile(r io.Reader, f file, buf []byte, done func(n int) error) ([32]byte, error) {
	h := sha256.New()
	var total uint64
	for {
		n, err := r.Read(buf)
		h.Write(buf[:n])
		total += uint64(n)
		if e := done(n); e != nil {
			return [32]byte{}, e
		}
		switch {
		case total > f.size, err == io.EOF && total != f.size:
			return [32]byte{}, fmt.Errorf("%q: %w", f.name, ErrChanged)
		case err == io.EOF:
			return [32]byte(h.Sum(nil)), nil
		case err != nil:
			return [32]byte{}, fmt.Errorf("%q: %w", f.name, err)
		}
	}
}
