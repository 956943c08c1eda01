package blacklist

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
)

// lookupFormat is the first line of a lookup list.
const lookupFormat = "haltlog/blacklist/lookup/v1"

// LookupList is a part in a fifth of its full size, for who only wants to know
// whether to look closer: of each label the first 64 bits of the hash whose
// first bits are the part's prefix, so that splitting a list costs no bits. A label that is not listed is found in
// it with probability count / 2^(64 − bits of the prefix); a hit is confirmed
// by a membership proof before anything is reported.
//
// The encoding is five lines of text (the format, the part, the key version,
// the count, the Rice parameter r) and the values, ascending, as gaps: the first
// from the smallest value of the prefix, each other from its predecessor plus
// one. A gap g is written as ⌊g / 2^r⌋ ones, a zero, and the r low bits of g,
// most significant bit first; zero bits fill the last byte.
type LookupList struct {
	Part       Part
	KeyVersion uint64
	Values     []uint64 // strictly ascending
}

// short returns the value of a label in lookup lists.
func short(l Label) uint64 {
	h := tagged(tagPart, l[:])
	return binary.BigEndian.Uint64(h[:])
}

// shorts returns the values of labels, ascending, repetitions included.
func shorts(labels []Label) []uint64 {
	out := make([]uint64, len(labels))
	for i, l := range labels {
		out[i] = short(l)
	}
	slices.Sort(out)
	return out
}

// NewLookupList returns the lookup list of a part's labels, in any order.
func NewLookupList(p Part, keyVersion uint64, labels []Label) LookupList {
	return LookupList{p, keyVersion, slices.Compact(shorts(labels))}
}

// Contains reports whether the label may be listed; if not, it is not.
func (l LookupList) Contains(y Label) bool {
	_, ok := slices.BinarySearch(l.Values, short(y))
	return ok
}

// RiceBits returns the parameter r for a part's prefix of that many bits with
// count values: the fewest bits that hold the mean gap, halved once, which
// is within a tenth of a bit of the best.
func RiceBits(prefix int, count uint64) int {
	return max(0, 64-prefix-bits.Len64(count))
}

// floor returns the smallest value of the part's prefix.
func (p Part) floor() uint64 {
	var v uint64
	for i := range len(p.Prefix) {
		if p.Prefix[i] == '1' {
			v |= 1 << (63 - i)
		}
	}
	return v
}

// Marshal returns the one encoding.
func (l LookupList) Marshal() []byte {
	r := RiceBits(len(l.Part.Prefix), uint64(len(l.Values)))
	w := bitWriter{b: fmt.Appendf(make([]byte, 0, maxHeader+len(l.Values)*(r+3)/8), "%s\n%v\n%d\n%d\n%d\n",
		lookupFormat, l.Part, l.KeyVersion, len(l.Values), r)}
	next := l.Part.floor()
	for _, v := range l.Values {
		gap := v - next
		for range gap >> r {
			w.write(1, 1)
		}
		w.write(0, 1)
		w.write(gap, r)
		next = v + 1
	}
	return w.end()
}

// Hash returns SHA-256 of the encoding: the commitment named "lookup".
func (l LookupList) Hash() Hash { return sha256.Sum256(l.Marshal()) }

// ParseLookupList is the inverse of Marshal.
func ParseLookupList(b []byte) (LookupList, error) {
	bad := func(what string) (LookupList, error) { return LookupList{}, fmt.Errorf("%w: %s", ErrList, what) }
	lines, rest, ok := header(b, 5, lookupFormat)
	if !ok {
		return bad("not a lookup list")
	}
	part, err := ParsePart(lines[1])
	if err != nil {
		return LookupList{}, fmt.Errorf("%w: %w", ErrList, err)
	}
	n, ok := decimals(lines[2:]...)
	if !ok || n[1] > MaxPartLabels || n[2] != uint64(RiceBits(len(part.Prefix), n[1])) {
		return bad("key version, count or parameter")
	}
	r := int(n[2])
	// Each value takes r + 1 bits at least, so that a short list cannot ask
	// for much memory.
	if n[1]*uint64(r+1) > 8*uint64(len(rest)) {
		return bad("length")
	}
	// What is left of the prefix's range after the last value.
	room := ^uint64(0) >> len(part.Prefix)
	l := LookupList{Part: part, KeyVersion: n[0], Values: make([]uint64, 0, n[1])}
	c := bitReader{b: rest}
	next, full := part.floor(), false
	for range n[1] {
		gap := c.unary(room>>r)<<r | c.read(r)
		if c.bad || full || gap > room {
			return bad("values")
		}
		l.Values = append(l.Values, next+gap)
		full = gap == room
		room, next = room-gap-1, next+gap+1
	}
	if !c.done() {
		return bad("trailing bits")
	}
	return l, nil
}
