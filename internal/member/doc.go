// Package member owns what a member of a consensus group does: checking in on time
// (the beeper), and the live vote.
//
// Invariants:
//
//   - MB1: a check-in names only an anchor that was verified (S4), and never a
//     sequence number twice: the number is durable before it is used.
//   - MB2: the beeper checks in early enough that the decision which folds the
//     check-in has an as_of before the due time: by max_gap, and a second.
//   - MB3: the beeper stops only when the run has ended or its context has; every
//     other trouble is reported and tried again.
//   - MB4: nothing in a vote but the ring signature depends on who votes: the
//     expiry is rounded, the nonce is the system's randomness, every length is the
//     group's.
package member
