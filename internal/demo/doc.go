// Package demo owns the session that the README prints: it makes keys, starts
// the real binaries as separate processes, lets a run train under guard, ends it
// in one of several ways, and says what it saw and whether that is what had to
// come. It also owns what no product has: the program that is trained, a monitor
// that beats, and an operator who lies.
//
// Invariants:
//
//   - D1: nothing is simulated. Every party is a process of its own, built from
//     this module, that learns of the others by its command line, its files and
//     the network; scenarios differ in signed policies and in what is done to
//     processes from outside, never in a code path of the product.
//   - D2: it ends exactly the processes that it started, by their ids, and takes
//     away exactly what it made: folders, cgroups, network namespaces.
//   - D3: an expectation that does not hold is a problem in the document, and the
//     demo ends red. What it prints is what it saw, with times.
//   - D4: a plant is made outside the product, with the keys that the demo made:
//     a log that its operator, engine and witnesses forged together is served
//     read-only, and the real auditor judges it.
package demo
