// Package foldtest builds logs for tests: real keys made on the spot, real
// signatures, real cosignatures, folded by a real fold.Machine as they grow.
// A Log holds every private key that there is (officers, registrar, engines,
// guards, members and their ring secrets, monitors, actuator, evaluator, the
// log's and the witnesses' keys), so that a test can also put together what
// only all of them in collusion could, and see that it is found.
//
// Put seals and appends a statement, valid or not; Append takes raw leaves;
// the methods named after kinds make what an honest party would say next;
// Fork starts a second history with the same keys. Time is the field Now and
// moves only by hand.
package foldtest
