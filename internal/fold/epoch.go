package fold

import (
	"sort"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/log"
)

// EpochOf is the epoch statement that commits to a blacklist as it is at a log
// size: what an engine logs next.
func EpochOf(set *blacklist.Set, origin string, number, size uint64) *log.Epoch {
	return DraftOf(set, origin, number, size).Statement()
}

// FirstEpochOf is the statement in the first semantics, which logs from before the
// second hold.
func FirstEpochOf(set *blacklist.Set, origin string, number, size uint64) *log.Epoch {
	return statementOf(origin, number, size, set.DraftAt(number, 0, size).First())
}

// EpochDraft is an epoch statement to be computed, which takes time: outside the
// lock under which it was taken.
type EpochDraft struct {
	origin       string
	number, size uint64
	draft        blacklist.Draft
}

// DraftOf is the draft of what [EpochOf] gives. Where more parts changed than a
// statement holds, after many halts at once, it stops at a smaller size, and the
// next epoch goes on: the labels of one entry always fit.
func DraftOf(set *blacklist.Set, origin string, number, size uint64) EpochDraft {
	return draftWithin(log.MaxEpochParts, set, origin, number, size)
}

func draftWithin(limit int, set *blacklist.Set, origin string, number, size uint64) EpochDraft {
	d := set.DraftAt(number, set.From(), size)
	if d.Changed() > limit {
		events := set.Events(set.From(), size)
		// The last event before which everything fits; the first always does.
		n := sort.Search(len(events)-1, func(i int) bool {
			return set.DraftAt(number, set.From(), events[i+1]).Changed() > limit
		})
		size = events[n]
		if n == 0 {
			size = events[0] + 1
		}
		d = set.DraftAt(number, set.From(), size)
	}
	return EpochDraft{origin, number, size, d}
}

// Statement computes the statement.
func (d EpochDraft) Statement() *log.Epoch {
	return statementOf(d.origin, d.number, d.size, d.draft.Epoch())
}

// ExpectEpoch is the epoch statement that the newest valid epoch should have
// been, after it was folded; false for semantics that are not known here.
func ExpectEpoch(set *blacklist.Set, st *log.Epoch) (*log.Epoch, bool) {
	from, _, _ := set.Last()
	switch d := set.DraftAt(st.Number, from, st.Size); st.Semantics {
	case 1:
		return statementOf(st.Origin, st.Number, st.Size, d.First()), true
	case 2:
		return statementOf(st.Origin, st.Number, st.Size, d.Epoch()), true
	}
	return nil, false
}

func statementOf(origin string, number, size uint64, e blacklist.Epoch) *log.Epoch {
	st := &log.Epoch{Origin: origin, Number: number, Size: size, Semantics: e.Semantics, Parts: make([]log.EpochPart, 0, len(e.Parts))}
	if e.Semantics > 1 {
		st.State, st.Asked = new(log.Hash(e.State)), e.Asked
	}
	for _, p := range e.Parts {
		family, band := p.Part.Kind.Family()
		q := log.EpochPart{
			Kind: family, Band: band, Prefix: p.Part.Prefix,
			KeyVersion: p.KeyVersion, Count: p.Count, Commitments: make([]log.Commitment, 0, len(p.Commitments)),
		}
		for _, c := range p.Commitments {
			q.Commitments = append(q.Commitments, log.Commitment{Name: c.Name, Hash: log.Hash(c.Hash)})
		}
		st.Parts = append(st.Parts, q)
	}
	return st
}

// Epoch is a statement as the blacklist takes it, the inverse of what [EpochOf]
// makes of it. What is well formed as a statement may be none as an epoch:
// blacklist.Epoch's Validate says.
func Epoch(st *log.Epoch) blacklist.Epoch {
	e := blacklist.Epoch{Semantics: st.Semantics, Parts: make([]blacklist.PartEpoch, 0, len(st.Parts)), Asked: st.Asked}
	if st.State != nil {
		e.State = blacklist.Hash(*st.State)
	}
	for _, p := range st.Parts {
		kind := fingerprint.Kind(p.Kind)
		switch p.Kind {
		case log.LabelBand:
			kind = fingerprint.Band(p.Band)
		case log.LabelBandP:
			kind = fingerprint.BandP(p.Band)
		}
		q := blacklist.PartEpoch{Part: blacklist.Part{Kind: kind, Prefix: p.Prefix}, KeyVersion: p.KeyVersion, Count: p.Count}
		for _, c := range p.Commitments {
			q.Commitments = append(q.Commitments, blacklist.Commitment{Name: c.Name, Hash: blacklist.Hash(c.Hash)})
		}
		e.Parts = append(e.Parts, q)
	}
	return e
}
