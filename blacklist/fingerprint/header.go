package fingerprint

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"strconv"
	"unicode/utf8"
)

// ErrHeader is returned for a safetensors header that is malformed, or whose
// tensors do not cover the data exactly (F3).
var ErrHeader = errors.New("malformed safetensors header")

// metadataName is the one reserved name: a map of strings, no tensor.
const metadataName = "__metadata__"

// Entry is one tensor of a header. Begin and End are offsets into the data
// section, which starts after the header. Shape is row-major: the last
// dimension varies fastest.
type Entry struct {
	Name       string
	Dtype      Dtype
	Shape      []uint64
	Begin, End uint64
}

// Elements returns the product of the shape, 1 for a scalar.
func (e Entry) Elements() uint64 {
	elements, size := e.Dtype.Block()
	return (e.End - e.Begin) / uint64(size) * uint64(elements)
}

// Header is what a file of weights says of its tensors.
type Header struct {
	Metadata map[string]string // of safetensors only
	Tensors  []Entry           // by offset
	Data     uint64            // where the data section starts in the file

	strides [][]uint64 // beside Tensors, of PyTorch's that are not row-major
	swap    bool       // elements are big-endian
}

// ReadHeader reads and checks the header of a safetensors file of that size:
// a little-endian 64-bit length, that many bytes of JSON (which may end in
// spaces), then the data. Beyond the format's text it refuses what its
// reference implementation refuses: names given twice, tensors that overlap
// or leave gaps, data that is too long or too short for the tensors.
// Errors are [ErrHeader], [ErrDtype], or the reader's.
func ReadHeader(r io.ReaderAt, size uint64) (Header, error) {
	var length [8]byte
	if size < uint64(len(length)) {
		return Header{}, fmt.Errorf("%w: file of %d bytes", ErrHeader, size)
	}
	if err := readAt(r, length[:], 0); err != nil {
		return Header{}, err
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > MaxHeader || n > size-8 {
		return Header{}, fmt.Errorf("%w: length %d in a file of %d bytes", ErrHeader, n, size)
	}
	text := make([]byte, n)
	if err := readAt(r, text, 8); err != nil {
		return Header{}, err
	}
	h, err := parseHeader(text, size-8-n)
	if err != nil {
		return Header{}, err
	}
	h.Data = 8 + n
	return h, nil
}

// readAt fills b or fails: a short file is an error, io.EOF at its exact end
// is none.
func readAt(r io.ReaderAt, b []byte, off int64) error {
	n, err := r.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// parseHeader parses the JSON text against data bytes of tensors.
func parseHeader(text []byte, data uint64) (Header, error) {
	bad := func(format string, args ...any) (Header, error) {
		return Header{}, fmt.Errorf("%w: "+format, append([]any{ErrHeader}, args...)...)
	}
	// The format: the header MUST begin with '{' and MAY be padded with
	// trailing spaces. Checked here since JSON would allow more white space.
	if len(text) == 0 || text[0] != '{' {
		return bad("does not begin with {")
	}
	text = bytes.TrimRight(text, " ")
	if text[len(text)-1] != '}' {
		return bad("does not end with }")
	}
	if !utf8.Valid(text) {
		return bad("not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var h Header
	seen := make(map[string]bool)
	err := object(d, func(name string) error {
		if seen[name] {
			return fmt.Errorf("%w: name %q twice", ErrHeader, name)
		}
		seen[name] = true
		if name == metadataName {
			h.Metadata = make(map[string]string)
			return stringMap(d, h.Metadata)
		}
		if len(h.Tensors) == MaxTensors {
			return fmt.Errorf("%w: more than %d tensors", ErrHeader, MaxTensors)
		}
		e, err := entry(d)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		e.Name = name
		h.Tensors = append(h.Tensors, e)
		return nil
	})
	if err != nil {
		return Header{}, err
	}
	if _, err := d.Token(); err != io.EOF {
		return bad("trailing data")
	}
	slices.SortFunc(h.Tensors, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Begin, b.Begin), cmp.Compare(a.End, b.End), cmp.Compare(a.Name, b.Name))
	})
	at := uint64(0)
	for _, e := range h.Tensors {
		if e.Begin != at {
			return bad("tensor %q begins at %d, expected %d", e.Name, e.Begin, at)
		}
		at = e.End
	}
	if at != data {
		return bad("tensors end at %d of %d bytes", at, data)
	}
	return h, nil
}

// object reads a whole JSON object, handing each key to member, which reads
// the value.
func object(d *json.Decoder, member func(key string) error) error {
	if err := delim(d, '{'); err != nil {
		return err
	}
	for d.More() {
		key, err := text(d)
		if err != nil {
			return err
		}
		if err := member(key); err != nil {
			return err
		}
	}
	return delim(d, '}')
}

func delim(d *json.Decoder, want json.Delim) error {
	t, err := d.Token()
	if err != nil {
		return fmt.Errorf("%w: %v", ErrHeader, err)
	}
	if t != want {
		return fmt.Errorf("%w: expected %v", ErrHeader, want)
	}
	return nil
}

func text(d *json.Decoder) (string, error) {
	t, err := d.Token()
	if err != nil {
		return "", fmt.Errorf("%w: %v", ErrHeader, err)
	}
	s, ok := t.(string)
	if !ok {
		return "", fmt.Errorf("%w: expected a string", ErrHeader)
	}
	return s, nil
}

func stringMap(d *json.Decoder, m map[string]string) error {
	return object(d, func(key string) error {
		if _, ok := m[key]; ok {
			return fmt.Errorf("%w: name %q twice", ErrHeader, key)
		}
		v, err := text(d)
		m[key] = v
		return err
	})
}

// natural reads a list of at most limit non-negative integers.
func naturals(d *json.Decoder, limit int) ([]uint64, error) {
	if err := delim(d, '['); err != nil {
		return nil, err
	}
	list := []uint64{}
	for d.More() {
		if len(list) == limit {
			return nil, fmt.Errorf("%w: more than %d numbers", ErrHeader, limit)
		}
		t, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("%w: %v", ErrHeader, err)
		}
		n, ok := t.(json.Number)
		if !ok {
			return nil, fmt.Errorf("%w: expected a number", ErrHeader)
		}
		// No sign, fraction or exponent; JSON itself has no leading zeros.
		v, err := strconv.ParseUint(n.String(), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%w: number %s", ErrHeader, n)
		}
		list = append(list, v)
	}
	return list, delim(d, ']')
}

