// Package ceremony owns what evaluators do with one another through the log: they
// deal shares of a key, complain, finish, refresh what they hold and move the list
// to the next key. The log is the broadcast channel, and its fold the judge: what
// a ceremony gave follows from its valid dealings and complaints alone, the same for
// every holder, officer and auditor.
//
// Invariants:
//
//   - CE1: a dealing counts if its public part holds and no complaint about it does.
//     Who lied of dealer and complainer is the same for all readers.
//   - CE2: a holder takes no share that does not fit the commitments which all
//     compute, and then complains.
//   - CE3: an evaluator set is installed as its ceremony gave it, or an audit says so.
package ceremony
