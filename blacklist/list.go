package blacklist

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// ErrList is returned for bytes that are no full list.
var ErrList = errors.New("malformed list")

// listMagic is the first line of a full list.
const listMagic = "haltlog/blacklist/full/v1"

// FullList is every label of a part under one key version. Its encoding is
// four lines of text (the format, the part, the key version, the count) and
// the labels, 32 bytes each, strictly ascending. Any mirror may serve it, since
// its hash stands under a witnessed checkpoint.
type FullList struct {
	Part       Part
	KeyVersion uint64
	Labels     []Label // strictly ascending
}

// Marshal returns the one encoding. Labels must be strictly ascending, as
// [Tree.Labels] gives them.
func (f FullList) Marshal() []byte {
	b := fmt.Appendf(make([]byte, 0, 128+32*len(f.Labels)), "%s\n%v\n%d\n%d\n", listMagic, f.Part, f.KeyVersion, len(f.Labels))
	for _, l := range f.Labels {
		b = append(b, l[:]...)
	}
	return b
}

// Hash returns SHA-256 of the encoding: the commitment named "full".
func (f FullList) Hash() Hash { return sha256.Sum256(f.Marshal()) }

// ParseFullList is the inverse of Marshal. Every label must be an element, lie
// in the part, and exceed the one before.
func ParseFullList(b []byte) (FullList, error) {
	bad := func(what string) (FullList, error) { return FullList{}, fmt.Errorf("%w: %s", ErrList, what) }
	var lines [4]string
	for i := range lines {
		end := bytes.IndexByte(b[:min(len(b), 128)], '\n')
		if end < 0 {
			return bad("header")
		}
		lines[i], b = string(b[:end]), b[end+1:]
	}
	if lines[0] != listMagic {
		return bad("not a full list")
	}
	part, err := ParsePart(lines[1])
	if err != nil {
		return FullList{}, fmt.Errorf("%w: %w", ErrList, err)
	}
	version, ok := decimal(lines[2])
	count, ok2 := decimal(lines[3])
	if !ok || !ok2 || count > MaxPartLabels || uint64(len(b)) != 32*count {
		return bad("key version, count or length")
	}
	f := FullList{Part: part, KeyVersion: version, Labels: make([]Label, 0, count)}
	for chunk := range slices.Chunk(b, 32) {
		l, err := ParseLabel(chunk)
		if err != nil {
			return FullList{}, fmt.Errorf("%w: %w", ErrList, err)
		}
		if n := len(f.Labels); n > 0 && bytes.Compare(f.Labels[n-1][:], l[:]) >= 0 {
			return bad("labels out of order")
		}
		if !part.Holds(part.Kind, l) {
			return bad("label of another part")
		}
		f.Labels = append(f.Labels, l)
	}
	return f, nil
}

// Contains reports whether the list holds the label.
func (f FullList) Contains(l Label) bool {
	_, ok := slices.BinarySearchFunc(f.Labels, l, func(a, b Label) int { return bytes.Compare(a[:], b[:]) })
	return ok
}

// decimal reads a number without sign or leading zeros.
func decimal(s string) (uint64, bool) {
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil && strconv.FormatUint(n, 10) == s
}
