// Package blacklist owns what is said about halted models: labels, the parts
// that they are published in, the proofs over a part, the state that the log's
// entries fold into, the answer that a lab gets, and the sealing of a run's
// labels to the escrow while it lives. It is pure: no clock, no I/O, no log.
// What it is told has been verified by its caller, but for what it can check
// itself: that published labels are those of the escrowed root.
//
// Invariants:
//
//   - B1: a list is one byte string. The same labels give the same full list,
//     scalars, root and epoch, in whatever order they came; a parser refuses
//     what the formatter would not print.
//   - B2: for each label and root exactly one of membership and absence can be
//     proven.
//   - B3: a published label counts only under the root that its run escrowed,
//     and every number below the root's count is published or excluded with a
//     reason.
//   - B4: nothing is removed. Strike, contest and allow-list change what a
//     label answers, never whether it is in the list.
//   - B5: sealed labels open only with the escrow's key and under the origin,
//     run, number and root that they were sealed for; what opens hashes to that
//     root.
//   - B6: an epoch names the parts that changed since the last one, and no other;
//     with the epochs before it gives every part, which its state document says
//     too. What it costs is what changed.
//   - B7: a rotation adds names and removes none: under every key version a label
//     answers for all that was listed or said of it under any. The order in which
//     labels are rotated only grows.
package blacklist
