// Package policy is the pure halt engine: policy documents and which of them
// is in force, the state of armed runs, the tripwires, and the verdicts that a
// logged decision holds. It reads no clock, no file and no signature; every
// value is an argument, every result a value, and a State may be kept, copied
// and folded on from any point.
//
// A range of entries is one instant. Fold queues an event, Decide gives every
// queued event the decision's as_of, in five steps whose order is part of
// semantics number 1:
//
//  1. check-ins that fell due before as_of without having been folded are
//     counted as missed, under the values in force before the range;
//  2. the range's evidence is folded (runs, check-ins, votes, heartbeats,
//     artefacts, anchors, other chains' decisions, halts, closes);
//  3. runs whose rules change in the range are judged by the old ones;
//  4. policies and groups of the range take force;
//  5. every run is judged by what is in force now.
//
// Something is overdue when as_of is later than its due time, not at it.
//
// Invariants:
//
//   - E1: time exists only as the as_of handed to Decide; equal events in equal
//     ranges at equal as_of give equal outcomes, and nothing else enters.
//   - E2: as_of never goes back; an earlier one is taken as the last one.
//   - E3: a gap longer than lease and grace ends every run that was armed, even
//     where evidence of life lies in the very range that follows the gap.
//   - E4: Book holds when a policy takes force: a tightening at its own index,
//     superseding what is pending; a loosening after its delay, by anchors.
//   - E5: a run that was halted or closed is gone from the state; nothing
//     brings it back.
//   - E6: a halt names every tripwire that is true, in canonical order; another
//     chain's halt ends the run here without a verdict.
//   - E7: a document names its semantics; an unknown number halts its runs and
//     is a *SemanticsError to whoever has to judge.
//   - E8: a run is armed from the decision that folds it; every window starts at
//     the latest of that as_of and the one at which the present values of its
//     fields took force, and is one full window long; what fell due earlier is
//     judged by the earlier value and misses that were counted stay.
package policy
