package clearing

import (
	"bytes"
	"errors"
	"runtime"
	"strings"
	"testing"
)

// TestDeep: a short file that nests documents in documents is refused before it is
// printed again, which would take a gigabyte.
func TestDeep(t *testing.T) {
	t.Attr("invariant", "CL1")
	const depth = 3000
	for name, raw := range map[string]string{
		"documents": strings.Repeat(`{"older":`, depth) + "null" + strings.Repeat("}", depth),
		"lists":     strings.Repeat("[", depth) + strings.Repeat("]", depth),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Parse([]byte(raw))
		runtime.ReadMemStats(&after)
		if !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 64<<20 {
			t.Errorf("%s: %d bytes of file took %d MB of memory", name, len(raw), n>>20)
		}
	}
	// As deep as the longest chain goes, it is read: braces within text are none.
	d := &Document{Says: strings.Repeat(`{["\`, 1000)}
	for range maxChain {
		d = &Document{Older: d}
	}
	raw, err := encode(d)
	if err != nil {
		t.Fatal(err)
	}
	again := new(Document)
	if err := decode(raw, MaxDocument, again); err != nil {
		t.Error(err)
	}
	if b, err := encode(again); err != nil || !bytes.Equal(b, raw) {
		t.Errorf("%v", err)
	}
}
