package log

import (
	"fmt"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
)

// A Receipt shows that a statement stands in a log (L4). It says nothing of
// the statement's validity: that is judged by folding the log.
type Receipt struct {
	Signed *Signed // with its index
	// Origin, Size and Root are the checkpoint's.
	Origin string
	Size   uint64
	Root   Hash
	// Earliest and Latest are the smallest and the largest time of the
	// cosignatures that count, in whole seconds; zero if the quorum is none.
	Earliest, Latest time.Time
}

// VerifyReceipt checks offline that leaf is in a log: quorum is a C2SP
// tlog-policy text, proof a C2SP tlog-proof. The statement must be one for the
// log that signed the checkpoint. Errors are a [*SyntaxError] for a leaf that
// is no statement; any other error means that the proof does not hold.
func VerifyReceipt(quorum, leaf, proof []byte) (*Receipt, error) {
	s, err := Parse(leaf)
	if err != nil {
		return nil, err
	}
	q, err := checkpoint.ParseQuorum(quorum)
	if err != nil {
		return nil, fmt.Errorf("read quorum: %w", err)
	}
	p, err := checkpoint.ParseProof(proof)
	if err != nil {
		return nil, fmt.Errorf("read proof: %w", err)
	}
	v, err := p.Verify(q, leaf)
	if err != nil {
		return nil, fmt.Errorf("verify proof: %w", err)
	}
	cp := v.Checkpoint
	if o := OriginOf(s.Statement); o != cp.Origin {
		return nil, fmt.Errorf("statement for %q in the log %q: %w", o, cp.Origin, ErrSyntax)
	}
	s.Index = p.Index
	r := &Receipt{Signed: s, Origin: cp.Origin, Size: cp.Size, Root: cp.Root}
	if len(v.Cosigned) > 0 {
		r.Earliest, r.Latest = time.Unix(int64(v.MinTime), 0).UTC(), time.Unix(int64(v.MaxTime), 0).UTC()
	}
	return r, nil
}
