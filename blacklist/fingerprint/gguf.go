package fingerprint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"unicode/utf8"
)

// ErrGGUF is returned for a GGUF header that is malformed, or whose tensors do
// not cover the data as the format lays them out (F3).
var ErrGGUF = errors.New("malformed GGUF header")

// errMore is a header that goes on behind the bytes at hand.
var errMore = errors.New("header goes on")

const ggufMagic = "GGUF"

// MetaType is the type of a metadata value.
type MetaType uint32

// The types of metadata, as the format numbers them.
const (
	MetaUint8 MetaType = iota
	MetaInt8
	MetaUint16
	MetaInt16
	MetaUint32
	MetaInt32
	MetaFloat32
	MetaBool
	MetaString
	MetaArray
	MetaUint64
	MetaInt64
	MetaFloat64
)

// size returns the bytes of a value, 0 where they vary.
func (t MetaType) size() uint64 {
	switch t {
	case MetaUint8, MetaInt8, MetaBool:
		return 1
	case MetaUint16, MetaInt16:
		return 2
	case MetaUint32, MetaInt32, MetaFloat32:
		return 4
	case MetaUint64, MetaInt64, MetaFloat64:
		return 8
	}
	return 0
}

// Meta is one pair of a GGUF header. Raw is the value as it stands in the
// file, checked: the length before a string's text, type and count before an
// array's elements.
type Meta struct {
	Key  string
	Type MetaType
	Raw  []byte
}

// MetaText returns a pair that holds a string.
func MetaText(key, value string) Meta {
	raw := binary.LittleEndian.AppendUint64(nil, uint64(len(value)))
	return Meta{key, MetaString, append(raw, value...)}
}

// MetaNumber returns a pair that holds an unsigned 32-bit number.
func MetaNumber(key string, value uint32) Meta {
	return Meta{key, MetaUint32, binary.LittleEndian.AppendUint32(nil, value)}
}

// natural returns the value of an integer that is not negative.
func (m Meta) natural() (uint64, bool) {
	n := uint64(0)
	for i, b := range m.Raw {
		n |= uint64(b) << (8 * min(i, 7))
	}
	switch m.Type {
	case MetaUint8, MetaUint16, MetaUint32, MetaUint64:
		return n, true
	case MetaInt8, MetaInt16, MetaInt32, MetaInt64:
		return n, n>>(8*len(m.Raw)-1) == 0
	}
	return 0, false
}

// GGUF is a parsed GGUF header. Shapes are row-major: the reverse of the
// format's own order, which names the fastest dimension first.
type GGUF struct {
	Header
	Version   uint32
	Alignment uint64
	Pairs     []Meta // in the order of the file
}

// pair returns the pair of that key.
func (g GGUF) pair(key string) (Meta, bool) {
	for _, m := range g.Pairs {
		if m.Key == key {
			return m, true
		}
	}
	return Meta{}, false
}

// ReadGGUF reads and checks the header of a little-endian GGUF file (version 3,
// and 2, which differs only by the lack of a big-endian form) of that size. It
// refuses what the reference refuses (keys and names given twice, unknown
// types, rows that are not whole blocks, offsets that do not follow one
// another at the alignment) and data that is missing or follows the last
// tensor. Errors are [ErrGGUF], [ErrDtype], or the reader's.
// Source: ggml-org/ggml docs/gguf.md; ggml/src/gguf.cpp
// (gguf_init_from_reader).
func ReadGGUF(r io.ReaderAt, size uint64) (GGUF, error) {
	// The header does not say how long it is: it is read in growing pieces.
	for n := uint64(ggufFirstRead); ; n *= 4 {
		n = min(n, size, MaxHeader)
		text := make([]byte, n)
		if err := readAt(r, text, 0); err != nil {
			return GGUF{}, err
		}
		g, err := parseGGUF(text, size)
		if !errors.Is(err, errMore) {
			return g, err
		}
		if n == size || n == MaxHeader {
			return GGUF{}, fmt.Errorf("%w: not whole in %d bytes", ErrGGUF, n)
		}
	}
}

