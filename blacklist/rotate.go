package blacklist

import (
	"errors"
	"fmt"
	"slices"
)

// ErrRotation is returned for a rotation that does not follow the ones before.
var ErrRotation = errors.New("rotation does not follow")

// Rotation maps labels of one key version to another, in the order in which the
// first published them: the caller has verified that each new label is the old
// one under the new key.
type Rotation struct {
	Index    uint64 // of this entry in the log
	From, To uint64 // key versions, From below To
	Offset   uint64 // how many labels earlier rotations mapped
	Labels   []Label
}

// Order returns up to n labels of a key version in the order in which they were
// first published, from number offset on: by the index of the listing (or of the
// rotation that brought them) and by their number in it, each label of a kind
// once. Since the order only grows, an offset names the same label for ever. It
// costs a look at every label of the key version.
func (s *Set) Order(keyVersion, offset uint64, n int) []Entry {
	total := s.Ordered(keyVersion)
	if offset >= total || n <= 0 {
		return []Entry{}
	}
	out := make([]Entry, min(uint64(n), total-offset))
	put := func(k shelf, p place) {
		if i := uint64(p.seq) - offset; uint64(p.seq) >= offset && i < uint64(len(out)) {
			out[i] = Entry{k.kind, p.label}
		}
	}
	for k, sh := range s.lists.shelves {
		if k.version != keyVersion {
			continue
		}
		for _, c := range sh.parts {
			for i, q := range c.seqs {
				put(k, place{c.labels[i], q})
			}
		}
	}
	for _, w := range s.waiting {
		if w.shelf.version == keyVersion {
			put(w.shelf, w.place)
		}
	}
	return out
}

// Ordered returns how many labels were published under a key version.
func (s *Set) Ordered(keyVersion uint64) uint64 {
	if o := s.orders[keyVersion]; o != nil {
		return uint64(o.count)
	}
	return 0
}

// Rotated returns how many labels of one key version were mapped to another:
// the offset of the next rotation.
func (s *Set) Rotated(from, to uint64) uint64 { return uint64(s.rotated[versions{from, to}]) }

// Rotate publishes labels under a newer key version for those of an older one:
// same kind, same halts, same marks. What a strike, a contest or an allow-list
// says under either version holds under both, before and after. Labels listed
// under the old version later are for the next rotation; the old ones stay in
// the list, since nothing is removed.
//
// What an allow-list names and no listing publishes has no place in the order:
// officers name it under the new version themselves before that becomes current.
func (s *Set) Rotate(r Rotation) error {
	step := versions{r.From, r.To}
	switch {
	case r.From >= r.To:
		return fmt.Errorf("%w: from key version %d to %d", ErrRotation, r.From, r.To)
	case r.Offset != s.Rotated(r.From, r.To):
		return fmt.Errorf("%w: offset %d, %d labels are rotated", ErrRotation, r.Offset, s.Rotated(r.From, r.To))
	case uint64(len(r.Labels)) > s.Ordered(r.From)-r.Offset:
		return fmt.Errorf("%w: %d labels, %d are left", ErrRotation, len(r.Labels), s.Ordered(r.From)-r.Offset)
	}
	old := s.Order(r.From, r.Offset, len(r.Labels))
	to := s.order(r.To)
	for i, l := range r.Labels {
		from := spot{r.From, uint32(r.Offset) + uint32(i)}
		k := shelf{old[i].Kind, r.To}
		if seq, ok := s.find(k, l); ok {
			s.join(from, spot{r.To, seq})
			continue
		}
		s.shelve(k, l, to.rotate(r.Index, from), r.Index)
	}
	s.rotated[step] = uint32(r.Offset) + uint32(len(r.Labels))
	s.note(r, s.rotated[step])
	return nil
}

// note keeps when a rotation came how far.
func (s *Set) note(r Rotation, total uint32) {
	s.steps = append(s.steps, step{versions{r.From, r.To}, r.Index, total})
}

// askedAt returns the key versions, ascending, under which a model has to be asked
// for what was published below a log size: those that hold labels which no newer
// one holds all of. published is how many labels each held.
func (s *Set) askedAt(size uint64, published map[uint64]uint32) []uint64 {
	carried := map[uint64]bool{}
	for _, st := range s.steps {
		if st.index < size && st.total >= published[st.from] {
			carried[st.from] = true
		}
	}
	var out []uint64
	for v, n := range published {
		if n > 0 && !carried[v] {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return out
}
