package demo

import "time"

const (
	// members is the size of the consensus group, officers and threshold those of
	// the policy, witnesses and quorum those of the log: the set-up of the README.
	members   = 8
	officers  = 3
	threshold = 2
	witnesses = 3
	// holders are the evaluators, of whom quorumOfHolders answer and open together.
	holders         = 3
	quorumOfHolders = 2
	// startWait is how long a process may take until it says that it is ready: a
	// loaded machine with two cores starts one within two seconds.
	startWait = 30 * time.Second
	// commandWait bounds one call of a command that ends by itself.
	commandWait = time.Minute
	// stepWait bounds everything else that is waited for. It is far beyond every
	// interval of the policies here, so that only what never comes fails.
	stepWait = 90 * time.Second
	// stopWait is how long a process may take to end after SIGTERM before it is killed.
	stopWait = 10 * time.Second
	// pollEvery is the pause between two looks at another process.
	pollEvery = 20 * time.Millisecond
	// maxLine bounds one line of a process: a guard's longest is an event of some kilobytes.
	maxLine = 1 << 20
	// logTail is how much of a process's log is shown when something failed.
	logTail = 4 << 10
)
