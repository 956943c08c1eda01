// Package spread owns a small internet for measurements: regions are network
// namespaces, and between them lies a relay of IP packets of our own that delays
// and loses them, so that TCP meets a real loss and answers it itself.
//
// What is modelled: one-way delay with uniform jitter, independent loss, and a
// bounded queue, for each direction of each pair of regions. What is not:
// bandwidth, loss in bursts, reordering, duplication and corruption. Inside a
// region there is neither delay nor loss.
//
// Invariants:
//
//   - SP1: a packet arrives no earlier than its link's delay, and is planned for no
//     later than delay and jitter together, unless it waits for the one before it.
//   - SP2: packets of a link arrive in the order in which they were sent, unaltered.
//   - SP3: what is lost is drawn from the seed alone, by the packet's number on its
//     link; a full queue drops, and is counted apart.
//   - SP4: closing removes every namespace and device that was made, by its name,
//     also after a failure half way, and kills what still runs in them.
package spread
