package blacklist

import (
	"bytes"
	"fmt"
	"strconv"
)

// maxHeader bounds the header of an object: some lines of a format, a part and
// numbers of 20 digits at most.
const maxHeader = 256

// header reads the n lines that an object begins with; false unless they are
// there and the first is the format.
func header(b []byte, n int, format string) (lines []string, rest []byte, ok bool) {
	room := b[:min(len(b), maxHeader)]
	for range n {
		end := bytes.IndexByte(room, '\n')
		if end < 0 {
			return nil, nil, false
		}
		lines = append(lines, string(room[:end]))
		room, b = room[end+1:], b[end+1:]
	}
	return lines, b, lines[0] == format
}

// decimals reads lines that are numbers without sign or leading zeros.
func decimals(lines ...string) ([]uint64, bool) {
	out := make([]uint64, len(lines))
	for i, s := range lines {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil || strconv.FormatUint(n, 10) != s {
			return nil, false
		}
		out[i] = n
	}
	return out, true
}

// parseLabels reads the labels of a list: elements of the part, strictly
// ascending, and nothing else.
func parseLabels(b []byte, part Part, count uint64) ([]Label, error) {
	if count > MaxPartLabels || uint64(len(b)) != 32*count {
		return nil, fmt.Errorf("%w: count or length", ErrList)
	}
	labels := make([]Label, 0, count)
	for ; len(b) > 0; b = b[32:] {
		l, err := ParseLabel(b[:32])
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrList, err)
		}
		if n := len(labels); n > 0 && compareLabels(labels[n-1], l) >= 0 {
			return nil, fmt.Errorf("%w: labels out of order", ErrList)
		}
		if !part.Holds(part.Kind, l) {
			return nil, fmt.Errorf("%w: label of another part", ErrList)
		}
		labels = append(labels, l)
	}
	return labels, nil
}

func appendLabels(b []byte, labels []Label) []byte {
	for _, l := range labels {
		b = append(b, l[:]...)
	}
	return b
}
