package voprf

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	"github.com/haltlog/haltlog/internal/group"
)

// ReopenQuery is the query that blinded each fingerprint x by the given s, again:
// for a key version more, or at an audit, which holds the answers of then against
// it. Elements of different fingerprints must never share an s: their difference
// would show the fingerprints' (VO5), and is refused. Errors: ErrBatch, ErrEncoding,
// ErrInput.
func ReopenQuery(public *PublicKey, fingerprints [][]byte, openings []Opening) (*Query, error) {
	if len(fingerprints) == 0 || len(openings) != len(fingerprints) {
		return nil, fmt.Errorf("query: %w: %d openings to %d fingerprints", ErrBatch, len(openings), len(fingerprints))
	}
	if err := checkBlinds(fingerprints, openings); err != nil {
		return nil, err
	}
	n := len(fingerprints)
	q := &Query{public: public, blinds: make([]*group.Scalar, n), blinded: make([]*group.Element, n), encoded: make([][]byte, n)}
	errs := make([]error, n)
	parallel(n, func(i int) {
		s, err := group.DecodeSecretScalar(openings[i][:])
		if err != nil {
			errs[i] = fmt.Errorf("%w: opening: %w", ErrEncoding, err)
			return
		}
		h, err := hashInput(ModeVOPRF, fingerprints[i])
		if err != nil {
			errs[i] = err
			return
		}
		q.blinds[i], q.blinded[i] = s, h.Add(group.MulBase(s))
		q.encoded[i] = q.blinded[i].Bytes()
		if q.blinded[i].IsIdentity() {
			errs[i] = fmt.Errorf("%w: blinded to the identity", ErrInput)
		}
	})
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("fingerprint %d: %w", i, err)
		}
	}
	return q, nil
}

// checkBlinds refuses one blind for two fingerprints. Blinds are compared by their
// hashes, so that no time depends on how near two of them are.
func checkBlinds(fingerprints [][]byte, openings []Opening) error {
	first := make(map[[sha256.Size]byte]int, len(openings))
	for i, s := range openings {
		h := sha256.Sum256(s[:])
		if j, ok := first[h]; ok && !bytes.Equal(fingerprints[j], fingerprints[i]) {
			return fmt.Errorf("%w: fingerprints %d and %d have one blind", ErrInput, j, i)
		}
		first[h] = i
	}
	return nil
}

// ReplayQuery is somebody else's query, of which the blinded elements alone are
// known: its labels are the evaluations Z themselves, with everything unblinded by
// zero. Errors: ErrBatch, ErrEncoding.
func ReplayQuery(public *PublicKey, blinded []Commitment) (*Query, error) {
	if len(blinded) == 0 {
		return nil, fmt.Errorf("query: %w: 0", ErrBatch)
	}
	q := &Query{public: public}
	for i, b := range blinded {
		e, err := group.DecodeElement(b[:])
		if err != nil {
			return nil, fmt.Errorf("element %d: %w: %w", i, ErrEncoding, err)
		}
		q.blinds = append(q.blinds, group.ScalarFromUint64(0))
		q.blinded, q.encoded = append(q.blinded, e), append(q.encoded, e.Bytes())
	}
	return q, nil
}
