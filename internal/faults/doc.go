// Package faults shows what the real binaries do when processes are killed, disks
// fill, folders are read-only, and files are the wrong ones. It owns nothing: it
// holds tests alone, over programs that it builds once and starts.
//
// What must hold: nothing acknowledged is lost (L1), no other history appears
// (L3, L6), no halt that anybody was told of is forgotten (L6, E6); and a daemon
// that cannot serve says why in one clear sentence and changes nothing.
//
// HALTLOG_KILL_ROUNDS sets how often the daemon is killed; without it 50 times,
// or 3 with -short.
package faults
