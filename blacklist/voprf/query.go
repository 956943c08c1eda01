package voprf

import (
	"fmt"
	"io"

	"github.com/haltlog/haltlog/internal/group"
)

// A Query asks an evaluator for the labels of fingerprints without showing them:
// requests go out, responses come back, labels come out. One query holds any
// number of fingerprints, in as many requests as the batch's bound needs.
type Query struct {
	public  *PublicKey
	blinds  []*group.Scalar
	blinded []*group.Element
	encoded [][]byte
}

// NewQuery blinds each fingerprint x as B = H1(x) + s·G with a fresh s from the
// system's randomness. The key must come from the log: additive blinding is safe
// with no other (a wrong key's answer would still be refused, by VO2). Errors:
// ErrInput, with the place, and ErrBatch for no fingerprints.
func NewQuery(public *PublicKey, fingerprints [][]byte) (*Query, error) {
	return newQuery(public, fingerprints, system())
}

func newQuery(public *PublicKey, fingerprints [][]byte, random io.Reader) (*Query, error) {
	if len(fingerprints) == 0 {
		return nil, fmt.Errorf("query: %w: 0", ErrBatch)
	}
	q := &Query{
		public:  public,
		blinds:  make([]*group.Scalar, len(fingerprints)),
		blinded: make([]*group.Element, len(fingerprints)),
		encoded: make([][]byte, len(fingerprints)),
	}
	for i := range q.blinds {
		var err error
		if q.blinds[i], err = group.ReadScalar(random); err != nil {
			return nil, fmt.Errorf("fingerprint %d: %w", i, err)
		}
	}
	errs := make([]error, len(fingerprints))
	parallel(len(fingerprints), func(i int) {
		h, err := hashInput(ModeVOPRF, fingerprints[i])
		if err != nil {
			errs[i] = err
			return
		}
		q.blinded[i] = h.Add(group.MulBase(q.blinds[i]))
		q.encoded[i] = q.blinded[i].Bytes()
	})
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("fingerprint %d: %w", i, err)
		}
		// With probability 2^-252, and then no evaluator takes it.
		if q.blinded[i].IsIdentity() {
			return nil, fmt.Errorf("fingerprint %d: %w: blinded to the identity", i, ErrInput)
		}
	}
	return q, nil
}

// Len is the number of fingerprints.
func (q *Query) Len() int { return len(q.blinds) }

// Requests returns the bodies to send, each of at most 65,535 elements, in
// order (VO3).
func (q *Query) Requests() [][]byte {
	var out [][]byte
	for from := 0; from < len(q.encoded); from += MaxBatch {
		out = append(out, join(q.encoded[from:min(from+MaxBatch, len(q.encoded))]))
	}
	return out
}

// Labels checks the responses to all of Requests, in order, and unblinds them:
// Y = Z − s·pk. Nothing is returned unless every proof verifies (VO2). Errors:
// ErrBatch, ErrEncoding, ErrProof, with the request's place.
func (q *Query) Labels(responses [][]byte) ([]Label, error) {
	if want := (q.Len() + MaxBatch - 1) / MaxBatch; len(responses) != want {
		return nil, fmt.Errorf("%d responses to %d requests: %w", len(responses), want, ErrBatch)
	}
	evaluated := make([]*group.Element, 0, q.Len())
	for i, body := range responses {
		from := i * MaxBatch
		to := min(from+MaxBatch, q.Len())
		elements, err := verifyAnswer(q.public, q.blinded[from:to], q.encoded[from:to], body)
		if err != nil {
			return nil, fmt.Errorf("response %d: %w", i, err)
		}
		evaluated = append(evaluated, elements...)
	}
	return q.unblind(evaluated), nil
}

// unblind is Y = Z − s·pk, in constant time.
func (q *Query) unblind(evaluated []*group.Element) []Label {
	multiply := q.public.element.Mul
	if q.Len() >= tableFrom {
		multiply = q.public.element.Table().Mul
	}
	out := make([]Label, q.Len())
	parallel(q.Len(), func(i int) {
		out[i] = Label(evaluated[i].Sub(multiply(q.blinds[i])).Bytes())
	})
	return out
}

// A Commitment is what a query's blinded element is besides: a perfectly hiding,
// binding commitment B = H1(x) + s·G to a fingerprint, which no change of the
// evaluator's key touches.
type Commitment [ElementSize]byte

// An Opening is the s of a Commitment, 32 bytes. It is secret until an audit.
type Opening [group.ScalarSize]byte

// Commitment returns the commitment to fingerprint i, and what opens it.
func (q *Query) Commitment(i int) (Commitment, Opening) {
	return Commitment(q.encoded[i]), Opening(q.blinds[i].Bytes())
}

// Opens checks that a commitment is to this fingerprint. Errors: ErrInput and
// ErrEncoding for what cannot be judged, ErrCommitment for what is not.
func (c Commitment) Opens(fingerprint []byte, opening Opening) error {
	b, err := group.DecodeElement(c[:])
	if err != nil {
		return fmt.Errorf("%w: commitment: %w", ErrEncoding, err)
	}
	s, err := group.DecodeScalar(opening[:])
	if err != nil {
		return fmt.Errorf("%w: opening: %w", ErrEncoding, err)
	}
	h, err := hashInput(ModeVOPRF, fingerprint)
	if err != nil {
		return err
	}
	if !h.Add(group.MulBase(s)).Equal(b) {
		return ErrCommitment
	}
	return nil
}
