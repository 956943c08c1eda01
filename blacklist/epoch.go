package blacklist

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

// Semantics is the number that fixes what an epoch's parts commit to and how
// it is computed. Every released number stays judged as it is.
//
//   - 1: every part of the kinds manifest and tensor, with full and root.
//   - 2: the parts that changed since the last epoch, of all kinds, with all
//     eight names, the hash of the state document, which names every part, and the
//     key versions under which a model has to be asked.
const Semantics = 2

// ErrEpoch is returned for an epoch or a state that is not well formed.
var ErrEpoch = errors.New("malformed epoch")

// The names of commitments.
const (
	CommitDeltaFull       = "delta-full"       // Delta.Hash
	CommitDeltaLookup     = "delta-lookup"     // LookupList.Hash of the delta's labels
	CommitDeltaPolynomial = "delta-polynomial" // polynomial.Polynomial.Hash of the delta's labels
	CommitDeltaRoot       = "delta-root"       // Tree.Root of the delta's labels
	CommitFull            = "full"             // FullList.Hash
	CommitLookup          = "lookup"           // LookupList.Hash
	CommitPolynomial      = "polynomial"       // polynomial.Polynomial.Hash
	CommitRoot            = "root"             // Tree.Root
)

// Required returns the names that each part of an epoch must commit to, sorted;
// false for semantics that are not known here.
func Required(semantics int) ([]string, bool) {
	switch semantics {
	case 1:
		return []string{CommitFull, CommitRoot}, true
	case 2:
		return []string{
			CommitDeltaFull, CommitDeltaLookup, CommitDeltaPolynomial, CommitDeltaRoot,
			CommitFull, CommitLookup, CommitPolynomial, CommitRoot,
		}, true
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

// CheckDelta holds a delta against the state.
func (p PartEpoch) CheckDelta(d Delta) error {
	if want, ok := p.Hash(CommitDeltaFull); !ok || d.Part != p.Part || d.KeyVersion != p.KeyVersion || d.Hash() != want {
		return fmt.Errorf("%w: delta of %v is not the one committed to", ErrProof, p.Part)
	}
	return nil
}

// Epoch is what an epoch statement says of the set: parts in order of kind,
// band, prefix and key version.
type Epoch struct {
	Semantics int
	Parts     []PartEpoch // of semantics 2 those that changed
	State     Hash        // of the state document, from semantics 2 on
	// Asked are the key versions under which a model has to be asked, ascending, from
	// semantics 2 on: a version all of whose labels a newer one holds too is left out.
	Asked []uint64
}

// Validate checks the form: known semantics, known parts in strict order,
// exactly the required commitments, one split of each kind under each key
// version; of semantics 1 also that no part is missing, which for later ones the
// state document shows ([State.Validate]).
func (e Epoch) Validate() error {
	names, ok := Required(e.Semantics)
	if !ok {
		return fmt.Errorf("%w: semantics %d", ErrEpoch, e.Semantics)
	}
	if err := checkParts(e.Parts, names); err != nil {
		return err
	}
	for i, v := range e.Asked {
		if e.Semantics == 1 || v == 0 || (i > 0 && e.Asked[i-1] >= v) {
			return fmt.Errorf("%w: key versions that are asked", ErrEpoch)
		}
	}
	if e.Semantics == 1 {
		for _, p := range e.Parts {
			if !ofFirst(p.Part.Kind) {
				return fmt.Errorf("%w: part %v in an epoch of semantics 1", ErrEpoch, p.Part)
			}
		}
		return checkSplit(e.Parts)
	}
	bits := make(map[shelf]int)
	for _, p := range e.Parts {
		k := shelf{p.Part.Kind, p.KeyVersion}
		if n, ok := bits[k]; ok && n != len(p.Part.Prefix) {
			return fmt.Errorf("%w: %s is split in two ways", ErrEpoch, p.Part.Kind)
		}
		bits[k] = len(p.Part.Prefix)
	}
	return nil
}

// ofFirst reports whether semantics 1 knows the kind.
func ofFirst(k fingerprint.Kind) bool { return k == fingerprint.Manifest || k == fingerprint.Tensor }

// checkParts checks order, addresses, names and counts.
func checkParts(parts []PartEpoch, names []string) error {
	for i, p := range parts {
		if err := p.Part.Validate(); err != nil {
			return fmt.Errorf("%w: %w", ErrEpoch, err)
		}
		if i > 0 && comparePartEpochs(parts[i-1], p) >= 0 {
			return fmt.Errorf("%w: part %v out of order", ErrEpoch, p.Part)
		}
		if !slices.EqualFunc(p.Commitments, names, func(c Commitment, n string) bool { return c.Name == n }) {
			return fmt.Errorf("%w: part %v does not commit to %s", ErrEpoch, p.Part, strings.Join(names, ", "))
		}
		if p.Count > MaxPartLabels {
			return fmt.Errorf("%w: part %v holds %d labels", ErrEpoch, p.Part, p.Count)
		}
	}
	return nil
}

// checkSplit checks that each kind, under each key version, is split by as many
// bits as its labels demand, no part missing.
func checkSplit(parts []PartEpoch) error {
	type sums struct{ labels, parts uint64 }
	total := make(map[shelf]sums)
	for _, p := range parts {
		k := shelf{p.Part.Kind, p.KeyVersion}
		s := total[k]
		total[k] = sums{s.labels + p.Count, s.parts + 1}
	}
	for _, p := range parts {
		s := total[shelf{p.Part.Kind, p.KeyVersion}]
		n := PrefixBits(p.Part.Kind, s.labels)
		if len(p.Part.Prefix) != n || s.parts != 1<<n {
			return fmt.Errorf("%w: %s is split into %d parts by %q", ErrEpoch, p.Part.Kind, s.parts, p.Part.Prefix)
		}
	}
	return nil
}

// Find returns the part that a label lies in under that key version, if the
// epoch names it.
func (e Epoch) Find(kind fingerprint.Kind, keyVersion uint64, l Label) (PartEpoch, bool) {
	return findPart(e.Parts, kind, keyVersion, l)
}

func findPart(parts []PartEpoch, kind fingerprint.Kind, keyVersion uint64, l Label) (PartEpoch, bool) {
	for _, p := range parts {
		if p.KeyVersion == keyVersion && p.Part.Holds(kind, l) {
			return p, true
		}
	}
	return PartEpoch{}, false
}

func comparePartEpochs(a, b PartEpoch) int {
	return cmp.Or(a.Part.compare(b.Part), cmp.Compare(a.KeyVersion, b.KeyVersion))
}
