// Package projection owns the index that answers queries: entries by run, kind,
// log time and index, and the first index of each identity. It decides nothing
// and is no evidence; everything in it follows from the log, and it can be
// dropped and built again.
//
// What holds:
//
//   - S2: an identity leads to the first index that took it, also after a
//     restart.
//   - It says to which size it is built, and answers for exactly that much of
//     the log. What a crash takes from it is applied again.
//   - A cursor names an index, so entries that come later never shift a page.
package projection
