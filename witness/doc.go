// Package witness owns the state machine of a C2SP transparency log witness
// (c2sp.org/tlog-witness): it decides which checkpoint is cosigned, and keeps
// what it must remember through the [Store] port. It serves any tlog. It reads
// no clock, opens no file and speaks no HTTP.
//
// Invariants:
//
//   - W1: a checkpoint is persisted before anything signs it, by
//     compare-and-swap against the checkpoint that its proof was verified from.
//   - W2: what is signed is a re-encoding of what was understood, never the
//     client's bytes.
//   - W3: no two roots are cosigned for one size of one origin. An attempt that
//     the log's own key signed is kept, and served as evidence that a stranger
//     can check offline.
//
// They hold for as long as the store keeps what it acknowledged: a store that
// was put back to an older copy has forgotten roots, and its witness must not
// sign until its owner has brought it forward (see cmd/haltwitness).
package witness
