package witness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/haltlog/haltlog/internal/checkpoint"
)

// AddCheckpoint judges an add-checkpoint body: [ParseRequest] and
// [Witness.Add] in one.
func (w *Witness) AddCheckpoint(ctx context.Context, body []byte) ([]byte, error) {
	r, err := ParseRequest(body)
	if err != nil {
		return nil, err
	}
	return w.Add(ctx, r)
}

// Add judges a parsed request and returns the cosignature lines, after the
// checkpoint has been made durable. Errors are the package's sentinels or a
// [*ConflictError].
func (w *Witness) Add(ctx context.Context, r Request) ([]byte, error) {
	c := r.Checkpoint
	// "If the checkpoint origin is unknown, the witness MUST respond with a
	// 404 Not Found HTTP status code."
	s, ok := w.logs[c.Origin]
	if !ok {
		return nil, ErrUnknownLog
	}
	// Before the lock and the store, so that who has no key of the log makes
	// nobody wait.
	signed, err := s.verifyLog(r)
	if err != nil {
		return nil, err
	}
	// "The old size MUST be equal to or lower than the checkpoint size.
	// Otherwise, the witness MUST respond with a 400 Bad Request HTTP status
	// code."
	if r.Old > c.Size {
		return nil, fmt.Errorf("%w: old size %d is beyond the checkpoint's %d", ErrMalformed, r.Old, c.Size)
	}
	if err := s.acquire(ctx); err != nil {
		return nil, err
	}
	defer s.release()
	record, last, err := w.latest(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := w.judge(ctx, s, r, signed, record, last); err != nil {
		return nil, err
	}
	// "The witness MUST persist the new checkpoint before responding. Note that
	// checking the old size against the latest checkpoint and persisting the
	// new checkpoint must be performed atomically". A crash before this leaves
	// the old state, a crash after it the new one with nothing signed: the log
	// then asks again with the new size as old (W1).
	//
	// The same checkpoint again changes nothing and is only signed anew. A
	// first checkpoint of size 0 is stored, so that it is served.
	if record == nil || c.Size != last.Size {
		if err := w.store.Swap(ctx, latestKey(c.Origin), record, signed); err != nil {
			if !errors.Is(err, ErrChanged) {
				return nil, fmt.Errorf("%w: %w", ErrStore, err)
			}
			// Another process moved the witness on. What it is at now is not
			// what the proof was verified from.
			_, last, err := w.latest(ctx, s)
			if err != nil {
				return nil, err
			}
			return nil, &ConflictError{Size: last.Size}
		}
		record = signed
	}
	lines, time, err := w.cosign(c)
	if err != nil {
		return nil, err
	}
	// Sent again with other extension lines, the same tree is signed as sent,
	// and served as stored: an Ed25519 cosignature covers those lines.
	if bytes.HasPrefix(record, []byte(c.String()+"\n")) {
		s.served = served{record: record, note: slices.Concat(record, []byte(lines)), time: time}
	}
	return []byte(lines), nil
}

// verifyLog holds the note to the origin's keys and returns it re-encoded with
// their lines only: what is stored, served, and evidence.
func (s *state) verifyLog(r Request) ([]byte, error) {
	// "The witness MUST verify the checkpoint signature against the public
	// key(s) it trusts for the checkpoint origin, and it MUST ignore signatures
	// from unknown keys." and signed-note: "If the key name and ID match a
	// known key, verifiers MUST verify the signature."
	n := checkpoint.Note{Text: r.Checkpoint.String()}
	for _, v := range s.keys {
		found := false
		for _, sig := range r.Note.Sigs {
			if !v.Matches(sig) {
				continue
			}
			if _, err := v.Verify(r.Checkpoint, sig.Sig); err != nil {
				return nil, fmt.Errorf("%w: %w", ErrForbidden, err)
			}
			// A second valid line of the same key adds nothing.
			if !found {
				n.Sigs = append(n.Sigs, sig)
				found = true
			}
		}
	}
	// "If none of the signatures verify against a trusted public key, the
	// witness MUST respond with a 403 Forbidden HTTP status code."
	if len(n.Sigs) == 0 {
		return nil, ErrForbidden
	}
	return n.Bytes(), nil
}

// judge holds a signed checkpoint against the one last cosigned.
func (w *Witness) judge(ctx context.Context, s *state, r Request, signed, record []byte, last checkpoint.Checkpoint) error {
	c := r.Checkpoint
	// A log that signs two roots for one size has convicted itself, whatever
	// the rest of the request says; so this comes before the 409 (W3). Where
	// the store fails the answer is that, so that the client sends the evidence
	// again; it is refused in any case.
	if record != nil && c.Size == last.Size && c.Root != last.Root {
		if err := w.keep(ctx, s, Evidence{Origin: s.origin, Size: c.Size, First: string(record), Second: string(signed)}); err != nil {
			return err
		}
	}
	// "The witness MUST check that the old size matches the size of the latest
	// checkpoint it cosigned for the checkpoint's origin (or zero if it never
	// cosigned a checkpoint for that origin). If it doesn't match, the witness
	// MUST respond with a 409 Conflict HTTP status code." The first contact is
	// no exception: there last has size 0.
	if r.Old != last.Size {
		return &ConflictError{Size: last.Size}
	}
	// A tree of size 0 has one root, the SHA-256 of nothing.
	if c.Size == 0 && c.Root != checkpoint.EmptyRoot() {
		return fmt.Errorf("%w: size 0 with another root than the empty one", ErrInconsistent)
	}
	// "If the old size matches the checkpoint size, the witness MUST check that
	// the root hashes are also identical." If they are not, 422.
	if r.Old == c.Size && c.Root != last.Root {
		return fmt.Errorf("%w: two roots for size %d", ErrInconsistent, c.Size)
	}
	// "The consistency proof lines MUST encode a Merkle Consistency Proof from
	// the old size to the checkpoint size according to RFC 6962, Section 2.1.2.
	// The proof MUST be empty if the old size is zero. If the Merkle
	// Consistency Proof doesn't verify, the witness MUST respond with a 422
	// Unprocessable Entity HTTP status code."
	if err := checkpoint.VerifyConsistency(r.Old, c.Size, last.Root, c.Root, r.Proof); err != nil {
		return fmt.Errorf("%w: %w", ErrInconsistent, err)
	}
	return nil
}

// Checkpoint is the checkpoint last cosigned for an origin, with the log's
// lines and this witness's, cosigned anew when the cosignatures are older than
// half an hour. Errors are [ErrUnknownLog], [ErrNeverCosigned], [ErrStore].
func (w *Witness) Checkpoint(ctx context.Context, origin string) ([]byte, error) {
	s, ok := w.logs[origin]
	if !ok {
		return nil, ErrUnknownLog
	}
	if err := s.acquire(ctx); err != nil {
		return nil, err
	}
	defer s.release()
	record, c, err := w.latest(ctx, s)
	if err != nil {
		return nil, err
	}
	if record == nil {
		return nil, ErrNeverCosigned
	}
	// A time after the clock's is of a clock that was set back since.
	now := w.clock()
	if string(s.served.record) == string(record) && s.served.time <= now && now-s.served.time < refreshAfter {
		return s.served.note, nil
	}
	lines, time, err := w.cosign(c)
	if err != nil {
		return nil, err
	}
	s.served = served{record: record, note: slices.Concat(record, []byte(lines)), time: time}
	return s.served.note, nil
}
