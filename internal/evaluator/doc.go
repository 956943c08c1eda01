// Package evaluator owns the evaluator as a process of its own: it holds one
// holder's shares of the label key and of the escrow key, answers the evaluate
// route with the first, and opens artefacts with the second.
//
// It stands outside the operator's boundary. It follows the log itself, by its
// tiles and witnessed checkpoints, and folds it as everybody does; nothing that
// the operator says counts beside that.
//
// Invariants:
//
//   - EV1: an artefact is partially opened only if a valid halt of its run stands
//     under a witnessed checkpoint, and the artefact is the newest that was
//     completed before that halt. What is opened is what the log holds, never
//     what a request brings.
//   - EV2: no share leaves the process: answers are elements with proofs.
//   - EV3: nothing counts of what was folded until its root stands under a
//     checkpoint with its quorum; two witnessed roots of one size end the process.
//   - EV4: each answer is signed, over request and response, by the holder's key
//     that the log names, so that a wrong one is shown to anybody; by a share that is
//     not of the set in force nothing is answered.
package evaluator
