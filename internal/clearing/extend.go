package clearing

import (
	"context"
	"fmt"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/clearance"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/internal/listsync"
)

// Extend proves the labels of an older clearance absent from what was listed since,
// with its commitments; nobody is asked. Errors: *ListedError, ErrNothingNew,
// ErrVersions, ErrOpening, ErrList.
func Extend(ctx context.Context, older *Document, o *Opening, list *listsync.List, s Source) (*Document, error) {
	if older.Form != FormZero {
		return nil, fmt.Errorf("%w: pseudonyms are made anew, and not extended", ErrFormat)
	}
	if Hex32(list.GenesisHash()) != older.Genesis || o.Genesis != older.Genesis {
		return nil, fmt.Errorf("%w: it is of another log", ErrOpening)
	}
	if list.Number <= older.Epoch.Number {
		return nil, ErrNothingNew
	}
	d := begin(list, false)
	d.Older, d.From, d.Linkable = older, &older.Epoch.Place, older.Linkable
	d.Says = d.says()
	v := Verified{Kinds: map[fingerprint.Kind]int{}}
	was, err := older.Epoch.state()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	d.Fingerprints = older.Fingerprints
	if err := v.complete(d, list.State(), list.Versions()); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrVersions, err)
	}
	d.Fingerprints = make([]Fingerprint, 0, len(older.Fingerprints))
	labels := map[uint64][]blacklist.Label{}
	for _, q := range o.Queries {
		sets, err := evaluators(list.Authority(), q.KeyVersion)
		if err != nil {
			return nil, err
		}
		if labels[q.KeyVersion], err = o.labels(q, sets); err != nil {
			return nil, err
		}
	}
	at := map[Hex32]int{}
	for i, f := range o.Fingerprints {
		for _, c := range f.Commitments {
			at[c.C0] = i
		}
	}
	l := newLists(s)
	var slots []slot
	var questions []blacklist.Question
	for n, f := range older.Fingerprints {
		i, ok := at[*f.C0]
		if !ok || labels[f.KeyVersion] == nil || o.Fingerprints[i].Kind != f.Kind {
			return nil, fmt.Errorf("%w: it does not open fingerprint %d", ErrOpening, n)
		}
		blind, _ := o.blindOf(o.Fingerprints[i].X, f.KeyVersion)
		secret, err := clearance.Open(labels[f.KeyVersion][i], blind[:])
		if err != nil || Hex32(secret.Commitment()) != *f.C0 {
			return nil, fmt.Errorf("%w: it does not open fingerprint %d", ErrOpening, n)
		}
		due, err := l.extensions(ctx, d.Origin, was, list.State(), f.Kind, f.KeyVersion)
		if err != nil {
			return nil, err
		}
		next := Fingerprint{Kind: f.Kind, KeyVersion: f.KeyVersion, C0: f.C0, Proofs: []PartProof{}}
		slots = append(slots, next.fill(due, secret, n)...)
		d.Fingerprints = append(d.Fingerprints, next)
		questions = append(questions, blacklist.Question{Kind: f.Kind})
	}
	return d, finish(ctx, d, slots, questions)
}
