package clearing

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/clearance"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/blacklist/polynomial"
)

// Source is where lists come from; nothing of it is believed (CL2). It is safe for
// concurrent use.
type Source interface {
	// Object is what an epoch commits to under a hash. Any error sends the asker
	// to Before.
	Object(ctx context.Context, hash [32]byte) ([]byte, error)
	// Before is every label of a kind under a key version that an epoch of that
	// log size has, in any order: what is no longer served as an object.
	Before(ctx context.Context, kind fingerprint.Kind, version, size uint64) ([]blacklist.Label, error)
}

// ErrList is a list that no source has, or only another one than is committed to.
var ErrList = errors.New("the list that the log commits to is not to be had")

// lists are those of the epochs of one document, each verified, and kept.
type lists struct {
	source Source
	full   map[[32]byte]blacklist.FullList
	before map[past][]blacklist.Label
	of     map[extent]*clearance.Statement
}

type past struct {
	kind    fingerprint.Kind
	version uint64
	size    uint64
}

// extent is what a statement is of.
type extent struct {
	part           blacklist.Part
	version        uint64
	from, to       uint64
	full, previous [32]byte
}

func newLists(s Source) *lists {
	return &lists{s, map[[32]byte]blacklist.FullList{}, map[past][]blacklist.Label{}, map[extent]*clearance.Statement{}}
}

// object is an object with that hash, nil if there is none.
func (l *lists) object(ctx context.Context, hash [32]byte) []byte {
	raw, err := l.source.Object(ctx, hash)
	if err != nil || sha256.Sum256(raw) != hash {
		return nil
	}
	return raw
}

// fullOf is the full list of a part as of an epoch.
func (l *lists) fullOf(ctx context.Context, size uint64, p blacklist.PartEpoch) (blacklist.FullList, error) {
	hash, _ := p.Hash(blacklist.CommitFull)
	if f, ok := l.full[hash]; ok {
		return f, nil
	}
	f, err := blacklist.ParseFullList(l.object(ctx, hash))
	if err != nil || p.Check(f) != nil {
		if f, err = l.then(ctx, size, p); err != nil {
			return f, fmt.Errorf("%v of size %d: %w: %w", p.Part, size, ErrList, err)
		}
	}
	l.full[hash] = f
	return f, nil
}

// then is a list as it was, of what was added since.
func (l *lists) then(ctx context.Context, size uint64, p blacklist.PartEpoch) (blacklist.FullList, error) {
	f := blacklist.FullList{Part: p.Part, KeyVersion: p.KeyVersion}
	at := past{p.Part.Kind, p.KeyVersion, size}
	all, ok := l.before[at]
	if !ok {
		var err error
		if all, err = l.source.Before(ctx, p.Part.Kind, p.KeyVersion, size); err != nil {
			return f, err
		}
		l.before[at] = all
	}
	for _, y := range all {
		if p.Part.Holds(p.Part.Kind, y) {
			f.Labels = append(f.Labels, y)
		}
	}
	slices.SortFunc(f.Labels, func(a, b blacklist.Label) int { return bytes.Compare(a[:], b[:]) })
	return f, p.Check(f)
}

// statement is what a proof over a whole part speaks of.
func (l *lists) statement(ctx context.Context, origin string, size uint64, p blacklist.PartEpoch) (*clearance.Statement, error) {
	full, _ := p.Hash(blacklist.CommitFull)
	key := extent{part: p.Part, version: p.KeyVersion, to: size, full: full}
	if st := l.of[key]; st != nil {
		return st, nil
	}
	hash, _ := p.Hash(blacklist.CommitPolynomial)
	poly, err := polynomial.Parse(l.object(ctx, hash), p.Count)
	if err != nil {
		f, err := l.fullOf(ctx, size, p)
		if err != nil {
			return nil, err
		}
		if poly = polynomialOf(f.Labels); poly.Hash() != hash {
			return nil, fmt.Errorf("polynomial of %v: %w", p.Part, ErrList)
		}
	}
	l.of[key] = &clearance.Statement{Origin: origin, Size: size, KeyVersion: p.KeyVersion, Part: p.Part, ListHash: full, Polynomial: poly}
	return l.of[key], nil
}

// extensions are what proofs over what was added since an older epoch speak of, for
// each part of a kind that anything was added to. What was added follows from the
// two full lists, each witnessed: nobody has to follow the epochs in between.
func (l *lists) extensions(ctx context.Context, origin string, older, newer blacklist.State, kind fingerprint.Kind, version uint64) ([]*clearance.Statement, error) {
	had := map[blacklist.Label]bool{}
	for _, p := range partsOf(older, kind, version) {
		f, err := l.fullOf(ctx, older.Size, p)
		if err != nil {
			return nil, err
		}
		for _, y := range f.Labels {
			had[y] = true
		}
	}
	var out []*clearance.Statement
	kept := 0
	for _, p := range partsOf(newer, kind, version) {
		f, err := l.fullOf(ctx, newer.Size, p)
		if err != nil {
			return nil, err
		}
		d := blacklist.Delta{Part: p.Part, KeyVersion: version, From: older.Size, To: newer.Size}
		for _, y := range f.Labels {
			if had[y] {
				kept++
			} else {
				d.Labels = append(d.Labels, y)
			}
		}
		if len(d.Labels) == 0 {
			continue
		}
		full, _ := p.Hash(blacklist.CommitFull)
		key := extent{part: p.Part, version: version, from: older.Size, to: newer.Size, full: full, previous: older.Hash()}
		if l.of[key] == nil {
			l.of[key] = &clearance.Statement{
				Origin: origin, Size: newer.Size, From: older.Size, KeyVersion: version, Part: p.Part, ListHash: d.Hash(), Polynomial: polynomialOf(d.Labels),
			}
		}
		out = append(out, l.of[key])
	}
	if kept != len(had) {
		return nil, fmt.Errorf("%s: labels vanished between sizes %d and %d: %w", kind, older.Size, newer.Size, ErrList)
	}
	return out, nil
}

func polynomialOf(labels []blacklist.Label) *polynomial.Polynomial {
	roots := make([][32]byte, len(labels))
	for i, y := range labels {
		roots[i] = blacklist.ScalarOf(y)
	}
	return polynomial.New(roots)
}
