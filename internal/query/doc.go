// Package query owns how evaluators are asked for the labels of fingerprints: any
// number of them in bounded memory, one evaluator or several that share a key, and
// a cache of labels on one's own disk.
//
// Invariants:
//
//   - QU1: no label is given that did not come of answers proven under the set that
//     the log names, or out of the cache that this machine's own secret seals.
//   - QU2: labels come in the order of the fingerprints, one for each; at the first
//     error there are no more.
//   - QU3: no more than Parallel batches are in memory, however many fingerprints
//     there are.
//   - QU4: an evaluator that is down, slow or lying costs an answer only where fewer
//     than t others are left; a lie is handed out with what proves it, and who lied
//     is not asked again.
//   - QU5: what leaves the machine is blinded afresh for each batch, the same for
//     each evaluator.
package query
