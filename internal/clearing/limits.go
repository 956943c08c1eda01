package clearing

import "time"

const (
	// MaxDocument bounds a document in bytes: 600 fingerprints of a model in
	// hundreds of parts each, and the documents that it extends.
	MaxDocument = 256 << 20
	// maxChain bounds the documents that extend one another: a new clearance is
	// made in the time that it takes to verify so many.
	maxChain = 16
	// maxDepth bounds how deep values stand in one another: a chain's last document,
	// and in it the responses of answers of queries.
	maxDepth = maxChain + 8
	// maxFingerprints bounds the fingerprints of one document under one key
	// version: those that an artefact may have.
	maxFingerprints = 1 << 14
	// maxVersions bounds the key versions of one document.
	maxVersions = 64
	// maxEpochs bounds the epochs whose deltas are read one by one to see an
	// older list.
	maxEpochs = 4096
	// maxTries is how often an evaluator is asked before another one is.
	maxTries = 3
	// retryPause is the time before an evaluator is asked again, times the tries.
	retryPause = 200 * time.Millisecond
	// atOnce bounds the evaluators that are asked at the same time.
	atOnce = 8
)
