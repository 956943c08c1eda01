package log

// Domain tags: every hash and every signed message of this package that is not
// a DSSE pre-authentication encoding starts with one of these, so that bytes
// made for one use never pass for another. None is a prefix of another.
const (
	tagIdentity = "haltlog/identity/v1\n"
	tagGroup    = "haltlog/group/v1\n"
	tagPolicy   = "haltlog/policy/v1\n"
	tagGenesis  = "haltlog/genesis/v1\n"
	tagWhole    = "haltlog/whole/v1\n"
	tagProof    = "haltlog/possession/v1\n"
	tagCeremony = "haltlog/ceremony/v1\n"
	tagRingKey  = "haltlog/ring-key/v1\n"
)

// TypePrefix and TypeSuffix stand around the kind in a payload's type.
const (
	TypePrefix = "application/vnd.haltlog."
	TypeSuffix = ".v1+json"
)
