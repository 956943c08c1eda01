package blacklist

import (
	"crypto/sha256"
	"fmt"
)

// deltaFormat is the first line of a delta.
const deltaFormat = "haltlog/blacklist/delta/v1"

// Delta is what an epoch added to a part: the labels first published by entries
// From to To − 1 of the log. Its encoding is six lines of text (the format, the
// part, the key version, both sizes, the count) and the labels, 32 bytes each,
// strictly ascending.
type Delta struct {
	Part       Part
	KeyVersion uint64
	From, To   uint64  // log sizes of the last epoch and of this one; From is 0 for the first
	Labels     []Label // strictly ascending
}

// Marshal returns the one encoding.
func (d Delta) Marshal() []byte {
	b := fmt.Appendf(make([]byte, 0, maxHeader+32*len(d.Labels)), "%s\n%v\n%d\n%d\n%d\n%d\n",
		deltaFormat, d.Part, d.KeyVersion, d.From, d.To, len(d.Labels))
	return appendLabels(b, d.Labels)
}

// Hash returns SHA-256 of the encoding: the commitment named "delta-full".
func (d Delta) Hash() Hash { return sha256.Sum256(d.Marshal()) }

// ParseDelta is the inverse of Marshal.
func ParseDelta(b []byte) (Delta, error) {
	bad := func(what string) (Delta, error) { return Delta{}, fmt.Errorf("%w: %s", ErrList, what) }
	lines, rest, ok := header(b, 6, deltaFormat)
	if !ok {
		return bad("not a delta")
	}
	part, err := ParsePart(lines[1])
	if err != nil {
		return Delta{}, fmt.Errorf("%w: %w", ErrList, err)
	}
	n, ok := decimals(lines[2:]...)
	if !ok || n[1] > n[2] {
		return bad("key version, sizes or count")
	}
	labels, err := parseLabels(rest, part, n[3])
	if err != nil {
		return Delta{}, err
	}
	return Delta{Part: part, KeyVersion: n[0], From: n[1], To: n[2], Labels: labels}, nil
}

// Join returns one delta of several that follow one another: of the same part
// and key version, each beginning where the one before ends. An older clearance
// is extended to the newest list by what they hold together.
func Join(deltas ...Delta) (Delta, error) {
	if len(deltas) == 0 {
		return Delta{}, fmt.Errorf("%w: no deltas", ErrList)
	}
	all := deltas[0]
	for _, d := range deltas[1:] {
		if d.Part != all.Part || d.KeyVersion != all.KeyVersion || d.From != all.To {
			return Delta{}, fmt.Errorf("%w: deltas that do not follow one another", ErrList)
		}
		n := len(all.Labels) + len(d.Labels)
		all.To, all.Labels = d.To, sortedLabels(append(all.Labels[:len(all.Labels):len(all.Labels)], d.Labels...))
		if len(all.Labels) != n {
			return Delta{}, fmt.Errorf("%w: deltas hold a label twice", ErrList)
		}
	}
	return all, nil
}