// ggufText is a cursor over the header. The first error stays.
type ggufText struct {
	b    []byte // at hand
	at   uint64
	size uint64 // of the file
	err  error
}

func (t *ggufText) fail(format string, args ...any) {
	if t.err == nil {
		t.err = fmt.Errorf("%w: "+format, append([]any{ErrGGUF}, args...)...)
	}
}

// take returns the next n bytes, nil after an error. A length beyond the file
// is malformed; one beyond the bytes at hand asks for more.
func (t *ggufText) take(n uint64) []byte {
	if t.err != nil {
		return nil
	}
	if n > t.size-t.at {
		t.fail("%d bytes at %d of %d", n, t.at, t.size)
		return nil
	}
	if n > uint64(len(t.b))-t.at {
		t.err = errMore
		return nil
	}
	b := t.b[t.at:][:n:n]
	t.at += n
	return b
}

func (t *ggufText) uint32() uint32 {
	if b := t.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (t *ggufText) uint64() uint64 {
	if b := t.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// name reads a string of 1 to limit bytes of UTF-8.
func (t *ggufText) name(limit uint64) string {
	n := t.uint64()
	if t.err == nil && (n == 0 || n > limit) {
		t.fail("name of %d bytes", n)
	}
	b := t.take(n)
	if !utf8.Valid(b) {
		t.fail("name is not UTF-8")
	}
	return string(b)
}

// value passes over one value, checking it.
func (t *ggufText) value(typ MetaType, depth int) {
	switch typ {
	case MetaBool:
		// The format: 1-byte value where 0 is false and 1 is true. Anything
		// else is invalid.
		if b := t.take(1); b != nil && b[0] > 1 {
			t.fail("bool of %d", b[0])
		}
	case MetaString:
		t.take(t.uint64())
	case MetaArray:
		inner, n := MetaType(t.uint32()), t.uint64()
		switch {
		case t.err != nil:
		case inner > MetaFloat64:
			t.fail("array of type %d", inner)
		case depth == maxMetaDepth:
			t.fail("arrays in more than %d arrays", maxMetaDepth)
		// Every element is a byte at least, so a count beyond the file ends
		// here and not after that many rounds.
		case n > t.size-t.at:
			t.fail("array of %d", n)
		case inner == MetaBool || inner.size() == 0:
			for i := uint64(0); i < n && t.err == nil; i++ {
				t.value(inner, depth+1)
			}
		case n > math.MaxUint64/8:
			t.fail("array of %d", n)
		default:
			t.take(n * inner.size())
		}
	default:
		if typ > MetaFloat64 {
			t.fail("value of type %d", typ)
			return
		}
		t.take(typ.size())
	}
}

func (t *ggufText) meta() Meta {
	m := Meta{Key: t.name(maxMetaKey), Type: MetaType(t.uint32())}
	begin := t.at
	t.value(m.Type, 0)
	if t.err == nil {
		m.Raw = t.b[begin:t.at:t.at]
	}
	return m
}

// entry reads one tensor's information; End is relative to Begin's truth: both
// are offsets into the data section, still to be held against one another.
func (t *ggufText) entry() (Entry, error) {
	e := Entry{Name: t.name(maxTensorName)}
	rank := t.uint32()
	if t.err == nil && rank > maxGGUFRank {
		t.fail("tensor %q has %d dimensions", e.Name, rank)
	}
	if t.err == nil {
		e.Shape = make([]uint64, rank)
	}
	for i := range e.Shape {
		e.Shape[len(e.Shape)-1-i] = t.uint64()
	}
	typ := t.uint32()
	e.Begin = t.uint64()
	if t.err != nil {
		return Entry{}, t.err
	}
	var err error
	if e.Dtype, err = ggmlDtype(typ); err != nil {
		return Entry{}, fmt.Errorf("tensor %q: %w", e.Name, err)
	}
	elements, _ := e.Dtype.Block()
	row := uint64(1)
	if rank > 0 {
		row = e.Shape[rank-1]
	}
	n, ok := product(e.Shape)
	length, fits := e.Dtype.length(n)
	if !ok || !fits || n > math.MaxInt64 || row%uint64(elements) != 0 || e.Begin > math.MaxInt64 || length > math.MaxInt64 {
		t.fail("tensor %q: shape %v of %v at %d", e.Name, e.Shape, e.Dtype, e.Begin)
		return Entry{}, t.err
	}
	e.End = e.Begin + length
	return e, nil
}

// parseGGUF parses a header from the first bytes of a file of that size; it
// returns errMore where they are too few.
func parseGGUF(b []byte, size uint64) (GGUF, error) {
	t := &ggufText{b: b, size: size}
	if m := t.take(4); m != nil && !bytes.Equal(m, []byte(ggufMagic)) {
		t.fail("magic %q", m)
	}
	g := GGUF{Version: t.uint32(), Alignment: ggufAlignment}
	if t.err == nil && g.Version != 2 && g.Version != 3 {
		t.fail("version %d", g.Version)
	}
	tensors, pairs := t.uint64(), t.uint64()
	if t.err == nil && (tensors > MaxTensors || pairs > maxPairs) {
		t.fail("%d tensors, %d pairs", tensors, pairs)
	}
	keys := make(map[string]bool)
	for i := uint64(0); i < pairs && t.err == nil; i++ {
		m := t.meta()
		if keys[m.Key] {
			t.fail("key %q twice", m.Key)
		}
		keys[m.Key] = true
		g.Pairs = append(g.Pairs, m)
	}
	if t.err == nil {
		g.Alignment = t.alignment(g)
	}
	names := make(map[string]bool)
	for i := uint64(0); i < tensors && t.err == nil; i++ {
		e, err := t.entry()
		if err != nil {
			return GGUF{}, err
		}
		if names[e.Name] {
			t.fail("name %q twice", e.Name)
		}
		names[e.Name] = true
		g.Tensors = append(g.Tensors, e)
	}
	if t.err == nil {
		t.layout(&g)
	}
	if t.err != nil {
		return GGUF{}, t.err
	}
	return g, nil
}

func (t *ggufText) alignment(g GGUF) uint64 {
	m, ok := g.pair("general.alignment")
	if !ok {
		return ggufAlignment
	}
	n, _ := m.natural()
	// The reference wants a power of two; the format's text a multiple of 8.
	if m.Type != MetaUint32 || n&(n-1) != 0 || n < 8 || n > maxAlignment {
		t.fail("alignment %d", n)
	}
	return n
}

// layout checks that the tensors follow one another, each at the next multiple
// of the alignment, and end where the file does. The padding behind the last
// one is optional: writers differ.
func (t *ggufText) layout(g *GGUF) {
	if len(g.Tensors) == 0 {
		if t.at != t.size && pad(t.at, g.Alignment) != t.size {
			t.fail("%d bytes behind no tensors", t.size-t.at)
		}
		g.Data = t.size
		return
	}
	g.Data = pad(t.at, g.Alignment)
	at, end := uint64(0), uint64(0)
	for _, e := range g.Tensors {
		if e.Begin != at {
			t.fail("tensor %q begins at %d, expected %d", e.Name, e.Begin, at)
			return
		}
		// No overflow: at is below the file's size, checked each round.
		end = e.End
		at = pad(end, g.Alignment)
		if g.Data > t.size || end > t.size-g.Data {
			t.fail("tensor %q ends at %d of %d bytes", e.Name, end, t.size-min(g.Data, t.size))
			return
		}
	}
	if got := t.size - g.Data; got != end && got != at {
		t.fail("tensors end at %d of %d bytes", end, got)
	}
}

// pad returns the next multiple of a power of two.
func pad(n, alignment uint64) uint64 { return (n + alignment - 1) &^ (alignment - 1) }
