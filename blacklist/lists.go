package blacklist

import (
	"cmp"
	"maps"
	"slices"

	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

// shelf is what is split into parts together: one kind under one key version.
type shelf struct {
	kind    fingerprint.Kind
	version uint64
}

// split is a shelf's labels by parts.
type split struct {
	bits  int
	count uint64
	parts []*content // 1 << bits, by prefix
}

// Lists is every part of the set as it is at one log size. It never changes and
// may be read by many at once: trees, proofs, objects and commitments are made
// of it outside the lock under which it was taken.
type Lists struct {
	shelves map[shelf]*split
}

// with returns the lists with more labels, none of which they hold. It costs the
// parts that get one.
func (l Lists) with(fresh map[shelf][]place) Lists {
	if len(fresh) == 0 {
		return l
	}
	out := Lists{make(map[shelf]*split, len(l.shelves)+len(fresh))}
	maps.Copy(out.shelves, l.shelves)
	for k, more := range fresh {
		out.shelves[k] = l.shelves[k].with(k, more)
	}
	return out
}

// with returns the split with more labels; s may be nil.
func (s *split) with(k shelf, more []place) *split {
	n := &split{count: uint64(len(more))}
	if s != nil {
		n.count += s.count
	}
	if n.bits = PrefixBits(k.kind, n.count); s == nil || s.bits != n.bits {
		if s != nil {
			for _, c := range s.parts {
				for i, l := range c.labels {
					more = append(more, place{l, c.seqs[i]})
				}
			}
		}
		n.parts = make([]*content, 1<<n.bits)
		for b, in := range byBucket(more, n.bits) {
			n.parts[b] = newContent(Part{k.kind, prefixString(uint32(b), n.bits)}, k.version, in)
		}
		return n
	}
	n.parts = slices.Clone(s.parts)
	for b, in := range byBucket(more, n.bits) {
		if len(in) > 0 {
			n.parts[b] = n.parts[b].with(in)
		}
	}
	return n
}

// byBucket sorts labels into parts.
func byBucket(list []place, bits int) [][]place {
	out := make([][]place, 1<<bits)
	for _, p := range list {
		b := bucket(p.label, bits)
		out[b] = append(out[b], p)
	}
	return out
}

// upTo returns the lists as they were when each key version had so many labels.
// It builds anew what had fewer: for a log size that lies behind.
func (l Lists) upTo(bound func(version uint64) uint32) Lists {
	out := Lists{make(map[shelf]*split, len(l.shelves))}
	for k, s := range l.shelves {
		limit := bound(k.version)
		if !slices.ContainsFunc(s.parts, func(c *content) bool { return c.newest > limit }) {
			out.shelves[k] = s
			continue
		}
		var keep []place
		for _, c := range s.parts {
			for i, q := range c.seqs {
				if q < limit {
					keep = append(keep, place{c.labels[i], q})
				}
			}
		}
		if len(keep) > 0 {
			out.shelves[k] = (*split)(nil).with(k, keep)
		}
	}
	return out
}

// all yields every part, in order of kind, band, prefix and key version.
func (l Lists) all() []*content {
	var out []*content
	for _, s := range l.shelves {
		out = append(out, s.parts...)
	}
	slices.SortFunc(out, func(a, b *content) int {
		return cmp.Or(a.part.compare(b.part), cmp.Compare(a.version, b.version))
	})
	return out
}

// Address is a part under a key version, and how many labels it holds.
type Address struct {
	Part       Part
	KeyVersion uint64
	Count      uint64
}

// Parts returns every part, in order of kind, band, prefix and key version.
func (l Lists) Parts() []Address {
	var out []Address
	for _, c := range l.all() {
		out = append(out, Address{c.part, c.version, uint64(len(c.labels))})
	}
	return out
}

// content returns a part as it is split here.
func (l Lists) content(p Part, version uint64) (*content, bool) {
	s := l.shelves[shelf{p.Kind, version}]
	if s == nil || len(p.Prefix) != s.bits || p.Validate() != nil {
		return nil, false
	}
	return s.parts[p.number()], true
}

// Tree returns the tree of a part: its proofs and its full list. False if the
// part is none of these lists'.
func (l Lists) Tree(p Part, keyVersion uint64) (*Tree, bool) {
	c, ok := l.content(p, keyVersion)
	if !ok {
		return nil, false
	}
	return c.tree(), true
}

// PartOf returns the part that a label of a kind lies in under a key version,
// as these lists are split.
func (l Lists) PartOf(kind fingerprint.Kind, keyVersion uint64, y Label) (Part, bool) {
	s := l.shelves[shelf{kind, keyVersion}]
	if s == nil {
		return Part{}, false
	}
	return PartOf(kind, y, s.bits), true
}

// Count returns the number of labels, of all kinds under all key versions.
func (l Lists) Count() (n uint64) {
	for _, s := range l.shelves {
		n += s.count
	}
	return n
}

// find returns the sequence number of a label.
func (l Lists) find(k shelf, y Label) (uint32, bool) {
	s := l.shelves[k]
	if s == nil {
		return 0, false
	}
	return s.parts[bucket(y, s.bits)].find(y)
}
