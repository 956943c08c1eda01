package labcheck

const (
	// maxTries bounds how often epoch and lists are read anew when the list grew
	// between the two reads.
	maxTries = 5
	// maxMarks bounds the strikes, allow-lists and contests that are read for the
	// labels that were hit.
	maxMarks = 1 << 16
)
