package voprf

import "github.com/haltlog/haltlog/internal/group"

const (
	// ElementSize is the length of a blinded element, an evaluation, a public key
	// and a label in bytes.
	ElementSize = group.ElementSize

	// ProofSize is the length of a proof in bytes: challenge and response.
	ProofSize = 2 * group.ScalarSize

	// MaxBatch is how many elements one proof covers: RFC 9497, section 2.2.1,
	// numbers them in two bytes.
	MaxBatch = 65535

	// MaxRequest and MaxResponse are the longest bodies in bytes, 2,097,120 and
	// 2,097,184, for whoever caps a reader.
	MaxRequest  = MaxBatch * ElementSize
	MaxResponse = MaxRequest + ProofSize

	// MaxInput is the longest input and info in bytes: RFC 9497 puts the length
	// into two bytes.
	MaxInput = 65535

	// OutputSize is the length of the RFC's output in bytes: SHA-512's.
	OutputSize = 64

	// minShare is the least number of elements that one core takes of a batch:
	// about a millisecond of work, against some microseconds to start it.
	minShare = 16

	// compositePart is how many terms of a composite one core takes at a time: 256
	// doublings cost what three terms do, and the tables stay within 700 KB.
	compositePart = 512

	// tableFrom is from how many labels on a table of the public key is worth its
	// making, which costs what it saves in four.
	tableFrom = 8

	// maxEvaluators bounds n of a set: shares are numbered in one byte, and nobody
	// operates more.
	maxEvaluators = 255
)
