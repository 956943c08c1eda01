package log

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Canonical prints a JSON text in the form of RFC 8785 (JCS), within the
// subset that statements use (S1): object keys are ASCII, numbers are integers
// of at most [MaxInteger] in magnitude, no key stands twice, nesting ends at
// [MaxDepth]. What lies outside is a [*SyntaxError] with the byte and one of
// [ErrFloat], [ErrRange], [ErrKeyASCII], [ErrDuplicate], [ErrDepth] if it is
// JSON at all.
func Canonical(raw []byte) ([]byte, error) {
	n, err := readTree(raw)
	if err != nil {
		return nil, err
	}
	return appendNode(make([]byte, 0, len(raw)), n), nil
}

func appendNode(b []byte, n node) []byte {
	switch n.kind {
	case nullNode:
		return append(b, "null"...)
	case boolNode:
		return strconv.AppendBool(b, n.yes)
	case numberNode:
		return strconv.AppendInt(b, n.num, 10)
	case stringNode:
		return appendString(b, n.str)
	case arrayNode:
		b = append(b, '[')
		for i, v := range n.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendNode(b, v)
		}
		return append(b, ']')
	}
	order := make([]int, len(n.names))
	for i := range order {
		order[i] = i
	}
	// RFC 8785 section 3.2.3 sorts by UTF-16 code units; for ASCII that is the
	// order of bytes.
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(n.names[i], n.names[j]) })
	b = append(b, '{')
	for k, i := range order {
		if k > 0 {
			b = append(b, ',')
		}
		b = appendString(b, n.names[i])
		b = append(b, ':')
		b = appendNode(b, n.items[i])
	}
	return append(b, '}')
}

// appendString escapes as RFC 8785 section 3.2.2.2 says: the short forms where
// they exist, \u00xx in lower case for other control characters, all else as
// it is.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			b = append(b, c)
			continue
		}
		if k := strings.IndexByte("\"\\\b\f\n\r\t", c); k >= 0 {
			b = append(b, '\\', `"\bfnrt`[k])
			continue
		}
		b = append(b, `\u00`...)
		b = append(b, "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
	}
	return append(b, '"')
}
