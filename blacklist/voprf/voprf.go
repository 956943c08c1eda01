// Package voprf makes labels of fingerprints: a verifiable oblivious
// pseudorandom function (RFC 9497, ristretto255-SHA512), in which the evaluator
// learns nothing of what is asked, and the asker can tell that the evaluator
// used the one key that stands in the log.
//
// A fingerprint x has the label Y = k·H1(x), 32 bytes, where H1 is the suite's
// HashToGroup and k the evaluator's key. The element itself is the label, not
// the hash that the RFC's Finalize makes of it, because an element can be used
// in proofs and carried over to another key.
//
// A Query blinds additively, B = H1(x) + s·G, and unblinds Y = Z − s·pk. This is
// half the cost of the RFC's blinding, and safe only since pk comes from the log
// and the evaluator's proof is checked first. The evaluator cannot tell the two
// apart, so the RFC's clients (Client) are answered just the same.
//
// Invariants:
//
//   - VO1: keys, blinded elements, evaluations and proofs are those of RFC 9497,
//     to the last byte.
//   - VO2: no label and no output is given out before the evaluator's proof over
//     the whole batch has been checked against the key.
//   - VO3: a batch holds 1 to 65,535 elements: its index is two bytes. More are
//     split, never wrapped.
//   - VO4: every message has one encoding; identity and non-canonical encodings
//     are refused.
//   - VO5: what an evaluator sees of a fingerprint is a uniform element,
//     independent of it, and fresh for each query.
//   - VO6: the time of whatever touches a key or a blind depends on neither.
//   - VO7: any t of a set's n holders give the label of the whole key, whoever the
//     others are; an answer that is wrong is blamed on its sender by evidence that
//     anybody verifies.
//   - VO8: fewer than t shares are consistent with every key: what they allow is
//     what the public key allows, computing logarithms.
//   - VO9: a ceremony's key is what its qualified dealings give, the same for every
//     reader of the log. A bad dealing is seen by all or by a holder, and who lied is
//     judged from dealing and complaint by all alike; a complaint opens no share but
//     the bad one.
//   - VO10: labels move to another key by one factor that nobody holds whole, and
//     nothing but the old labels times the factor between the keys verifies.
package voprf

import "errors"

var (
	// ErrProof is returned where the evaluator's proof does not fit key, request
	// and response: it used another key, or something was altered on the way.
	ErrProof = errors.New("evaluator's proof does not verify")
	// ErrBatch is returned for a batch of no elements, of more than 65,535, or of
	// another number than was asked.
	ErrBatch = errors.New("wrong number of elements")
	// ErrEncoding is returned for bytes that are not the one encoding of what
	// they should be.
	ErrEncoding = errors.New("invalid encoding")
	// ErrInput is returned for an input that the function has no value for: too
	// long, or hashed to the identity, which nobody has ever seen.
	ErrInput = errors.New("invalid input")
	// ErrSet is returned for an evaluator set that is no such thing.
	ErrSet = errors.New("invalid evaluator set")
	// ErrShare is returned for a share that is not the one committed to.
	ErrShare = errors.New("share does not fit the commitments")
	// ErrKeyOfSet is returned where a query was made for another key than the set's.
	ErrKeyOfSet = errors.New("query is to another key than the set's")
	// ErrFewAnswers is returned where fewer holders than the threshold answered well.
	ErrFewAnswers = errors.New("too few good answers of evaluators")
	// ErrRight is returned for evidence that proves nobody wrong.
	ErrRight = errors.New("the answer is right")
	// ErrMode is returned where a call does not fit its mode.
	ErrMode = errors.New("wrong mode")
	// ErrCommitment is returned for a commitment to something else.
	ErrCommitment = errors.New("commitment is to another fingerprint")
	// ErrDerive is returned for a key that no counter could derive.
	ErrDerive = errors.New("key derivation gave zero")
)
