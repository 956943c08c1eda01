// Package guardian ties a run's guard (package guard) to a log and its engines: it is the guard's ports. It fetches over
// package client, and trusts nothing of what it fetched before it has held it against the pinned genesis and the
// quorum's text, which are all that it starts from.
//
// It owns how a guard comes to know keys, run, group, policy and anchors; the checks of leases, halts and votes; the
// guard's own statements and their delivery; the escrow of fingerprints; the streams by which halts arrive, and the
// guard's own address for votes.
//
// Invariants (numbers as in the design):
//
//   - G1: a lease passes only with the signature of an engine that officers granted, a checkpoint of this log with its
//     quorum, and a proof that it extends the last one seen; its times are package guard's to judge.
//   - G2: a halt signed by any such engine, or a live vote of the run's group that this package verified itself, is
//     handed to the guard at once, by whichever way it came: lease answer, stream, or the guard's own address.
//   - G4: a receipt says "observed dead" only where the guard's evidence is confirmed.
//   - L3: two roots for one size, wherever they were seen, are an error and never resolved by choosing.
//   - S4: every statement names the newest anchor that was verified here: its checkpoint by the quorum, its entry by a
//     tlog-proof.
//
// What a server may still do is withhold: an authority statement that it hides is not known here. Engines are therefore
// named by the operator and granted by officers, both, and an added key is of no use to anybody whom the operator did
// not name.
package guardian
