package blacklist

// The tags that separate this package's hashes from one another and from every
// other. A tag is followed by a zero byte; none is the prefix of another.
const (
	tagScalarLeaf   = "haltlog/blacklist/scalar-leaf/v1"
	tagArtefactLeaf = "haltlog/blacklist/artefact-leaf/v1"
	tagNode         = "haltlog/blacklist/node/v1"
	tagPart         = "haltlog/blacklist/part/v1"
	tagEscrowKey    = "haltlog/blacklist/escrow-key/v1"
	tagEscrow       = "haltlog/blacklist/escrow/v1"
)
