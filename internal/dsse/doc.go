// Package dsse owns the envelope around a statement: its one byte template,
// the pre-authentication encoding that is signed, and the rules for key IDs.
// It knows neither keys nor statements.
//
//  1. An envelope has one encoding. The parser refuses what the formatter
//     would not print, so that an envelope may be compared and hashed as bytes
//     (S1).
//  2. Signatures are sorted by key ID and no key ID stands twice (S1), so that
//     the order of collecting them makes no second envelope.
//  3. What is signed is the pre-authentication encoding, never the envelope.
//  4. No input is read past its bound; the bounds are in limits.go.
//
// Source: DSSE 1.0.2, github.com/secure-systems-lab/dsse, protocol.md and
// envelope.md; narrowed to one template.
package dsse
