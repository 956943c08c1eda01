package witness

const (
	// MaxBody bounds an add-checkpoint request in bytes. The longest honest one
	// holds 63 hashes (2.8 KB) and a checkpoint; a log that hands on the
	// cosignatures it already has, each ML-DSA-44 line taking 3.3 KB, stays
	// below it with more than thirty of them.
	MaxBody = 128 << 10

	// MaxEvidence bounds the evidence kept for one origin. The first pair of
	// roots convicts; a few more show whether it went on.
	MaxEvidence = 8

	// refreshAfter is the age in seconds from which a served checkpoint is
	// cosigned anew. tlog-witness asks for at most an hour; half of that leaves
	// room for caches and for the skew between two clocks.
	refreshAfter = 30 * 60
)
