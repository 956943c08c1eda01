package witness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/haltlog/haltlog/internal/checkpoint"
)

// Evidence shows that the holder of a log's key signed two roots for one size
// (W3). It is complete: whoever has the log's public keys can check it with
// [Evidence.Check], offline and without trusting the witness.
type Evidence struct {
	Origin string `json:"origin"`
	Size   uint64 `json:"size"`
	First  string `json:"first"`  // the signed checkpoint that was cosigned
	Second string `json:"second"` // the signed checkpoint that was refused
}

// Check verifies the evidence against the log's keys. Nil means that the log
// has signed two roots for one size.
func (e Evidence) Check(keys []checkpoint.VKey) error {
	var c [2]checkpoint.Checkpoint
	for i, text := range []string{e.First, e.Second} {
		n, err := checkpoint.ParseNote([]byte(text))
		if err != nil {
			return fmt.Errorf("evidence: %w", err)
		}
		if c[i], err = checkpoint.ParseCheckpoint(n.Text); err != nil {
			return fmt.Errorf("evidence: %w", err)
		}
		s := &state{origin: e.Origin}
		for _, k := range keys {
			v, err := checkpoint.NewVerifier(k)
			if err != nil {
				return fmt.Errorf("evidence: %w", err)
			}
			s.keys = append(s.keys, v)
		}
		if _, err := s.verifyLog(Request{Note: n, Checkpoint: c[i]}); err != nil {
			return fmt.Errorf("evidence: %w", err)
		}
		if c[i].Origin != e.Origin || c[i].Size != e.Size {
			return errors.New("evidence: another origin or size than it says")
		}
	}
	if c[0].Root == c[1].Root {
		return errors.New("evidence: one root only")
	}
	return nil
}

// Evidence is what is kept of an origin: at most MaxEvidence items, each
// refused root once, the first ones for ever.
func (w *Witness) Evidence(ctx context.Context, origin string) ([]Evidence, error) {
	s, ok := w.logs[origin]
	if !ok {
		return nil, ErrUnknownLog
	}
	_, all, err := w.evidence(ctx, s)
	return all, err
}

func (w *Witness) evidence(ctx context.Context, s *state) (raw []byte, all []Evidence, err error) {
	raw, err = w.store.Load(ctx, evidenceKey(s.origin))
	if errors.Is(err, ErrNotFound) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrStore, err)
	}
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, nil, fmt.Errorf("%w: damaged evidence: %w", ErrStore, err)
	}
	return raw, all, nil
}

// keep adds evidence, with the origin's lock held. Another process may add too;
// after a lost swap the newer list is read once more, and losing again only
// means that there is evidence already.
func (w *Witness) keep(ctx context.Context, s *state, e Evidence) error {
	for range 2 {
		raw, all, err := w.evidence(ctx, s)
		if err != nil {
			return err
		}
		if len(all) >= MaxEvidence || contains(all, e) {
			return nil
		}
		next, err := json.Marshal(append(all, e))
		if err != nil {
			return fmt.Errorf("evidence: %w", err)
		}
		err = w.store.Swap(ctx, evidenceKey(s.origin), raw, next)
		if errors.Is(err, ErrChanged) {
			continue
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrStore, err)
		}
		return nil
	}
	return nil
}

// contains compares what was signed, not the signature lines, which a log may
// make anew as often as it likes.
func contains(all []Evidence, e Evidence) bool {
	for _, x := range all {
		a, err1 := checkpoint.ParseNote([]byte(x.Second))
		b, err2 := checkpoint.ParseNote([]byte(e.Second))
		if err1 == nil && err2 == nil && a.Text == b.Text {
			return true
		}
	}
	return false
}
