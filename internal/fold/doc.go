// Package fold is what engine and auditor share: it judges a log's entries with
// log.Ledger, maps the valid ones to events of the halt engine and of the
// blacklist, and keeps one chain of decisions for each engine. It is pure: no
// clock, no I/O.
//
// Invariants:
//
//   - E1: what an engine would log (Chain.Propose) and what a reader expects it
//     to have logged (Machine.Apply) is computed by the same code from the same
//     entries, so that both are the same bytes, or the entry is a mismatch.
//   - E2: a proposed as_of is never below the chain's last one, nor below the
//     smallest quorum time of the last valid anchor in its range less the skew.
//   - E3: every gap between consecutive as_of of a chain is handed out with its
//     decision.
//   - E6: the first valid halt of a run in log order ends it in all chains.
//   - An engine's own decisions are no events of its chain; what stands at or
//     after a decision's To belongs to the next range.
//
// Memory is flat in the log's length: events are kept until every chain has
// decided on them, and a chain that stays behind by maxBacklog events lapses.
package fold
