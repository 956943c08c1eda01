// Package labcheck owns how a lab asks whether a model is listed: it has the
// model's fingerprints evaluated without showing them, fetches the whole list, and
// looks on its own machine.
//
// Invariants:
//
//   - LC1: the evaluator's key comes from the log (genesis and the officers'
//     statements after it), never from who answers, and every answer's proof is
//     checked under it.
//   - LC2: a list counts only if it is the one that an epoch commits to, signed by
//     an engine of the log and standing under a witnessed checkpoint.
//   - LC3: all parts of the list are fetched, whatever the model holds: what is
//     fetched tells nothing of it. Only of a hit, its halt is asked for by label.
//   - LC4: what speaks for a model is believed with its proof alone: without the
//     officers' signatures a listed label is not struck, whatever the server says.
//   - LC5: there is no partial answer.
//   - LC6: of a lookup list, no hit is reported that was not proven under the epoch
//     that the list is of. What is asked for shows the label's bucket or part alone.
package labcheck
