package admission

import (
	"errors"
	"time"

	"github.com/haltlog/haltlog/log"
)

// The families of refusal. Every error of Submit is a [*Refusal] of one of
// them, or the caller's own context.
var (
	ErrMalformed   = errors.New("malformed")     // 400
	ErrForbidden   = errors.New("forbidden")     // 403
	ErrUnknown     = errors.New("unknown")       // 404: it names what the log does not hold
	ErrConflict    = errors.New("conflict")      // 409
	ErrTooFast     = errors.New("too fast")      // 429
	ErrUnavailable = errors.New("not available") // 503
)

// A Refusal says why a statement was not taken. Nothing of it is in the log,
// unless Uncertain.
type Refusal struct {
	Kind error // one of the families
	// RetryAfter is how long to wait before the same bytes are sent again; 0
	// if they will not be taken later either.
	RetryAfter time.Duration
	// Uncertain says that the log failed while it took the statement. Sending
	// it again is safe (S2).
	Uncertain bool
	Err       error // the cause
}

func (r *Refusal) Error() string {
	if r.Err == nil {
		return r.Kind.Error()
	}
	return r.Kind.Error() + ": " + r.Err.Error()
}

// Unwrap gives the family and the cause.
func (r *Refusal) Unwrap() []error {
	if r.Err == nil {
		return []error{r.Kind}
	}
	return []error{r.Kind, r.Err}
}

func refuse(kind error, retry time.Duration, err error) error {
	return &Refusal{Kind: kind, RetryAfter: retry, Err: err}
}

// classify turns the judge's errors into refusals.
func classify(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, log.ErrSyntax) {
		return refuse(ErrMalformed, 0, err)
	}
	if v, ok := errors.AsType[*log.VoidError](err); ok {
		switch v.Class {
		case log.Forbidden:
			return refuse(ErrForbidden, 0, err)
		case log.Unknown:
			return refuse(ErrUnknown, 0, err)
		case log.Conflict, log.Stale:
			return refuse(ErrConflict, 0, err)
		}
	}
	return refuse(ErrUnavailable, retryLater, err)
}
