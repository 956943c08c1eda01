package policy

import "time"

const (
	// MaxDocument bounds a document's bytes: a policy statement with its
	// signatures has to fit into one leaf of 65,535 bytes as base64.
	MaxDocument = 32 << 10
	// MaxName is the longest name of a chain, class, run or member.
	MaxName = 63
	// MaxMembers is the largest consensus group.
	MaxMembers = 64
	// MaxClasses bounds the classes of one policy; the document stays readable.
	MaxClasses = 64
	// MaxMonitors bounds the monitors that one policy names.
	MaxMonitors = 16
	// MaxEngines bounds the engines whose chains one run can rest on, and the
	// peers that are remembered for a run.
	MaxEngines = 16
	// MaxThreshold bounds the dead vote: with 64 members it is 16 intervals of
	// a wholly silent group, beyond any use.
	MaxThreshold = 1024
	// MaxEvidence is how many entries one cause cites: one per member.
	MaxEvidence = 64
	// MaxPending bounds loosenings that wait in one chain; tightenings are never
	// refused for it.
	MaxPending = 16
	// MaxNumber is the largest integer that every JSON reader holds exactly.
	MaxNumber = 1<<53 - 1

	// minPeriod is the shortest legal interval: cosignature times are whole
	// seconds, so nothing below can be checked from outside.
	minPeriod = int64(time.Second / time.Millisecond)
	// maxInterval is the longest check-in interval, 4 hours.
	maxInterval = 4 * hour
	// maxPeriod bounds every other period: a year.
	maxPeriod = 366 * day

	hour = int64(time.Hour / time.Millisecond)
	day  = 24 * hour

	// maxTime is the last millisecond that RFC 3339 can write.
	maxTime = int64(253402300799999)

	// CheckpointLag is how late a checkpoint may be published after the entries
	// it covers while all is well: a batch, an interval and one round of
	// witnesses. The witness tripwire has to leave room for it.
	CheckpointLag = time.Second
)
