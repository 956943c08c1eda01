package voprf

import (
	"fmt"
	"io"

	"github.com/haltlog/haltlog/internal/group"
)

// An Evaluator answers queries with a key, in mode VOPRF. It may be used by
// several goroutines at once.
type Evaluator struct {
	key    *PrivateKey
	random io.Reader
}

// NewEvaluator returns the evaluator of a key.
func NewEvaluator(key *PrivateKey) *Evaluator { return &Evaluator{key: key, random: system()} }

// Public returns the key that answers verify under.
func (e *Evaluator) Public() *PublicKey { return e.key.public }

// Evaluate is BlindEvaluate of RFC 9497, section 3.3.2: Z[i] = k·B[i] for each of
// 1 to 65,535 blinded elements of 32 bytes, and 64 bytes of proof that all of
// them were made with one key, the public one. Errors: ErrBatch, ErrEncoding.
func (e *Evaluator) Evaluate(blinded [][]byte) (evaluated [][]byte, proof []byte, err error) {
	elements, err := decodeAll(blinded)
	if err != nil {
		return nil, nil, fmt.Errorf("blinded %w", err)
	}
	return e.evaluate(blinded, elements)
}

func (e *Evaluator) evaluate(blinded [][]byte, elements []*group.Element) (evaluated [][]byte, proof []byte, err error) {
	b := multiply(e.key.k, blinded, elements)
	proof, err = b.prove(ModeVOPRF, e.key.k, e.key.public.encoded[:], e.random)
	if err != nil {
		return nil, nil, fmt.Errorf("evaluate: %w", err)
	}
	return b.dEnc, proof, nil
}

// Answer is Evaluate from a request's body to a response's. Errors: ErrBatch,
// ErrEncoding.
func (e *Evaluator) Answer(request []byte) ([]byte, error) {
	blinded, elements, err := split(request)
	if err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	evaluated, proof, err := e.evaluate(blinded, elements)
	if err != nil {
		return nil, err
	}
	return append(join(evaluated), proof...), nil
}

// multiply computes D = k·C, in constant time.
func multiply(k *group.Scalar, encoded [][]byte, elements []*group.Element) *batch {
	b := &batch{
		c: elements, cEnc: encoded,
		d: make([]*group.Element, len(elements)), dEnc: make([][]byte, len(elements)),
	}
	parallel(len(elements), func(i int) {
		b.d[i] = elements[i].Mul(k)
		b.dEnc[i] = b.d[i].Bytes()
	})
	return b
}

// decodeAll reads 1 to 65,535 elements. Errors: ErrBatch, ErrEncoding.
func decodeAll(encoded [][]byte) ([]*group.Element, error) {
	if len(encoded) < 1 || len(encoded) > MaxBatch {
		return nil, fmt.Errorf("elements: %w: %d", ErrBatch, len(encoded))
	}
	out, errs := make([]*group.Element, len(encoded)), make([]error, len(encoded))
	parallel(len(encoded), func(i int) { out[i], errs[i] = group.DecodeElement(encoded[i]) })
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("element %d: %w: %w", i, ErrEncoding, err)
		}
	}
	return out, nil
}
