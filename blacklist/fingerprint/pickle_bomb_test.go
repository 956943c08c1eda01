package fingerprint

import (
	"errors"
	"testing"
)

// TestPickleNests: what a pickle memoises is never printed, however it nests: sixteen
// times itself on each of six levels would be a gigabyte of error text.
func TestPickleNests(t *testing.T) {
	b := []byte{0x80, 2}
	b = append(b, "ctorch._utils\n_rebuild_tensor_v3\n("...)
	b = append(b, "(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQ"...)
	b = append(b, "K\x00))\x89)Nq\x000"...)
	const levels = 6
	for i := range levels {
		b = append(b, '(')
		for range 16 {
			b = append(b, 'h', byte(i))
		}
		b = append(b, 't', 'q', byte(i+1))
		if i < levels-1 {
			b = append(b, '0')
		}
	}
	_, err := parsePickle(append(b, "tR."...))
	if !errors.Is(err, ErrPickle) {
		t.Fatal(err)
	}
	if n := len(err.Error()); n > 1024 {
		t.Errorf("%d bytes of pickle make an error of %d", len(b), n)
	}
}
