package witness

import (
	"context"
	"errors"
)

// Store keeps a witness's memory: small values under string keys. Its contract:
//
//   - Swap is atomic and durable. When it returns nil, the value survives a
//     crash of process and machine, and every later Load returns it. W1 and W3
//     rest on this and on nothing else; the locks of this package are speed.
//   - Swap writes only if the present value is exactly old; nil stands for
//     absent. Otherwise it returns [ErrChanged] and has written nothing.
//   - Any other error of Swap leaves the outcome unknown: the value is then
//     either old or new, never anything else, and Load says which.
//   - Load returns [ErrNotFound] for a key never written. An error of Load says
//     nothing about the value.
//   - All calls may be made at the same time from many goroutines. Values are
//     not modified after they were handed over, in either direction. new is
//     never empty.
//   - The caller does not retry; an implementation may.
//
// Package storetest holds an implementation to it.
type Store interface {
	Load(ctx context.Context, key string) ([]byte, error)
	Swap(ctx context.Context, key string, old, new []byte) error
}

var (
	// ErrNotFound is a key that was never written.
	ErrNotFound = errors.New("not found")
	// ErrChanged is a compare-and-swap whose old value is not the present one.
	ErrChanged = errors.New("value changed")
)

// Keys of the store. An origin holds no line break and is at most 255 bytes.
func latestKey(origin string) string   { return "latest\n" + origin }
func evidenceKey(origin string) string { return "evidence\n" + origin }
