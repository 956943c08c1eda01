package policy

// Domain tags: one for each use of SHA-256 in this package.
const (
	tagDocument = "haltlog/policy/v1\n"
	tagVerdict  = "haltlog/verdict/v1\n"
	tagNode     = "haltlog/verdict-node/v1\n"
	tagEmpty    = "haltlog/verdict-none/v1\n"
)
