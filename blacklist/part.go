package blacklist

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
	"strings"

	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

// ErrPart is returned for an address that is no part's.
var ErrPart = errors.New("malformed part")

// Part addresses a part of the set: a kind, which names the band of those that
// have one, and a prefix. The prefix is a string of '0' and '1', most significant
// bit first, of SHA-256(tag ‖ label): of the hash, because the encodings of
// group elements are not uniform (their lowest and highest bits are fixed).
type Part struct {
	Kind   fingerprint.Kind
	Prefix string
}

// PrefixBits returns how many bits of prefix a kind with count labels is split
// by: the fewest with which a part holds PartTarget labels on average. Only
// manifests, of which a model has one, are never split. Auditors compute the
// same, so the split is never anybody's choice.
func PrefixBits(kind fingerprint.Kind, count uint64) int {
	return min(maxPrefix(kind), bits.Len64(count/(PartTarget+1)))
}

// PartOf returns the part that a label lies in when its kind is split by n
// bits, 0 to MaxPrefix.
func PartOf(kind fingerprint.Kind, l Label, n int) Part {
	return Part{Kind: kind, Prefix: prefixString(bucket(l, n), n)}
}

// bucket returns the first n bits of the label's hash.
func bucket(l Label, n int) uint32 {
	return uint32(short(l) >> 32 >> (32 - n))
}

func prefixString(b uint32, n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%0*b", n, b)
}

// number is the prefix as a number.
func (p Part) number() uint32 {
	var v uint32
	for i := range len(p.Prefix) {
		v = v<<1 | uint32(p.Prefix[i]-'0')
	}
	return v
}

// Holds reports whether a label belongs into the part.
func (p Part) Holds(kind fingerprint.Kind, l Label) bool {
	return p.Kind == kind && bucket(l, len(p.Prefix)) == p.number()
}

// Validate reports whether the part is one that exists in this version.
func (p Part) Validate() error {
	if _, err := fingerprint.ParseKind(string(p.Kind)); err != nil {
		return fmt.Errorf("%w: %w", ErrPart, err)
	}
	if len(p.Prefix) > maxPrefix(p.Kind) || strings.Trim(p.Prefix, "01") != "" {
		return fmt.Errorf("%w: prefix %q of %s", ErrPart, p.Prefix, p.Kind)
	}
	return nil
}

// String returns kind/prefix, with "-" for the empty prefix, so that it can be
// two segments of a path.
func (p Part) String() string {
	if p.Prefix == "" {
		return string(p.Kind) + "/-"
	}
	return string(p.Kind) + "/" + p.Prefix
}

// ParsePart is the inverse of String.
func ParsePart(s string) (Part, error) {
	kind, prefix, ok := strings.Cut(s, "/")
	if !ok || prefix == "" {
		return Part{}, fmt.Errorf("%w: %q", ErrPart, s)
	}
	p := Part{Kind: fingerprint.Kind(kind)}
	if prefix != "-" {
		p.Prefix = prefix
	}
	return p, p.Validate()
}

// compare orders parts by kind, band, prefix.
func (p Part) compare(q Part) int {
	return cmp.Or(compareKinds(p.Kind, q.Kind), strings.Compare(p.Prefix, q.Prefix))
}
