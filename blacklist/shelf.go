package blacklist

import (
	"maps"
	"slices"

	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

// shelf is what is split into parts together: one kind under one key version.
type shelf struct {
	kind    fingerprint.Kind
	version uint64
}

// splits holds a shelf's labels and the trees of its parts. Only the parts
// that a label was added to since the last epoch are built again.
type splits struct {
	labels map[Label]bool
	bits   int
	trees  map[uint32]*Tree
	states map[uint32]PartEpoch
	fresh  map[uint32][]Label // added since the trees were built
}

func (s *splits) clone() *splits {
	c := &splits{maps.Clone(s.labels), s.bits, maps.Clone(s.trees), maps.Clone(s.states), make(map[uint32][]Label)}
	for b, l := range s.fresh {
		c.fresh[b] = slices.Clone(l)
	}
	return c
}

func (s *Set) shelve(kind fingerprint.Kind, version uint64, l Label) {
	k := shelf{kind, version}
	sh := s.shelves[k]
	if sh == nil {
		sh = &splits{labels: make(map[Label]bool)}
		sh.reset(0)
		s.shelves[k] = sh
	}
	if sh.labels[l] {
		return
	}
	sh.labels[l] = true
	if n := PrefixBits(kind, uint64(len(sh.labels))); n != sh.bits {
		sh.reset(n)
		for l := range sh.labels {
			b := bucket(l, n)
			sh.fresh[b] = append(sh.fresh[b], l)
		}
		return
	}
	b := bucket(l, sh.bits)
	sh.fresh[b] = append(sh.fresh[b], l)
}

func (s *splits) reset(bits int) {
	s.bits = bits
	s.trees = make(map[uint32]*Tree)
	s.states = make(map[uint32]PartEpoch)
	s.fresh = make(map[uint32][]Label)
}

// build brings every part of the shelf up to date.
func (s *splits) build(k shelf) {
	for b := range uint32(1) << s.bits {
		t := s.trees[b]
		if t != nil && len(s.fresh[b]) == 0 {
			continue
		}
		if t == nil {
			t = NewTree()
		}
		t = t.With(s.fresh[b]...)
		s.trees[b] = t
		s.states[b] = Commit(Part{Kind: k.kind, Prefix: prefixString(b, s.bits)}, k.version, t)
	}
	clear(s.fresh)
}

// Epoch returns the state of every part that holds labels or shares a kind and
// key version with one that does. It costs the parts that changed.
func (s *Set) Epoch() Epoch {
	e := Epoch{Semantics: Semantics, Parts: []PartEpoch{}}
	for k, sh := range s.shelves {
		sh.build(k)
		for _, p := range sh.states {
			p.Commitments = slices.Clone(p.Commitments)
			e.Parts = append(e.Parts, p)
		}
	}
	slices.SortFunc(e.Parts, comparePartEpochs)
	return e
}

// Tree returns the tree of a part of the present epoch: its proofs and its full
// list. False if the part is none of the epoch's.
func (s *Set) Tree(p Part, keyVersion uint64) (*Tree, bool) {
	k := shelf{p.Kind, keyVersion}
	sh := s.shelves[k]
	if sh == nil || p.Validate() != nil || len(p.Prefix) != sh.bits {
		return nil, false
	}
	sh.build(k)
	for b, state := range sh.states {
		if state.Part == p {
			return sh.trees[b], true
		}
	}
	return nil, false
}
