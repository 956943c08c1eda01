package projection

import (
	"strconv"
	"testing"
)

// FuzzCursor: a cursor has one spelling.
func FuzzCursor(f *testing.F) {
	for _, s := range []string{"0", "17", "007", "-1", "+1", "9223372036854775807", "9223372036854775808", "1 ", "0x1", "1_0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := parseCursor(s); err == nil && strconv.FormatUint(n, 10) != s {
			t.Errorf("%q is printed %d", s, n)
		}
	})
}
