package log

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"time"
)

// Hash is 32 bytes; in JSON padded standard base64.
type Hash [sha256.Size]byte

// String is the JSON form.
func (h Hash) String() string { return base64.StdEncoding.EncodeToString(h[:]) }

// Hex is lower-case hexadecimal, as used in key IDs and --genesis.
func (h Hash) Hex() string { return hex.EncodeToString(h[:]) }

// MarshalText is the JSON form, for documents that are no statements.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads the JSON form.
func (h *Hash) UnmarshalText(b []byte) error {
	x, err := ParseHash(string(b))
	if err != nil {
		return err
	}
	*h = x
	return nil
}

// ParseHash reads padded standard base64 of 32 bytes. The error is a
// [*SyntaxError].
func ParseHash(s string) (Hash, error) {
	b, ok := decodeBase64(s)
	if !ok || len(b) != len(Hash{}) {
		return Hash{}, &SyntaxError{Reason: "hash: base64 of 32 bytes"}
	}
	return Hash(b), nil
}

// ParseHex reads 64 lower-case hexadecimal digits. The error is a
// [*SyntaxError].
func ParseHex(s string) (Hash, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(Hash{}) || hex.EncodeToString(b) != s {
		return Hash{}, &SyntaxError{Reason: "hash: 64 lower-case hexadecimal digits"}
	}
	return Hash(b), nil
}

// Bytes are arbitrary bytes; in JSON padded standard base64, never null.
type Bytes []byte

// String is the JSON form.
func (b Bytes) String() string { return base64.StdEncoding.EncodeToString(b) }

// decodeBase64 accepts exactly what the encoder prints.
func decodeBase64(s string) ([]byte, bool) {
	// The decoder skips line ends, which no encoder here prints.
	for i := range len(s) {
		if s[i] == '\n' || s[i] == '\r' {
			return nil, false
		}
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	return b, err == nil
}

// Time is an instant in milliseconds since 1970-01-01T00:00:00Z, 0 to
// [MaxTime]; in JSON RFC 3339 in UTC with exactly three decimals.
type Time int64

const timeForm = "2006-01-02T15:04:05.000Z"

// TimeOf rounds down to the millisecond.
func TimeOf(t time.Time) Time { return Time(t.UnixMilli()) }

// Time is the same instant in UTC.
func (t Time) Time() time.Time { return time.UnixMilli(int64(t)).UTC() }

// String is the JSON form.
func (t Time) String() string { return t.Time().Format(timeForm) }

// Add moves by milliseconds.
func (t Time) Add(ms int64) Time { return t + Time(ms) }

// MarshalText is the JSON form, for documents that are no statements.
func (t Time) MarshalText() ([]byte, error) {
	if t < 0 || t > MaxTime {
		return nil, fmt.Errorf("time out of range: %w", ErrSyntax)
	}
	return []byte(t.String()), nil
}

// UnmarshalText reads the JSON form.
func (t *Time) UnmarshalText(b []byte) error {
	x, err := ParseTime(string(b))
	if err != nil {
		return err
	}
	*t = x
	return nil
}

// ParseTime reads exactly what [Time.String] prints. The error is a
// [*SyntaxError].
func ParseTime(s string) (Time, error) {
	x, err := time.Parse(timeForm, s)
	if err == nil {
		if t := TimeOf(x); t >= 0 && t <= MaxTime && t.String() == s {
			return t, nil
		}
	}
	return 0, &SyntaxError{Reason: "time: RFC 3339 in UTC with three decimals, from 1970"}
}

// RawObject is a JSON object in canonical form whose meaning lies elsewhere.
type RawObject []byte

// MarshalJSON is the object itself.
func (r RawObject) MarshalJSON() ([]byte, error) {
	if len(r) == 0 {
		return []byte("null"), nil
	}
	return r, nil
}

// UnmarshalJSON keeps a copy.
func (r *RawObject) UnmarshalJSON(b []byte) error {
	*r = slices.Clone(b)
	return nil
}

// integer is an integer member of the object, or ok false.
func (r RawObject) integer(name string) (int64, bool) {
	n, err := readTree(r)
	if err != nil || n.kind != objectNode {
		return 0, false
	}
	v, ok := n.member(name)
	return v.num, ok && v.kind == numberNode
}
