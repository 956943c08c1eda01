package log

// Bounds of the encoding.
const (
	// MaxInteger is the largest magnitude of an integer, 2⁵³−1: beyond it a
	// JSON reader that keeps numbers as doubles would read another value.
	MaxInteger = 1<<53 - 1

	// MaxDepth bounds nesting of arrays and objects. The deepest payload has
	// 4 levels, a policy document inside one adds 4; the rest is room, and the
	// parser's stack stays small.
	MaxDepth = 16

	// MaxTime is the last instant that RFC 3339 can print, in milliseconds
	// since 1970: 9999-12-31T23:59:59.999Z.
	MaxTime = 253402300799999
)

// Bounds of strings, in bytes.
const (
	// MaxName bounds names, run ids, chains, classes and pseudonyms: they stand
	// in URLs and file names.
	MaxName = 63

	// MaxOrigin bounds a log's name: cosigners carry it with one length byte.
	MaxOrigin = 255

	// MaxAddress bounds the URL of an evaluator.
	MaxAddress = 255

	// MaxTask bounds a run's one-line description for people.
	MaxTask = 1024

	// MaxReason bounds an explanation for people (strike, freeze).
	MaxReason = 1024

	// MaxExclusion bounds the reason for one excluded label: there may be as
	// many of them as labels.
	MaxExclusion = 64

	// MaxCause bounds the machine-readable cause of an actuation.
	MaxCause = 128

	// MaxBootID holds a Linux boot id (36 bytes) and other systems' forms.
	MaxBootID = 64

	// MaxQuorumText bounds a tlog-policy text inside a statement: a log key and
	// seven ML-DSA-44 witnesses (1.8 KB each in base64) with names and URLs,
	// and the genesis around it still fits one leaf.
	MaxQuorumText = 24 << 10

	// MaxDocument bounds a policy document: every field of one, a hundred
	// classes and their names take less.
	MaxDocument = 32 << 10

	// MaxSPKI bounds a public key: P-256 in DER takes 91 bytes, and nothing
	// longer is accepted.
	MaxSPKI = 91

	// MaxProof bounds a possession proof: an ECDSA P-256 signature in DER takes
	// at most 72 bytes.
	MaxProof = 72

	// MaxCheckpoint bounds a checkpoint inside a statement: 32 Ed25519
	// cosignatures or seven ML-DSA-44 ones beside the log's line.
	MaxCheckpoint = 26 << 10

	// MaxSealed bounds the sealed labels of an artefact: 32 bytes and its kind
	// for each of MaxArtefactLabels, and the seal's own bytes.
	MaxSealed = MaxArtefactLabels*64 + 1024

	// MaxWrapped bounds one wrapped data key.
	MaxWrapped = 4096

	// MaxPartData is how many bytes of a whole go into one part: its base64
	// stands in the payload's base64 (16/9 of it) beside 1.5 KB of names, a
	// hash and a signature, and fills one leaf.
	MaxPartData = 36000
)

// Bounds of lists.
const (
	// MaxOfficers bounds officers, and so the signatures of one statement.
	MaxOfficers = 32

	// MaxKeys bounds the keys granted in one statement.
	MaxKeys = 128

	// MaxMembers is the largest consensus group (ring signatures grow with it).
	MaxMembers = 64

	// MinMembers is the smallest: a ring of one hides nobody.
	MinMembers = 2

	// MaxGuards bounds the guard keys of one run.
	MaxGuards = 8

	// MaxEvaluators bounds the evaluators that share the label key.
	MaxEvaluators = 32

	// MaxPossession bounds the proof for a dealing's first commitment: one of
	// knowledge takes 64 bytes, one of a product 96.
	MaxPossession = 256

	// MaxSealedShare bounds one sealed share: a point, a scalar and a tag.
	MaxSealedShare = 256

	// MaxRotated bounds the labels of one rotation: so many fit one whole, and a
	// batch proof holds 65,535.
	MaxRotated = 32768

	// MaxArtefactLabels bounds the labels of one saved model checkpoint: models
	// of today have a few thousand tensors, and so many exclusions with the
	// longest reasons still fit one whole.
	MaxArtefactLabels = 16384

	// MaxWraps bounds the wrapped data keys of one artefact.
	MaxWraps = 8

	// MaxVerdicts bounds the changed verdicts of one decision; an engine with
	// more runs at once logs them in consecutive decisions.
	MaxVerdicts = 4096

	// MaxLiveRuns bounds the runs that are registered and have not ended. All of
	// them may trip at once, each for every tripwire with the most evidence
	// (2.4 KB), and one decision has to hold that in one whole.
	MaxLiveRuns = 1024

	// MaxCauses bounds the causes of one verdict: each tripwire at most once,
	// and custom ones.
	MaxCauses = 32

	// MaxEvidence bounds the entries named for one cause: enough for every
	// member of a group to have missed.
	MaxEvidence = 64

	// MaxEpochParts bounds the parts of the blacklist in one epoch: with six
	// commitments each, so many fit one whole.
	MaxEpochParts = 4096

	// MaxCommitments bounds the named hashes of one part.
	MaxCommitments = 16
	// MaxAsked bounds the key versions under which a model has to be asked: more rotations
	// than anybody leaves unfinished.
	MaxAsked = 1024

	// MaxAllowed bounds the labels of one allow-list statement.
	MaxAllowed = 20000

	// MaxPath bounds a Merkle path; no tree is deeper.
	MaxPath = 63

	// MaxParts bounds the parts of one statement: MaxWhole over MaxPartData.
	MaxParts = 117
)

// Bounds of durations, in milliseconds.
const (
	// MinSkew is the least that clocks are allowed to differ: cosignature times
	// are whole seconds (E2).
	MinSkew = 2000

	// MaxSkew keeps "time is held by others" meaningful.
	MaxSkew = 3600_000

	// MinPeriod bounds anchor and decision periods from below: faster than this
	// only fills the log.
	MinPeriod = 100

	// MaxPeriod is one day: slower, the log has no witnessed time to speak of.
	MaxPeriod = 24 * 3600_000

	// MaxDelay bounds how long a loosening waits: one year.
	MaxDelay = 366 * 24 * 3600_000

	// MaxLife bounds a run's declared life: ten years.
	MaxLife = 3660 * 24 * 3600_000

	// MaxLease bounds a lease's duration: one day.
	MaxLease = 24 * 3600_000
)
