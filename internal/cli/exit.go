package cli

import (
	"errors"
	"fmt"
)

// Exit codes.
const (
	OK    = 0
	Error = 1
	Usage = 2 // the command line, or the configuration, does not say what it has to
	No    = 3 // the answer is no: listed, unverifiable, halted
	Look  = 4 // a person should look
)

// coded is an error with an exit code.
type coded struct {
	code int
	err  error
}

func (e *coded) Error() string { return e.err.Error() }
func (e *coded) Unwrap() error { return e.err }

// Exit gives an error the exit code that its program ends with. Of several in
// one chain the outermost holds.
func Exit(code int, err error) error { return &coded{code, err} }

// Exitf is Exit with fmt.Errorf.
func Exitf(code int, format string, args ...any) error {
	return &coded{code, fmt.Errorf(format, args...)}
}

func codeOf(err error) (int, bool) {
	if c, ok := errors.AsType[*coded](err); ok {
		return c.code, true
	}
	return Error, false
}
