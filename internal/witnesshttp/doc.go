// Package witnesshttp serves a witness over HTTP: tlog-witness's
// add-checkpoint and its monitoring route, the evidence that the witness
// holds, its counters, and the forwarding of votes.
//
//  1. Every body is bounded before it is read, and every connection has
//     deadlines; nothing is refused for coming often (no 429), because twenty
//     busy logs look just like that.
//  2. What is forwarded is neither read nor kept, and no address of whoever
//     sent it appears in a log line, a counter or the forwarded request.
package witnesshttp
