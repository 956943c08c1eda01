// Package tesseralog owns the log's own tree: the one writer over Tessera's
// POSIX driver, the publisher that asks the witnesses, and the reads that the
// engine, the receipts and the tlog-tiles routes are made of. It is the one
// importer of Tessera.
//
// Tessera keeps the tree and signs checkpoints of its own with a throw-away
// key that nobody is shown; what is published is signed here, over the
// integrated tree, as soon as it grew.
//
// What holds:
//
//   - L1: Append returns an index only when the entry, the tiles over it and
//     the tree's state are on disk, directories included, and were read back.
//   - L2: no code path changes or deletes an entry or a full tile. The whole
//     right edge is held in memory; before each batch the store must still be
//     what was left, and after it what was computed here. All hash tiles are
//     verified at start, each entry whenever it is read.
//   - L3: a checkpoint is published only with its quorum of cosignatures;
//     below it the published one stays, and its age is shown.
//   - L4: a receipt is a tlog-proof, verified before it is given out.
//   - L6: the last published checkpoint is kept by compare-and-swap; a store
//     that is shorter, or different at that size, is refused at start.
//   - L7: the lag of publication is shown to whoever admits entries.
//   - E2: a cosignature further than the skew from the log's own clock does
//     not count.
//
// Two processes never write one folder: a lock is held while it is open.
//
// The layout of the folder: tree/ is Tessera's (its checkpoint file is signed
// by the throw-away key), published/checkpoint is the published note, lock
// excludes a second process.
package tesseralog
