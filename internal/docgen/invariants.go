package main

// invariant is a promise that the parts keep to one another, cited by number in comments, panics, metrics and tests.
type invariant struct {
	Number string
	Title  string
	Says   string
}

func invariants() []invariant {
	return []invariant{
		{"S1", "One encoding", "A statement has one sequence of bytes; the parser refuses what the formatter would not print."},
		{"S2", "Idempotent", "A statement sent again returns its first index and verdict, also after a restart, also after its key's revocation; a second value for a replay key is refused or void."},
		{"S3", "The fold judges", "Signatures, authority, run state and replay keys are decided at the entry's own index, from log order and anchor times alone; what is not valid there is void and changes nothing."},
		{"S4", "Fresh", "Check-ins, heartbeats, readings and lease requests name the newest anchor their signer verified; too old a one is stale."},
		{"L1", "Acknowledged is durable", "An index is returned only when the entry survives a crash of process and machine."},
		{"L2", "Append-only by construction", "The store refuses updates and deletes of entries and full tiles."},
		{"L3", "No split view", "A checkpoint is published only with its quorum of cosignatures; witnessing never fails open."},
		{"L4", "Receipts", "A receipt is a C2SP tlog-proof, verifiable offline against a tlog-policy file alone."},
		{"L5", "Halts overtake", "What stops a run has a lane of its own, each key with its bound; a flood of anything else delays no stop."},
		{"L6", "No rollback", "Engine and guard persist before acting; what was persisted is submitted first after a restart; a store shorter or different is refused."},
		{"L7", "Bounded lag", "While checkpoints are not published, admission of bulk stops at a stated lag."},
		{"L8", "A frozen log says so", "A signed, witnessed statement names the successor."},
		{"W1", "Persist before signing", "A witness stores a checkpoint by compare-and-swap before it signs it."},
		{"W2", "Re-encode", "A witness signs a re-encoding of what it understood."},
		{"W3", "One root a size", "A witness never signs two roots for one size; the attempt is kept and served as evidence."},
		{"E1", "Replay", "Time exists only as `as_of` in logged decisions; who folds the same entries gets the same bytes."},
		{"E2", "Clock", "`as_of` never goes back and is held by witnessed times from below and above."},
		{"E3", "No silence", "Consecutive `as_of` are at most max_gap apart; a longer gap is an outage, ends runs, or is a finding."},
		{"E4", "Policy", "Tightening is in force at its own index, loosening after its delay in witnessed time; numbers never go back; none valid: halt."},
		{"E5", "A halt is final", "After it only actuation, fingerprints, contest, strike and confirming halts are valid; a listed manifest cannot be registered."},
		{"E6", "One halt", "The first valid halt in log order ends the run at that index for all chains, with all causes in canonical order."},
		{"E7", "Semantics have a number", "An unknown number halts the engine and makes an auditor say cannot judge, never clean."},
		{"E8", "Armed", "A run is armed from the decision that folds it; due times start there, and earlier ones are judged by the earlier value."},
		{"G1", "Deadline", "A lease counts from its request's send time on the boot-time clock; a changed boot id or a clock jump ends it."},
		{"G2", "At once", "Any engine's halt, or a live vote the guard verifies itself, stops the run at once."},
		{"G3", "No second life", "No engine grants after a halt; older sequence numbers are refused, also after the guard's restart."},
		{"G4", "Evidence", "Halted is reported only with evidence of death; otherwise unconfirmed, and the next actuator acts."},
		{"G5", "The guard guards itself", "Keeper and reaper each kill the cgroup when the other dies or misses its beat; the child cannot reach either."},
	}
}
