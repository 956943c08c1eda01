// Command printreport measures what the sketches of
// [github.com/haltlog/haltlog/blacklist/fingerprint] are worth: it makes models,
// disguises each in every way that is listed, writes and scans the files, and
// counts what is found again.
//
//	go run ./internal/printreport -out docs
//
// writes docs/fingerprints.md and its pictures. Equal code and seeds give equal
// pages: no figure in them depends on the machine or the time.
package main
