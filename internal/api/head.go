package api

// Head says which epoch of the blacklist is the newest witnessed one, and what a
// reader who has nothing but plain files needs to verify that: a mirror serves the
// same document at the same path.
type Head struct {
	Number uint64 `json:"number"`
	Index  uint64 `json:"index"` // of the entry, the last one of several
	Size   uint64 `json:"size"`  // of the log that the epoch folds
	// Entries hold the epoch's statement: one, or all of its parts in order.
	Entries []HeadEntry `json:"entries"`
	// Authority are the indices of the authority statements below Index, void
	// ones included, ascending: whose keys are in office.
	Authority []uint64 `json:"authority"`
}

// HeadEntry is an entry with its receipt.
type HeadEntry struct {
	Index uint64 `json:"index"`
	Leaf  []byte `json:"leaf"`
	Proof string `json:"proof"` // tlog-proof
}
