package mirror

import (
	"crypto/sha256"
	"errors"
	"runtime"
	"slices"
	"sync"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/polynomial"
)

// address is a part under a key version.
type address struct {
	part    blacklist.Part
	version uint64
}

// derive makes what parts commit to out of what is mirrored and of the deltas since:
// what changed crosses the network, and not the list. It writes nothing but what has
// the hash that the epoch commits to (MI1); what it cannot make is left to be fetched.
func (m *Mirror) derive(parts []blacklist.PartEpoch, deltas map[address][]blacklist.Delta) error {
	places := make(chan struct{}, runtime.GOMAXPROCS(0))
	errs := make([]error, len(parts))
	var wg sync.WaitGroup
	for i, p := range parts {
		ds := deltas[address{p.Part, p.KeyVersion}]
		if len(ds) == 0 {
			continue
		}
		places <- struct{}{}
		wg.Go(func() {
			errs[i] = m.derivePart(p, ds)
			<-places
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// derivePart makes a part's list of the one before and its deltas, oldest first, and the
// lookup list and the polynomial of it; and the same of the newest delta alone.
func (m *Mirror) derivePart(p blacklist.PartEpoch, deltas []blacklist.Delta) error {
	newest := deltas[len(deltas)-1]
	if err := m.keep(p, blacklist.CommitDeltaLookup, func() []byte {
		return blacklist.NewLookupList(p.Part, p.KeyVersion, newest.Labels).Marshal()
	}); err != nil {
		return err
	}
	if err := m.keep(p, blacklist.CommitDeltaPolynomial, func() []byte { return polynomialOf(newest.Labels).Encoding() }); err != nil {
		return err
	}
	if m.holds(p, blacklist.CommitFull, blacklist.CommitLookup, blacklist.CommitPolynomial) {
		return nil
	}
	full, added, ok := m.joined(p, deltas)
	if !ok {
		return nil
	}
	if err := m.keep(p, blacklist.CommitFull, full.Marshal); err != nil {
		return err
	}
	if err := m.keep(p, blacklist.CommitLookup, func() []byte {
		return blacklist.NewLookupList(p.Part, p.KeyVersion, full.Labels).Marshal()
	}); err != nil {
		return err
	}
	return m.keep(p, blacklist.CommitPolynomial, func() []byte { return m.grown(full, added).Encoding() })
}

// holds reports whether all of a part's objects of these names are here.
func (m *Mirror) holds(p blacklist.PartEpoch, names ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool {
		hash, ok := p.Hash(name)
		return !ok || !m.objects.Has(hash)
	})
}

// keep writes an object if it is the one that the part commits to under a name.
func (m *Mirror) keep(p blacklist.PartEpoch, name string, object func() []byte) error {
	want, ok := p.Hash(name)
	if !ok || m.objects.Has(want) {
		return nil
	}
	raw := object()
	if sha256.Sum256(raw) != want {
		return nil
	}
	_, err := m.objects.Put(raw)
	return err
}

// joined is the part's full list; false if the one before is not here, or was of
// another part.
func (m *Mirror) joined(p blacklist.PartEpoch, deltas []blacklist.Delta) (f blacklist.FullList, added []blacklist.Label, ok bool) {
	f = blacklist.FullList{Part: p.Part, KeyVersion: p.KeyVersion}
	if i := slices.IndexFunc(m.state.Parts, func(q blacklist.PartEpoch) bool { return q.Part == p.Part && q.KeyVersion == p.KeyVersion }); i >= 0 {
		hash, _ := m.state.Parts[i].Hash(blacklist.CommitFull)
		raw, err := m.objects.Get(hash)
		if err != nil {
			return f, nil, false
		}
		if f, err = m.state.Parts[i].Open(raw); err != nil {
			return f, nil, false
		}
	}
	for _, d := range deltas {
		var err error
		if f, err = f.With(d); err != nil {
			return f, nil, false
		}
		added = append(added, d.Labels...)
	}
	return f, added, p.Check(f) == nil
}

// grown is the polynomial of a list: of the one before where it is here and few labels
// were added, which costs a pass over it for each.
func (m *Mirror) grown(f blacklist.FullList, added []blacklist.Label) *polynomial.Polynomial {
	i := slices.IndexFunc(m.state.Parts, func(q blacklist.PartEpoch) bool { return q.Part == f.Part && q.KeyVersion == f.KeyVersion })
	if i < 0 || len(added) > maxAdded {
		return polynomialOf(f.Labels)
	}
	hash, _ := m.state.Parts[i].Hash(blacklist.CommitPolynomial)
	raw, err := m.objects.Get(hash)
	if err != nil {
		return polynomialOf(f.Labels)
	}
	p, err := polynomial.Parse(raw, m.state.Parts[i].Count)
	if err != nil {
		return polynomialOf(f.Labels)
	}
	for _, y := range added {
		p.Add(blacklist.ScalarOf(y))
	}
	return p
}

func polynomialOf(labels []blacklist.Label) *polynomial.Polynomial {
	return polynomial.New(blacklist.NewTree(labels...).Scalars())
}
