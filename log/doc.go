// Package log owns the statements of the public record: what each kind says,
// its one encoding, its bounds, its replay key, and the rule that makes it
// void. It judges, and does no I/O: it reads no clock and opens no file.
//
//  1. One encoding (S1): [Parse] refuses whatever [Seal] would not print; the
//     payload is canonical JSON (RFC 8785) in the subset of [Canonical].
//  2. Identity (S2) is a hash over the pre-authentication encoding and the
//     sorted key IDs, so that a signature made again is the same statement.
//  3. Validity is decided from the log's order and state before the entry's
//     own index alone (S3): every Void method is a pure function of a [View].
//  4. Freshness (S4) counts anchors, never a wall clock.
//  5. Every bound has a name in limits.go.
//
// The fixed words in front of everything that is hashed or signed stand in
// tags.go. Tree sizes count entries: a range (from, to] holds the entries with
// from <= index < to.
package log
