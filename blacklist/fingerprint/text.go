package fingerprint

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// MarshalText returns kind:hex, as [Fingerprint.String] does.
func (f Fingerprint) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads exactly what MarshalText writes.
func (f *Fingerprint) UnmarshalText(text []byte) error {
	name, value, _ := strings.Cut(string(text), ":")
	kind, err := ParseKind(name)
	if err != nil {
		return err
	}
	b, err := hex.DecodeString(value)
	if err != nil || len(b) != len(f.Value) {
		return fmt.Errorf("fingerprint of %q", value)
	}
	read := Fingerprint{kind, [32]byte(b)}
	if read.String() != string(text) {
		return fmt.Errorf("fingerprint %q is not canonical", text)
	}
	*f = read
	return nil
}
