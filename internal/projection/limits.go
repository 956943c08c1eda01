package projection

const (
	// flushEvery is how many entries are held in memory only before they are
	// flushed: few enough to search through, many enough that a sync for them
	// costs little.
	flushEvery = 256
	// maxFresh bounds them while a flush runs: Apply waits for it there.
	maxFresh = 8 * flushEvery

	// MaxLimit bounds the entries of a page, and DefaultLimit is their number
	// where none is asked for.
	MaxLimit     = 1000
	DefaultLimit = 100

	// maxScan bounds the entries looked at for one page of a query by run and
	// kind. A page may then be short, with a cursor behind it.
	maxScan = 10_000

	// maxCursor bounds a cursor in bytes: a decimal index.
	maxCursor = 20
)
