package voprf

import (
	"fmt"

	"github.com/haltlog/haltlog/internal/group"
)

// The bodies of the evaluate route are the RFC's serialisations, one after
// another; the counts follow from the lengths:
//
//	request   N × 32 bytes                blinded elements, 1 ≤ N ≤ 65,535
//	response  N × 32 bytes ‖ 64 bytes     evaluated elements, then the proof
//
// Every element is canonical and not the identity, every scalar of the proof is
// below the order. A response's N is its request's.

// FormatRequest joins blinded elements. Errors: ErrBatch, ErrEncoding.
func FormatRequest(blinded [][]byte) ([]byte, error) {
	if _, err := decodeAll(blinded); err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	return join(blinded), nil
}

// ParseRequest is the inverse of FormatRequest; what it returns shares memory
// with body. Errors: ErrBatch, ErrEncoding.
func ParseRequest(body []byte) ([][]byte, error) {
	blinded, _, err := split(body)
	if err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	return blinded, nil
}

// FormatResponse joins evaluated elements and their proof. Errors: ErrBatch,
// ErrEncoding.
func FormatResponse(evaluated [][]byte, proof []byte) ([]byte, error) {
	if err := checkProof(proof); err != nil {
		return nil, fmt.Errorf("response: %w", err)
	}
	if _, err := decodeAll(evaluated); err != nil {
		return nil, fmt.Errorf("response: %w", err)
	}
	return append(join(evaluated), proof...), nil
}

// ParseResponse is the inverse of FormatResponse; what it returns shares memory
// with body. Errors: ErrBatch, ErrEncoding.
func ParseResponse(body []byte) (evaluated [][]byte, proof []byte, err error) {
	evaluated, _, proof, err = splitResponse(body)
	return evaluated, proof, err
}

func splitResponse(body []byte) (encoded [][]byte, elements []*group.Element, proof []byte, err error) {
	if len(body) < ProofSize {
		return nil, nil, nil, fmt.Errorf("response: %w: %d bytes", ErrEncoding, len(body))
	}
	at := len(body) - ProofSize
	if err := checkProof(body[at:]); err != nil {
		return nil, nil, nil, fmt.Errorf("response: %w", err)
	}
	encoded, elements, err = split(body[:at])
	if err != nil {
		return nil, nil, nil, fmt.Errorf("response: %w", err)
	}
	return encoded, elements, body[at:], nil
}

func checkProof(proof []byte) error {
	if len(proof) != ProofSize {
		return fmt.Errorf("%w: proof of %d bytes", ErrEncoding, len(proof))
	}
	for _, half := range [][]byte{proof[:group.ScalarSize], proof[group.ScalarSize:]} {
		if _, err := group.DecodeScalar(half); err != nil {
			return fmt.Errorf("%w: proof: %w", ErrEncoding, err)
		}
	}
	return nil
}

// join leaves room for a proof.
func join(elements [][]byte) []byte {
	out := make([]byte, 0, len(elements)*ElementSize+ProofSize)
	for _, e := range elements {
		out = append(out, e...)
	}
	return out
}

func split(body []byte) ([][]byte, []*group.Element, error) {
	n := len(body) / ElementSize
	if len(body)%ElementSize != 0 {
		return nil, nil, fmt.Errorf("%w: %d bytes", ErrEncoding, len(body))
	}
	if n < 1 || n > MaxBatch {
		return nil, nil, fmt.Errorf("%w: %d", ErrBatch, n)
	}
	out := make([][]byte, n)
	for i := range out {
		out[i] = body[i*ElementSize:][:ElementSize:ElementSize]
	}
	elements, err := decodeAll(out)
	if err != nil {
		return nil, nil, err
	}
	return out, elements, nil
}
