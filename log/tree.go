package log

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// What S1 leaves out of JSON is refused by these names.
var (
	ErrFloat     = errors.New("number with fraction or exponent")
	ErrRange     = errors.New("integer beyond 2^53-1")
	ErrKeyASCII  = errors.New("object key is not ASCII")
	ErrDuplicate = errors.New("object key stands twice")
	ErrDepth     = errors.New("nested too deeply")
)

type nodeKind byte

const (
	nullNode nodeKind = iota
	boolNode
	numberNode
	stringNode
	arrayNode
	objectNode
)

// name is for error texts.
func (k nodeKind) name() string {
	return [...]string{"null", "boolean", "integer", "string", "array", "object"}[k]
}

// node is one JSON value within S1's subset.
type node struct {
	kind  nodeKind
	at    int // byte offset in the text
	yes   bool
	num   int64
	str   string
	names []string // of an object, in the text's order, beside items
	items []node
}

func (n node) member(name string) (node, bool) {
	if i := slices.Index(n.names, name); i >= 0 {
		return n.items[i], true
	}
	return node{}, false
}

// readTree reads one JSON text (RFC 8259) and nothing after it. It allows
// white space and any order of members; that the text is canonical is seen by
// printing it again.
func readTree(raw []byte) (node, error) {
	r := reader{raw: raw}
	n := r.value(0)
	r.space()
	if r.err == nil && r.at != len(raw) {
		r.fail("trailing data", nil)
	}
	if r.err != nil {
		return node{}, r.err
	}
	return n, nil
}

type reader struct {
	raw []byte
	at  int
	err error
}

func (r *reader) fail(reason string, cause error) {
	if r.err == nil {
		r.err = &SyntaxError{Place: "byte " + strconv.Itoa(r.at), Reason: reason, Err: cause}
	}
}

func (r *reader) space() {
	for r.at < len(r.raw) && strings.IndexByte(" \t\r\n", r.raw[r.at]) >= 0 {
		r.at++
	}
}

func (r *reader) next() byte {
	if r.at < len(r.raw) {
		return r.raw[r.at]
	}
	return 0
}

func (r *reader) take(c byte) bool {
	r.space()
	if r.next() != c || r.at >= len(r.raw) {
		return false
	}
	r.at++
	return true
}

func (r *reader) word(w string) bool {
	if !strings.HasPrefix(string(r.raw[r.at:min(len(r.raw), r.at+len(w))]), w) {
		r.fail("expected "+w, nil)
		return false
	}
	r.at += len(w)
	return true
}

func (r *reader) value(depth int) node {
	r.space()
	n := node{at: r.at}
	if depth > MaxDepth {
		r.fail("nested too deeply", ErrDepth)
		return n
	}
	switch c := r.next(); {
	case r.err != nil:
	case c == '{':
		n.kind = objectNode
		r.object(&n, depth)
	case c == '[':
		n.kind = arrayNode
		r.array(&n, depth)
	case c == '"':
		n.kind, n.str = stringNode, r.text()
	case c == 't':
		n.kind, n.yes = boolNode, r.word("true")
	case c == 'f':
		n.kind = boolNode
		r.word("false")
	case c == 'n':
		r.word("null")
	case c == '-' || c >= '0' && c <= '9':
		n.kind, n.num = numberNode, r.integer()
	default:
		r.fail("expected a JSON value", nil)
	}
	return n
}

func (r *reader) array(n *node, depth int) {
	r.at++
	if r.take(']') {
		return
	}
	for r.err == nil {
		n.items = append(n.items, r.value(depth+1))
		if r.err != nil || r.take(']') {
			return
		}
		if !r.take(',') {
			r.fail("expected , or ]", nil)
		}
	}
}

