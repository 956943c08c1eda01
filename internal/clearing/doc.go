// Package clearing owns the document by which a lab shows a stranger that what it
// holds is not on the blacklist: how it is asked for, made, extended, verified, and
// opened at an audit. The proofs themselves are blacklist/clearance's.
//
// Invariants:
//
//   - CL1: a document has one encoding; a parser refuses what the formatter would
//     not print.
//   - CL2: what is verified follows from the pinned genesis, a quorum of witnesses
//     and the witnessed lists alone. The document brings evidence, and never a list,
//     a polynomial or a key that is believed for its sake.
//   - CL3: each fingerprint is proven against every part that its label may lie in,
//     under every key version that anything of its kind is listed under, or the
//     document says for all to see that it is not.
//   - CL4: no secret is in the document: fingerprints, blinds and labels are in the
//     opening, which goes to a file of its own. Two documents of one model share no
//     value that two of different models do not, unless it was asked for.
//   - CL5: an extension holds for the labels that the older document committed to,
//     and both together for the whole newer list.
package clearing
