package witness

import (
	"errors"
	"fmt"
)

// The answers of tlog-witness other than a cosignature. Which status each has
// is told beside it.
var (
	// ErrMalformed is 400: the request is not what the document describes, or
	// its old size is beyond the checkpoint's size.
	ErrMalformed = errors.New("malformed request")
	// ErrUnknownLog is 404: nobody configured this origin.
	ErrUnknownLog = errors.New("unknown log")
	// ErrForbidden is 403: no line of a trusted key of the origin, or one that
	// does not verify.
	ErrForbidden = errors.New("no valid signature of a trusted key")
	// ErrInconsistent is 422: the proof does not verify, is not empty where it
	// must be, or the roots of one size differ.
	ErrInconsistent = errors.New("not consistent with the checkpoint last cosigned")
	// ErrStore is 503: the store failed, and whether it kept the checkpoint is
	// unknown. Nothing was signed. Asked again, the witness goes by what the
	// store then says.
	ErrStore = errors.New("store")
	// ErrNeverCosigned is 404 of the monitoring side.
	ErrNeverCosigned = errors.New("never cosigned")
)

// A ConflictError is 409: the request's old size is not the size last cosigned.
type ConflictError struct {
	Size uint64 // size last cosigned for the origin, 0 if none
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("the size last cosigned is %d", e.Size)
}
