// Package mirror owns a copy of a log and its blacklist as plain files, at the
// daemon's own relative paths, so that any web server over the folder is a mirror.
//
// Invariants:
//
//   - MI1: nothing is written before it was verified: tiles and entries against the
//     root of a checkpoint with its quorum, that checkpoint against every earlier
//     one, objects against the hashes of an epoch whose entry is included.
//   - MI2: at every instant, also after a crash, the folder is a correct mirror of
//     one size: a file names only what is there already (tiles and entries, objects,
//     then the checkpoint, then the heads), and each comes by a rename.
//   - MI3: what is published never goes back to an older checkpoint or head.
//
// Memory follows one bundle of entries and one list of a part, not the log.
//
// The folder .mirror holds what is the mirror's own: what it has seen, downloads that
// are not complete. Nobody needs it to read the mirror.
package mirror
