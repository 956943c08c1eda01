package fold

// maxBacklog is how many events wait for a chain at most. An engine that has
// not decided for so long is gone; its chain starts over from the present
// state, so that one dead engine does not make every reader's memory grow with
// the log. At a thousand check-ins a minute it is eleven hours, and every run
// whose only engine was away so long has ended by its lease.
const maxBacklog = 1 << 20
