// Package officer owns what officers do offline, each on a machine of their own:
// files that travel between them (sign requests, signatures, grants, enrolments),
// the drafting and linting of policy documents, and the putting together of a
// threshold's signatures. It opens no file and no connection.
//
// Invariants:
//
//   - OF1: what is signed is the request's payload, printed again from what was
//     understood of it; a request that does not parse is not signed.
//   - OF2: a signature file is bound to one request and one officer, and is verified
//     before it is combined; a statement is put together from exactly the threshold.
//   - OF3: a grant or an enrolment is taken into a draft only if its possession
//     proofs verify for this log.
//   - OF4: every file has one format line, is bounded, and an unknown field is an
//     error: a misspelled wish is never dropped in silence.
package officer
