package guard

import "time"

const (
	// DefaultBeat is the interval of the beats between keeper and reaper: two small messages, far below any lease.
	DefaultBeat = 100 * time.Millisecond
	// DefaultMiss is the silence after which a partner counts as stopped. It is long enough for a machine with all
	// cores busy and far below the shortest sensible lease.
	DefaultMiss = 2 * time.Second
	// maxMissedBeats keeps what a stopped partner has not read within the socket's buffer (some 250 messages): the word
	// that the run is being killed must still fit behind them.
	maxMissedBeats = 100
	// maxInFlight bounds unanswered requests per engine: one that hangs must not collect goroutines.
	maxInFlight = 4
	// DefaultKillWait bounds one actuator's attempt: a SIGKILL takes milliseconds unless a process hangs in the kernel.
	DefaultKillWait = 5 * time.Second
	// killRounds is how often the list of actuators is tried before the guard gives up with an unconfirmed receipt.
	killRounds = 3
	// DefaultUID is "nobody", the uid of the command when the guard is root and none was chosen. Zero never means root.
	DefaultUID = 65534
	// maxMessage bounds one message between keeper and reaper: the longest carries one evidence record.
	maxMessage = 8 << 10
	// maxInitConfig bounds what init reads: a command line and an environment, both limited by the kernel to 2 MiB.
	maxInitConfig = 4 << 20
	// maxStatus bounds what init reports: one error text and one exit status.
	maxStatus = 64 << 10
	// maxMountinfo bounds /proc/self/mountinfo: hosts with many containers have some thousand lines.
	maxMountinfo = 16 << 20
	// maxEventsFile bounds cgroup.events, which has two short lines.
	maxEventsFile = 4 << 10
	// maxEngines bounds n in k of n: every engine's lease is asked for and checked each time.
	maxEngines = 16
	// maxOutstanding bounds requests that still may be answered, per guard: renewals overlap when engines are slow.
	maxOutstanding = 8
	// maxSequence keeps sequence numbers inside what a strict JSON integer holds.
	maxSequence = 1<<53 - 1
	// maxMemory bounds the persisted lease memory: a few numbers and one checkpoint.
	maxMemory = 256 << 10
	// maxSpoolItem bounds one spooled statement: the log takes at most 65,535 bytes.
	maxSpoolItem = 65535
	// maxSpoolItems bounds the spool: a run leaves a handful of receipts, a guard that is away for long leaves no more.
	maxSpoolItems = 10000
	// maxKeptLease bounds one lease that is kept as evidence: a checkpoint with many ML-DSA cosignatures, twice in base64.
	maxKeptLease = 256 << 10
	// maxKept bounds each of the two files of kept leases; an auditor reads files of up to 12 MiB.
	maxKept = 4 << 20
	// maxHaltBytes bounds a halt or vote that is written down: one log entry.
	maxHaltBytes = 65535
	// haltPersistWait is how long a stop waits for the halt to be on disk. A dead disk must not keep a run alive.
	haltPersistWait = 200 * time.Millisecond
	// deliverMinWait and deliverMaxWait bound the pause between attempts to deliver a receipt.
	deliverMinWait = 100 * time.Millisecond
	deliverMaxWait = 10 * time.Second
	// DefaultDrain is how long a guard that has finished tries to deliver its receipts before leaving them spooled.
	DefaultDrain = 5 * time.Second
	// maxWatched bounds the entries of a checkpoint directory that are looked at.
	maxWatched = 100000
)
