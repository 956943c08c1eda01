package log

import (
	"errors"
	"fmt"
)

// Sentinels. A caller chooses its answer by them.
var (
	// ErrSyntax is malformed, oversized, non-canonical or out-of-bounds input.
	ErrSyntax = errors.New("malformed statement")
	// ErrVoid is a statement that changes nothing at its index (S3).
	ErrVoid = errors.New("void")
	// ErrStale is a statement that names too old an anchor (S4). It is void,
	// and takes its replay key all the same.
	ErrStale = errors.New("stale")
	// ErrRefusedKind is a kind that this version refuses by name.
	ErrRefusedKind = errors.New("kind is not served by this version")
)

// SyntaxError says where input departs from the one encoding or its bounds.
type SyntaxError struct {
	Place  string // "envelope byte 17", "payload byte 5", or a field: "keys[2].spki"
	Reason string // what is wrong there
	Err    error  // a cause, or nil
}

func (e *SyntaxError) Error() string {
	if e.Place == "" {
		return e.Reason
	}
	return e.Place + ": " + e.Reason
}

// Unwrap makes every syntax error an [ErrSyntax], and its cause too.
func (e *SyntaxError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrSyntax}
	}
	return []error{ErrSyntax, e.Err}
}

// Class says which of a caller's rights or assumptions a void statement hurts.
type Class string

const (
	Forbidden Class = "forbidden" // the key is unknown, revoked, or of another role
	Conflict  Class = "conflict"  // state or replay key stand against it
	Unknown   Class = "unknown"   // it names something that the log does not hold
	Stale     Class = "stale"     // it names too old an anchor
)

// VoidError says why a statement is void at its index.
type VoidError struct {
	Class  Class
	Reason string
}

func (e *VoidError) Error() string { return "void: " + e.Reason }

// Unwrap makes every void error an [ErrVoid], and a stale one an [ErrStale].
func (e *VoidError) Unwrap() []error {
	if e.Class == Stale {
		return []error{ErrVoid, ErrStale}
	}
	return []error{ErrVoid}
}

func void(c Class, reason string) error { return &VoidError{Class: c, Reason: reason} }

func voidf(c Class, format string, args ...any) error {
	return void(c, fmt.Sprintf(format, args...))
}
