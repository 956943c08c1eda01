package listsync

import "time"

const (
	// maxHead bounds a head file: an epoch's statement in up to 64 parts, and the
	// authority statements before it, with a receipt each.
	maxHead = 64 << 20
	// maxChain is how many epochs are followed one by one: beyond it full lists are
	// fetched. One epoch takes one request, and one for each part that it changed.
	maxChain = 1024
	// chainStep is about how many bytes one epoch of a chain takes beside its
	// labels: its statement with a receipt.
	chainStep = 4096
	// chainSlack is how many bytes more than the full lists the chain may take: the
	// deltas are what older clearances are extended by.
	chainSlack = 1 << 20
	// maxLinks bounds the epochs whose deltas are kept.
	maxLinks = 4096
	// maxTries is how often a list that changes under the reader's hands is tried,
	// and retryPause the time between two: a daemon makes an epoch in that time.
	maxTries   = 4
	retryPause = 200 * time.Millisecond
	// atOnce is how many objects are fetched at the same time from one source.
	atOnce = 32
	// maxKept bounds what is kept of an answer as evidence.
	maxKept = 1 << 20
	// maxEvidence bounds the files of evidence: a source that lies each time fills
	// no disk.
	maxEvidence = 256
	// maxObject bounds one object: a part of blacklist.MaxPartLabels labels, or
	// its polynomial, padded to twice that.
	maxObject = 300 << 20
)