func (r *reader) object(n *node, depth int) {
	r.at++
	if r.take('}') {
		return
	}
	var seen map[string]bool
	for r.err == nil {
		r.space()
		at := r.at
		if r.next() != '"' {
			r.fail("expected a member's name", nil)
			return
		}
		k := r.text()
		if r.err != nil {
			return
		}
		if i := strings.IndexFunc(k, func(c rune) bool { return c >= utf8.RuneSelf }); i >= 0 {
			r.at = at
			r.fail(ErrKeyASCII.Error(), ErrKeyASCII)
			return
		}
		if seen == nil {
			seen = make(map[string]bool)
		}
		if seen[k] {
			r.at = at
			r.fail(ErrDuplicate.Error(), ErrDuplicate)
			return
		}
		seen[k] = true
		if !r.take(':') {
			r.fail("expected :", nil)
			return
		}
		v := r.value(depth + 1)
		n.names, n.items = append(n.names, k), append(n.items, v)
		if r.err != nil || r.take('}') {
			return
		}
		if !r.take(',') {
			r.fail("expected , or }", nil)
		}
	}
}

func (r *reader) integer() int64 {
	start := r.at
	if r.next() == '-' {
		r.at++
	}
	digits := r.at
	for c := r.next(); c >= '0' && c <= '9'; c = r.next() {
		r.at++
	}
	s := string(r.raw[start:r.at])
	d := string(r.raw[digits:r.at])
	switch c := r.next(); {
	case d == "" || len(d) > 1 && d[0] == '0':
		r.at = start
		r.fail("not a JSON number", nil)
	case c == '.' || c == 'e' || c == 'E':
		r.at = start
		r.fail(ErrFloat.Error(), ErrFloat)
	case s == "-0":
		// JCS prints 0 for it: one value, two texts.
		r.at = start
		r.fail("-0 is 0", nil)
	}
	if r.err != nil {
		return 0
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil || v > MaxInteger || v < -MaxInteger {
		r.at = start
		r.fail(ErrRange.Error(), ErrRange)
		return 0
	}
	return v
}

// text reads a string literal; the quote is at r.at.
func (r *reader) text() string {
	r.at++
	start := r.at
	// Most strings have no escape: one scan, one copy.
	for r.at < len(r.raw) {
		c := r.raw[r.at]
		if c == '"' {
			s := string(r.raw[start:r.at])
			if !utf8.ValidString(s) {
				r.at = start
				r.fail("not UTF-8", nil)
				return ""
			}
			r.at++
			return s
		}
		if c == '\\' || c < ' ' {
			break
		}
		r.at++
	}
	r.at = start
	return r.escaped()
}

func (r *reader) escaped() string {
	var b strings.Builder
	for {
		if r.at >= len(r.raw) {
			r.fail("string does not end", nil)
			return ""
		}
		c := r.raw[r.at]
		switch {
		case c == '"':
			r.at++
			return b.String()
		case c < ' ':
			r.fail("control character in string", nil)
			return ""
		case c == '\\':
			r.at++
			r.escape(&b)
			if r.err != nil {
				return ""
			}
		case c < utf8.RuneSelf:
			b.WriteByte(c)
			r.at++
		default:
			x, n := utf8.DecodeRune(r.raw[r.at:])
			if x == utf8.RuneError && n == 1 {
				r.fail("not UTF-8", nil)
				return ""
			}
			b.WriteRune(x)
			r.at += n
		}
	}
}

func (r *reader) escape(b *strings.Builder) {
	c := r.next()
	if c == 'u' {
		r.at++
		u := r.hex4()
		if r.err != nil {
			return
		}
		if utf16.IsSurrogate(u) {
			if r.next() != '\\' || r.at+1 >= len(r.raw) || r.raw[r.at+1] != 'u' {
				r.fail("half a surrogate pair", nil)
				return
			}
			r.at += 2
			if u = utf16.DecodeRune(u, r.hex4()); r.err == nil && u == utf8.RuneError {
				r.fail("half a surrogate pair", nil)
			}
		}
		b.WriteRune(u)
		return
	}
	i := strings.IndexByte(`"\/bfnrt`, c)
	if i < 0 || r.at >= len(r.raw) {
		r.fail("unknown escape", nil)
		return
	}
	b.WriteByte("\"\\/\b\f\n\r\t"[i])
	r.at++
}

func (r *reader) hex4() rune {
	if r.at+4 > len(r.raw) {
		r.fail("four hexadecimal digits", nil)
		return 0
	}
	v, err := strconv.ParseUint(string(r.raw[r.at:r.at+4]), 16, 16)
	if err != nil {
		r.fail("four hexadecimal digits", nil)
		return 0
	}
	r.at += 4
	return rune(v)
}
