package audit

import (
	"fmt"

	"github.com/haltlog/haltlog/internal/checkpoint"
)

// signedBy reads a note and verifies the line of one of the keys; one that is
// there and does not verify is an error.
func signedBy(note []byte, keys ...checkpoint.VKey) (checkpoint.Checkpoint, error) {
	cp, err := checkpointOf(note)
	if err != nil {
		return cp, err
	}
	n, err := checkpoint.ParseNote(note)
	if err != nil {
		return cp, err
	}
	for _, k := range keys {
		v, err := checkpoint.NewVerifier(k)
		if err != nil {
			return cp, err
		}
		for _, s := range n.Sigs {
			if v.Matches(s) {
				_, err := v.Verify(cp, s.Sig)
				return cp, err
			}
		}
	}
	return cp, fmt.Errorf("checkpoint of %q: %w", cp.Origin, checkpoint.ErrUnsigned)
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
