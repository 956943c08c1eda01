// Package checkpoint owns the text formats of transparency logs and the
// checks over them: signed notes, checkpoints, cosignatures, verifier keys,
// tlog-proofs, tlog-policies and the RFC 6962 tree. One file holds one C2SP
// document. Everything here is a pure function of its arguments: no clock, no
// I/O, and randomness only where a key is made or an ML-DSA signature hedged.
//
// What holds of every file:
//
//  1. A parser refuses whatever its formatter would not print, so that a text
//     that was accepted has one encoding only, and can be compared as bytes.
//  2. A line whose key name and ID are known and whose signature does not
//     verify makes the whole note malformed; a line of an unknown key is
//     ignored (signed-note).
//  3. A quorum is never satisfied by nothing unless the policy says
//     "quorum none" in so many words (L3, tlog-policy).
//  4. No input is read without a bound; the bounds are in limits.go.
//
// Sources: c2sp.org/signed-note@v1.0.0, /tlog-checkpoint@v1.0.0,
// /tlog-cosignature@v1.1.0-rc.1, /tlog-proof and /tlog-policy (drafts),
// RFC 6962 section 2.1.
package checkpoint
