// Package admission owns the way of a statement into the log: strict parse,
// duplicate, the courtesy judgement with its signatures, the lane, the append.
// It judges nothing for good; the fold does (S3).
//
// What holds:
//
//   - S2: a statement sent again returns the first index, also while the first
//     is under way, after a restart, and after its key's revocation.
//   - L5: two lanes with their own queues, workers and room in the log. Live
//     votes are refused cheaply first, then verified by workers of their own,
//     with a budget for each run, in random order. Within a lane each key has
//     its own bound, charged only for what its key really signed.
//   - L7: the bulk lane stops while publication lags by more than a stated
//     bound; the fast lane does not.
//   - Nothing refused enters the log.
//
// It is given statements, and no addresses of who sent them.
package admission
