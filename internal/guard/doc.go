// Package guard keeps one run on short leases and stops it, with evidence, when they end.
//
// It owns the two guarding processes (keeper and reaper), the confinement of the guarded command, the lease state
// machine, the actuators and the durable spool of receipts. It speaks to engines and to the log through ports only.
//
// Invariants (numbers as in the design):
//
//   - G1: a lease's deadline is the send time of its request on the boot-time clock plus its duration. A changed boot
//     id, or wall and boot clock drifting apart by more than the skew, ends it. Fewer than k live leases end the run.
//   - G2: any engine's verified halt, or a verified live vote, stops the run at once.
//   - G3: sequence numbers only rise, are durable before they are sent, and survive the guard. A learned halt is
//     written down and binds every later guard of the run.
//   - G4: "halted" is reported only when the root's pidfd has exited and `populated 0` was read after the kill, or,
//     without a cgroup, when the pidfd of the PID namespace's init has exited. Anything else is unconfirmed and the
//     next actuator acts. Receipts stay in a durable spool until the log takes them.
//   - G5: keeper and reaper both hold the cgroup; each kills it when the other dies or misses its beat. The command
//     has a PID namespace and a uid (or user namespace) of its own, no way to the cgroup tree and no ptrace.
//
// The processes:
//
//	keeper ──beats, deadline──► reaper          (one SEQPACKET socket pair, both ways)
//	   │ clone3 into the cgroup, new PID, mount and IPC namespace
//	   ▼
//	init (pid 1 of the namespace, gated) ──► command (own uid, no capabilities, no new privileges)
//
// The reaper also learns the lease's deadline with each beat and enforces it by itself.
package guard
