package witness

import (
	"context"
	"fmt"

	"github.com/haltlog/haltlog/internal/checkpoint"
)

// Restore brings the memory of one log forward to a checkpoint that this
// witness has cosigned before, after its store was put back to an older copy.
// It asks for no consistency proof: the witness's own cosignature, which is
// verified with the log's signature, says that the proof was verified then.
// Nothing is signed, and nothing ever goes back: a smaller checkpoint changes
// nothing. Another root at the stored size is [ErrInconsistent] and kept as
// evidence. size is the stored size afterwards.
func (w *Witness) Restore(ctx context.Context, note []byte) (origin string, size uint64, err error) {
	n, err := checkpoint.ParseNote(note)
	if err != nil {
		return "", 0, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	c, err := checkpoint.ParseCheckpoint(n.Text)
	if err != nil {
		return "", 0, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	s, ok := w.logs[c.Origin]
	if !ok {
		return "", 0, ErrUnknownLog
	}
	signed, err := s.verifyLog(Request{Note: n, Checkpoint: c})
	if err != nil {
		return "", 0, err
	}
	if err := w.verifyOwn(n, c); err != nil {
		return "", 0, err
	}
	if err := s.acquire(ctx); err != nil {
		return "", 0, err
	}
	defer s.release()
	record, last, err := w.latest(ctx, s)
	if err != nil {
		return "", 0, err
	}
	if record != nil && c.Size <= last.Size {
		if c.Size == last.Size && c.Root != last.Root {
			if err := w.keep(ctx, s, Evidence{Origin: s.origin, Size: c.Size, First: string(record), Second: string(signed)}); err != nil {
				return "", 0, err
			}
			return "", 0, fmt.Errorf("%w: two roots for size %d", ErrInconsistent, c.Size)
		}
		return c.Origin, last.Size, nil
	}
	if err := w.store.Swap(ctx, latestKey(c.Origin), record, signed); err != nil {
		return "", 0, fmt.Errorf("%w: %w", ErrStore, err)
	}
	return c.Origin, c.Size, nil
}

// verifyOwn asks for one valid cosignature of this witness, and for none that
// does not verify.
func (w *Witness) verifyOwn(n checkpoint.Note, c checkpoint.Checkpoint) error {
	found := false
	for _, s := range w.signers {
		v, err := checkpoint.NewVerifier(s.VKey())
		if err != nil {
			return err
		}
		for _, sig := range n.Sigs {
			if !v.Matches(sig) {
				continue
			}
			if _, err := v.Verify(c, sig.Sig); err != nil {
				return fmt.Errorf("%w: %w", ErrForbidden, err)
			}
			found = true
		}
	}
	if !found {
		return fmt.Errorf("%w: no cosignature of this witness", ErrForbidden)
	}
	return nil
}
