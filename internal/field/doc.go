// Package field is arithmetic modulo ℓ = 2^252 + 27742317777372353535851937790883648493,
// the order of ristretto255, for work over whole lists: products in a third of the
// time that the group library's scalars take. Four 64-bit limbs in Montgomery
// form (Montgomery 1985; Koç, Acar and Kaliski 1996).
//
// Invariants:
//
//   - FD1: every operation takes a time that depends on no value; InverseAll's
//     depends on the number of elements alone.
//   - FD2: an element is always below ℓ: each has one representation, so that ==
//     compares values.
//   - FD3: only canonical encodings are read.
package field
