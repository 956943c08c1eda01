package officer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// ErrFile is a file that is not what it has to be.
var ErrFile = errors.New("not a usable file")

// Formats of the files that travel.
const (
	formatRequest   = "haltlog/sign-request/v1"
	formatSignature = "haltlog/signature/v1"
	formatGrant     = "haltlog/grant/v1"
	formatEnrolment = "haltlog/enrolment/v1"
)

// decode reads one JSON document with no unknown field and nothing after it (OF4).
func decode(raw []byte, format string, into any) error {
	if len(raw) > MaxFile {
		return fmt.Errorf("%w: longer than %d bytes", ErrFile, MaxFile)
	}
	var head struct {
		Format string `json:"format"`
	}
	if err := json.Unmarshal(raw, &head); err != nil || head.Format != format {
		return fmt.Errorf("%w: want a %s", ErrFile, format)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrFile, format, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("%w: %s: trailing data", ErrFile, format)
	}
	return nil
}

// encode prints a file for people to look at.
func encode(v any) []byte {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic("officer: a struct of strings and bytes: " + err.Error())
	}
	return append(b, '\n')
}
