// Package clearance proves in zero knowledge that a committed label is not on a
// list: Bayer and Groth, "Zero-Knowledge Argument for Polynomial Evaluation with
// Application to Blacklists", EUROCRYPT 2013. For u committed to in C_0 and the
// public P(X) = ∏(X − u_i) of a part of the list it shows P(u) ≠ 0. The proof is
// logarithmic in the list and rests on discrete logarithms in ristretto255, and
// on the challenge's hash, alone.
//
// What it proves is that *the committed label* is absent. That the commitment
// belongs to a model is checked where it is opened.
//
// Invariants:
//
//   - BG1: whoever proves a root of the list fails, however he goes about it;
//     every equation and every input of the challenge is needed for that.
//   - BG2: the list, its polynomial and d come from the verifier's own copy at a
//     witnessed root, never from the prover.
//   - BG3: a proof has one encoding: identity, non-canonical encodings and any
//     other length are refused.
//   - BG4: what touches u, r_0 or a blind takes a time that depends on none of
//     them.
package clearance
