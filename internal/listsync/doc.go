// Package listsync owns a lab's local copy of the blacklist: a folder that is
// brought to the newest witnessed epoch from any number of mirrors, none of which
// is believed.
//
// Invariants:
//
//   - LS1: whoever opens the folder gets a list whose every byte follows from one
//     witnessed epoch, also while it is being synchronised, and after a crash at any
//     byte: the old one or the new one.
//   - LS2: a good list is replaced only by a newer one that was verified: quorum,
//     consistency with what was seen before, inclusion, the engine's signature, the
//     state document's hash, and each part's.
//   - LS3: a source that serves an older or another list than the witnessed one is
//     named, and what it served is kept.
//
// While it is synchronised, memory follows the labels that are held and the largest
// part, not the whole of what is fetched.
//
// The folder holds head.json, written last and as a whole; objects by their
// SHA-256; trust.json, what was seen of the log before; partial, downloads that are
// not complete; evidence, what sources are blamed for.
package listsync
