package audit

import (
	"fmt"

	"github.com/haltlog/haltlog/internal/checkpoint"
)

// signedBy reads a note and verifies the line of one of the keys; one that is
// there and does not verify is an error.
func signedBy(note []byte, keys ...checkpoint.VKey) (checkpoint.Checkpoint, error) {
	cp, _, err := signedAt(note, keys...)
	return cp, err
}

// signedAt is signedBy, with the time that a cosignature carries.
func signedAt(note []byte, keys ...checkpoint.VKey) (cp checkpoint.Checkpoint, seconds uint64, err error) {
	if cp, err = checkpointOf(note); err != nil {
		return cp, 0, err
	}
	n, err := checkpoint.ParseNote(note)
	if err != nil {
		return cp, 0, err
	}
	for _, k := range keys {
		v, err := checkpoint.NewVerifier(k)
		if err != nil {
			return cp, 0, err
		}
		for _, s := range n.Sigs {
			if v.Matches(s) {
				seconds, err := v.Verify(cp, s.Sig)
				return cp, seconds, err
			}
		}
	}
	return cp, 0, fmt.Errorf("checkpoint of %q: %w", cp.Origin, checkpoint.ErrUnsigned)
}

// signedByLog checks the line of a log key of the quorum whose name is the
// checkpoint's origin: another log's key does not speak for it.
func signedByLog(q *checkpoint.Quorum, note []byte) (checkpoint.Checkpoint, error) {
	cp, err := checkpointOf(note)
	if err != nil {
		return cp, err
	}
	var keys []checkpoint.VKey
	for _, l := range q.Logs() {
		if l.Key.Name == cp.Origin {
			keys = append(keys, l.Key)
		}
	}
	return signedBy(note, keys...)
}

// checkpointOf reads a note without verifying it.
func checkpointOf(note []byte) (checkpoint.Checkpoint, error) {
	n, err := checkpoint.ParseNote(note)
	if err != nil {
		return checkpoint.Checkpoint{}, err
	}
	return checkpoint.ParseCheckpoint(n.Text)
}
