package blacklist

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

// Semantics is the number that fixes what an epoch's parts commit to and how
// it is computed. A later number adds names; this one stays judged as it is.
const Semantics = 1

// ErrEpoch is returned for an epoch that is not well formed.
var ErrEpoch = errors.New("malformed epoch")

// The names of commitments.
const (
	CommitFull = "full" // FullList.Hash
	CommitRoot = "root" // Tree.Root
)

// required returns the names that each part of an epoch must commit to, sorted.
func required(semantics int) ([]string, bool) {
	switch semantics {
	case 1:
		return []string{CommitFull, CommitRoot}, true
	}
	return nil, false
}

// Commitment is a named hash.
type Commitment struct {
	Name string
	Hash Hash
}

// PartEpoch is the state of one part under one key version.
type PartEpoch struct {
	Part        Part
	KeyVersion  uint64
	Count       uint64
	Commitments []Commitment // sorted by name
}

// Commit computes the state of a part from its tree.
func Commit(p Part, keyVersion uint64, t *Tree) PartEpoch {
	full := FullList{p, keyVersion, t.Labels()}
	return PartEpoch{p, keyVersion, t.Count(), []Commitment{{CommitFull, full.Hash()}, {CommitRoot, t.Root()}}}
}

// Hash returns the commitment of that name.
func (p PartEpoch) Hash(name string) (Hash, bool) {
	for _, c := range p.Commitments {
		if c.Name == name {
			return c.Hash, true
		}
	}
	return Hash{}, false
}

// Equal reports whether two states say the same.
func (p PartEpoch) Equal(q PartEpoch) bool {
	return p.Part == q.Part && p.KeyVersion == q.KeyVersion && p.Count == q.Count && slices.Equal(p.Commitments, q.Commitments)
}

// Check holds a full list against the state.
func (p PartEpoch) Check(f FullList) error {
	if want, ok := p.Hash(CommitFull); !ok || f.Part != p.Part || f.KeyVersion != p.KeyVersion ||
		uint64(len(f.Labels)) != p.Count || f.Hash() != want {
		return fmt.Errorf("%w: full list of %v is not the one committed to", ErrProof, p.Part)
	}
	return nil
}

// Epoch is the state of the whole set, parts in order of kind, band, prefix and
// key version.
type Epoch struct {
	Semantics int
	Parts     []PartEpoch
}

// Validate checks the form: a known number of semantics, known parts in strict
// order, exactly the required commitments, and each kind, under each key
// version, split by as many bits as its labels demand, no bucket missing.
func (e Epoch) Validate() error {
	names, ok := required(e.Semantics)
	if !ok {
		return fmt.Errorf("%w: semantics %d", ErrEpoch, e.Semantics)
	}
	type group struct {
		kind    fingerprint.Kind
		version uint64
	}
	type sums struct{ labels, parts uint64 }
	total := make(map[group]sums)
	for i, p := range e.Parts {
		if err := p.Part.Validate(); err != nil {
			return fmt.Errorf("%w: %w", ErrEpoch, err)
		}
		if i > 0 && comparePartEpochs(e.Parts[i-1], p) >= 0 {
			return fmt.Errorf("%w: part %v out of order", ErrEpoch, p.Part)
		}
		if !slices.EqualFunc(p.Commitments, names, func(c Commitment, n string) bool { return c.Name == n }) {
			return fmt.Errorf("%w: part %v does not commit to %s", ErrEpoch, p.Part, strings.Join(names, ", "))
		}
		if p.Count > MaxPartLabels {
			return fmt.Errorf("%w: part %v holds %d labels", ErrEpoch, p.Part, p.Count)
		}
		g := group{p.Part.Kind, p.KeyVersion}
		s := total[g]
		total[g] = sums{s.labels + p.Count, s.parts + 1}
	}
	for _, p := range e.Parts {
		s := total[group{p.Part.Kind, p.KeyVersion}]
		n := PrefixBits(p.Part.Kind, s.labels)
		if len(p.Part.Prefix) != n || s.parts != 1<<n {
			return fmt.Errorf("%w: %s is split into %d parts by %q", ErrEpoch, p.Part.Kind, s.parts, p.Part.Prefix)
		}
	}
	return nil
}

// Find returns the part that a label lies in under that key version.
func (e Epoch) Find(kind fingerprint.Kind, keyVersion uint64, l Label) (PartEpoch, bool) {
	for _, p := range e.Parts {
		if p.KeyVersion == keyVersion && p.Part.Holds(kind, l) {
			return p, true
		}
	}
	return PartEpoch{}, false
}

func comparePartEpochs(a, b PartEpoch) int {
	if c := a.Part.compare(b.Part); c != 0 {
		return c
	}
	switch {
	case a.KeyVersion < b.KeyVersion:
		return -1
	case a.KeyVersion > b.KeyVersion:
		return 1
	}
	return 0
}