// entry reads one tensor's object: exactly dtype, shape and data_offsets.
func entry(d *json.Decoder) (Entry, error) {
	var e Entry
	var offsets []uint64
	seen := make(map[string]bool, 3)
	err := object(d, func(key string) (err error) {
		if seen[key] {
			return fmt.Errorf("%w: %q twice", ErrHeader, key)
		}
		seen[key] = true
		switch key {
		case "dtype":
			s, err := text(d)
			if err != nil {
				return err
			}
			e.Dtype, err = ParseDtype(s)
			return err
		case "shape":
			e.Shape, err = naturals(d, MaxRank)
		case "data_offsets":
			offsets, err = naturals(d, 2)
		default:
			return fmt.Errorf("%w: unknown field %q", ErrHeader, key)
		}
		return err
	})
	if err != nil {
		return Entry{}, err
	}
	if len(seen) != 3 || len(offsets) != 2 {
		return Entry{}, fmt.Errorf("%w: needs dtype, shape and two data_offsets", ErrHeader)
	}
	e.Begin, e.End = offsets[0], offsets[1]
	n, ok := product(e.Shape)
	length, fits := e.Dtype.length(n)
	if !ok || !fits || e.Begin > e.End || e.End-e.Begin != length {
		return Entry{}, fmt.Errorf("%w: shape %v of %v does not fill offsets %v", ErrHeader, e.Shape, e.Dtype, offsets)
	}
	return e, nil
}

// product multiplies the shape. Overflow is refused even where a zero follows:
// what others compute step by step would overflow too.
func product(shape []uint64) (uint64, bool) {
	n := uint64(1)
	for _, s := range shape {
		hi, lo := bits.Mul64(n, s)
		if hi != 0 {
			return 0, false
		}
		n = lo
	}
	return n, true
}
