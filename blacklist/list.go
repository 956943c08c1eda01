package blacklist

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
)

// ErrList is returned for bytes that are no list, delta or state.
var ErrList = errors.New("malformed list")

// listFormat is the first line of a full list.
const listFormat = "haltlog/blacklist/full/v1"

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
	b := fmt.Appendf(make([]byte, 0, 128+32*len(f.Labels)), "%s\n%v\n%d\n%d\n", listFormat, f.Part, f.KeyVersion, len(f.Labels))
	return appendLabels(b, f.Labels)
}

// Hash returns SHA-256 of the encoding: the commitment named "full".
func (f FullList) Hash() Hash { return sha256.Sum256(f.Marshal()) }

// ParseFullList is the inverse of Marshal. Every label must be an element, lie
// in the part, and exceed the one before.
func ParseFullList(b []byte) (FullList, error) {
	bad := func(what string) (FullList, error) { return FullList{}, fmt.Errorf("%w: %s", ErrList, what) }
	lines, rest, ok := header(b, 4, listFormat)
	if !ok {
		return bad("not a full list")
	}
	part, err := ParsePart(lines[1])
	if err != nil {
		return FullList{}, fmt.Errorf("%w: %w", ErrList, err)
	}
	n, ok := decimals(lines[2:]...)
	if !ok {
		return bad("key version or count")
	}
	labels, err := parseLabels(rest, part, n[1])
	if err != nil {
		return FullList{}, err
	}
	return FullList{Part: part, KeyVersion: n[0], Labels: labels}, nil
}

// Open reads the full list that the state of a part commits to, by its hash. What the
// hash covers is not looked at again: labels are not decoded, which is most of what
// [ParseFullList] takes.
func (p PartEpoch) Open(b []byte) (FullList, error) {
	f := FullList{Part: p.Part, KeyVersion: p.KeyVersion}
	head := fmt.Appendf(nil, "%s\n%v\n%d\n%d\n", listFormat, p.Part, p.KeyVersion, p.Count)
	rest, ok := bytes.CutPrefix(b, head)
	if want, committed := p.Hash(CommitFull); !ok || !committed || sha256.Sum256(b) != want || uint64(len(rest)) != 32*p.Count {
		return FullList{}, fmt.Errorf("%w: full list of %v is not the one committed to", ErrProof, p.Part)
	}
	f.Labels = make([]Label, p.Count)
	for i := range f.Labels {
		copy(f.Labels[i][:], rest[32*i:])
	}
	return f, nil
}

// Contains reports whether the list holds the label.
func (f FullList) Contains(l Label) bool {
	_, ok := slices.BinarySearchFunc(f.Labels, l, compareLabels)
	return ok
}

// With returns the list that holds a delta's labels too. The delta must be of
// the same part and key version, or of the one that the part was cut out of a
// longer prefix's; labels that are there already are an error: a delta holds
// what is new.
func (f FullList) With(d Delta) (FullList, error) {
	if d.Part != f.Part || d.KeyVersion != f.KeyVersion {
		return FullList{}, fmt.Errorf("%w: delta of %v under key version %d for %v under %d", ErrList, d.Part, d.KeyVersion, f.Part, f.KeyVersion)
	}
	if slices.ContainsFunc(d.Labels, f.Contains) {
		return FullList{}, fmt.Errorf("%w: delta holds a label that is not new", ErrList)
	}
	return FullList{f.Part, f.KeyVersion, merge(f.Labels, d.Labels, compareLabels)}, nil
}

// Split returns the lists of the parts that a part falls into when its kind is
// split by more bits, in order; how a client that keeps a list follows an epoch
// that splits the part again.
func (f FullList) Split(bits int) ([]FullList, error) {
	more := bits - len(f.Part.Prefix)
	if more < 0 || bits > maxPrefix(f.Part.Kind) {
		return nil, fmt.Errorf("%w: split of %v into %d bits", ErrPart, f.Part, bits)
	}
	out := make([]FullList, 1<<more)
	for i := range out {
		out[i] = FullList{Part{f.Part.Kind, f.Part.Prefix + prefixString(uint32(i), more)}, f.KeyVersion, []Label{}}
	}
	for _, l := range f.Labels {
		b := bucket(l, bits) & (1<<more - 1)
		out[b].Labels = append(out[b].Labels, l)
	}
	return out, nil
}
