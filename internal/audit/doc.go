// Package audit owns what a stranger runs against a log: it recomputes every
// leaf and root, judges every entry at its index, replays every decision byte
// for byte, and says what does not hold.
//
// The core, [Auditor], is pure: entries and checkpoints go in, findings come
// out, and the reader's time is an argument. [Run] is its edge: it reads a log
// over ports, resumes from a state, compares witnesses' views, and attaches the
// evidence. [Verify] proves a finding again, offline.
//
// Invariants:
//
//   - E1: decisions are judged by internal/fold's Machine alone, the code by
//     which engines decide.
//   - E7: what cannot be judged is never reported as clean.
//   - Nothing is said of entries that are not under a signed root: if the tree
//     does not hold, that is the finding, and the entries are not judged.
//   - A finding is a value that carries the bytes which prove it; what only a
//     replay can show says so ([Check.Offline]).
//   - Memory is flat in the log's length: it grows with keys, groups, runs and
//     with what is found, each of which has its bound.
package audit
