package listsync

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/log"
)

// errGone is an object that no source has: the list moved on.
var errGone = errors.New("no source has it any more")

// install makes a verified candidate the folder's list: objects first, the head
// last (LS1).
func (s *syncer) install(ctx context.Context, c *candidate) error {
	next := head{
		Evidence: c.evidence, Checkpoint: c.note.Raw,
		LookupOnly: s.cfg.LookupOnly, Polynomials: s.cfg.Polynomials && !s.cfg.LookupOnly,
	}
	if h := s.held; h != nil && h.Evidence.Epoch.Index == c.evidence.Epoch.Index && h.LookupOnly == next.LookupOnly && h.Polynomials == next.Polynomials {
		// The same list, witnessed again: how old it is counts from then.
		next.Evidence, next.Links = h.Evidence, h.Links
		return s.commit(next, s.proven, s.state)
	}
	s.report.Way, s.report.Parts = "full", 0
	state, way, err := s.follow(ctx, c, &next)
	if err != nil {
		return err
	}
	if !way {
		next.Links = nil
		if state, err = s.stateOf(ctx, c); err != nil {
			return err
		}
	} else {
		s.report.Way = "deltas"
	}
	if next.LookupOnly {
		s.report.Way = "lookup"
	}
	if err := s.ahead(ctx, c, state, next); err != nil {
		return err
	}
	for i, p := range state.Parts {
		if err := s.part(ctx, c, p, state, next); err != nil {
			return err
		}
		if s.cfg.Progress != nil {
			s.cfg.Progress(uint64(i+1), uint64(len(state.Parts)))
		}
	}
	if _, err := s.objects.Put(state.Marshal()); err != nil {
		return err
	}
	s.report.Changed = true
	return s.commit(next, c.proven, state)
}

// commit writes the head, and only then takes away what it does not name.
func (s *syncer) commit(next head, p Proven, state blacklist.State) error {
	if err := s.rise(next.Evidence.Epoch.Index + 1); err != nil {
		return err
	}
	if err := next.write(s.cfg.Dir); err != nil {
		return err
	}
	s.held, s.proven, s.state = &next, p, state
	return s.clean()
}

// rise remembers the newest epoch, also if the head is lost. Each source's view of the
// log has a state of its own, which may be older than what is stored by now.
func (s *syncer) rise(n uint64) error {
	const place = "entries up to the newest epoch"
	state, known, err := s.store.Load()
	if err != nil || !known {
		return errors.Join(err)
	}
	switch seen := state.Sequences[place]; {
	case n < seen:
		return fmt.Errorf("the epoch at %d, one at %d was seen before: %w", n-1, seen-1, ErrRollback)
	case n == seen:
		return nil
	}
	if state.Sequences == nil {
		state.Sequences = map[string]uint64{}
	}
	state.Sequences[place] = n
	return s.store.Save(state)
}

// clean removes objects that the head does not name, and partial downloads.
func (s *syncer) clean() error {
	hold := map[[32]byte]bool{s.proven.Epoch.State: true}
	for _, p := range s.state.Parts {
		for _, c := range p.Commitments {
			if s.wanted(c.Name, *s.held) {
				hold[c.Hash] = true
			}
		}
	}
	for _, k := range s.held.Links {
		raw, err := s.objects.Get(k.Deltas)
		if err != nil {
			return err
		}
		ds, err := parseDeltas(raw)
		if err != nil {
			return err
		}
		hold[k.Deltas] = true
		for _, d := range ds {
			hold[d.hash] = true
		}
	}
	return s.objects.sweep(hold)
}

func (s *syncer) wanted(name string, h head) bool {
	switch name {
	case blacklist.CommitFull:
		return !h.LookupOnly
	case blacklist.CommitLookup:
		return h.LookupOnly
	case blacklist.CommitPolynomial:
		return h.Polynomials
	}
	return false
}

// stateOf fetches the state document that the epoch commits to.
func (s *syncer) stateOf(ctx context.Context, c *candidate) (blacklist.State, error) {
	if err := s.fetch(ctx, c, c.proven.Epoch.State, maxObject); err != nil {
		return blacklist.State{}, fmt.Errorf("state document: %w", err)
	}
	raw, err := s.objects.Get(c.proven.Epoch.State)
	if err != nil {
		return blacklist.State{}, err
	}
	state, err := blacklist.ParseState(raw)
	if err != nil || state.Number != c.proven.Statement.Number || state.Size != c.proven.Statement.Size {
		return state, fmt.Errorf("state document of epoch %d: %w: %w", c.proven.Statement.Number, errEvidence, errors.Join(err))
	}
	return state, nil
}

// ahead fetches at once what parts have to be fetched for in any case: lists, where no
// deltas lead to them.
func (s *syncer) ahead(ctx context.Context, c *candidate, state blacklist.State, next head) error {
	if len(next.Links) > 0 {
		return nil
	}
	var hashes [][32]byte
	limits := map[[32]byte]int64{}
	for _, p := range state.Parts {
		for _, x := range p.Commitments {
			if x.Name == blacklist.CommitPolynomial || !s.wanted(x.Name, next) || s.objects.Has(x.Hash) {
				continue
			}
			hashes = append(hashes, x.Hash)
			limits[x.Hash] = partLimit(p)
		}
	}
	s.report.Parts = len(hashes)
	return Gather(ctx, hashes, func(ctx context.Context, h [32]byte) error { return s.fetch(ctx, c, h, limits[h]) })
}

// partLimit bounds every object of a part, in bytes.
func partLimit(p blacklist.PartEpoch) int64 { return 80*int64(p.Count) + 4096 }

// part brings one part into the folder: out of the held list and the deltas where
// they are there, else from a source.
func (s *syncer) part(ctx context.Context, c *candidate, p blacklist.PartEpoch, state blacklist.State, next head) error {
	changed := false
	for _, x := range p.Commitments {
		if !s.wanted(x.Name, next) || s.objects.Has(x.Hash) {
			continue
		}
		changed = true
		if x.Name == blacklist.CommitFull && len(next.Links) > 0 {
			if ok, err := s.join(p, next.Links); err != nil {
				return err
			} else if ok {
				continue
			}
		}
		if x.Name == blacklist.CommitPolynomial {
			if ok, err := s.compute(p); err != nil {
				return err
			} else if ok {
				continue
			}
		}
		if err := s.fetch(ctx, c, x.Hash, partLimit(p)); err != nil {
			return fmt.Errorf("%s of %v: %w", x.Name, p.Part, err)
		}
	}
	if changed {
		s.report.Parts++
	}
	return nil
}

// join makes a full list of the held one and what the deltas added; false if the
// result is not what the epoch commits to.
func (s *syncer) join(p blacklist.PartEpoch, links []link) (bool, error) {
	f := blacklist.FullList{Part: p.Part, KeyVersion: p.KeyVersion, Labels: []blacklist.Label{}}
	for _, q := range s.state.Parts {
		if q.KeyVersion != p.KeyVersion || !overlaps(q.Part, p.Part) {
			continue
		}
		hash, _ := q.Hash(blacklist.CommitFull)
		raw, err := s.objects.Get(hash)
		if err != nil {
			return false, nil
		}
		old, err := q.Open(raw)
		if err != nil {
			return false, nil
		}
		for _, y := range old.Labels {
			if p.Part.Holds(p.Part.Kind, y) {
				f.Labels = append(f.Labels, y)
			}
		}
	}
	for _, k := range links {
		if k.From < s.state.Size {
			continue // held before
		}
		labels, err := s.objects.labelsIn(k, p.Part, p.KeyVersion)
		if err != nil {
			return false, nil
		}
		f.Labels = append(f.Labels, labels...)
	}
	sortLabels(f.Labels)
	if p.Check(f) != nil {
		return false, nil
	}
	_, err := s.objects.Put(f.Marshal())
	return err == nil, err
}

// compute makes a part's polynomial of its full list; false if it is not what the
// epoch commits to.
func (s *syncer) compute(p blacklist.PartEpoch) (bool, error) {
	full, _ := p.Hash(blacklist.CommitFull)
	raw, err := s.objects.Get(full)
	if err != nil {
		return false, nil
	}
	f, err := p.Open(raw)
	if err != nil {
		return false, nil
	}
	poly := polynomialOf(f)
	if want, _ := p.Hash(blacklist.CommitPolynomial); poly.Hash() != want {
		return false, fmt.Errorf("polynomial of %v is not that of its labels: %w", p.Part, errEvidence)
	}
	_, err = s.objects.Put(poly.Encoding())
	return err == nil, err
}

// follow takes the epochs since the held one, one by one, with their deltas; false
// if full lists are the better way, or the only one.
func (s *syncer) follow(ctx context.Context, c *candidate, next *head) (blacklist.State, bool, error) {
	state := s.state
	if s.held == nil || s.held.LookupOnly || next.LookupOnly || s.proven.Statement.Number >= c.proven.Statement.Number {
		return state, false, nil
	}
	steps := c.proven.Statement.Number - s.proven.Statement.Number
	var labels uint64
	for _, p := range state.Parts {
		labels += p.Count
	}
	if steps > maxChain || steps*chainStep > 32*labels+chainSlack {
		return state, false, nil
	}
	next.Links = slices.Clone(s.held.Links)
	for n := s.proven.Statement.Number + 1; n <= c.proven.Statement.Number; n++ {
		k, after, err := s.step(ctx, c, n, state)
		if err != nil {
			if ctx.Err() != nil {
				return state, false, context.Cause(ctx)
			}
			return state, false, nil // the full lists say the same
		}
		next.Links, state = append(next.Links, k), after
		if s.cfg.Progress != nil {
			s.cfg.Progress(n-s.proven.Statement.Number, steps)
		}
	}
	if n := len(next.Links) - maxLinks; n > 0 {
		next.Links = next.Links[n:]
	}
	return state, true, nil
}

// step takes one epoch: its statement, verified, and its deltas.
func (s *syncer) step(ctx context.Context, c *candidate, number uint64, state blacklist.State) (link, blacklist.State, error) {
	p := c.proven
	if number < c.proven.Statement.Number {
		served, err := c.source.Log.HeadOf(ctx, number)
		if err != nil {
			return link{}, state, err
		}
		if _, p, err = Prove(ctx, c.log, c.source.Log, served); err != nil {
			return link{}, state, err
		}
		if p.Statement.Number != number {
			return link{}, state, fmt.Errorf("head of epoch %d is of %d: %w", number, p.Statement.Number, errEvidence)
		}
	}
	k := link{Number: number, From: state.Size, Size: p.Statement.Size}
	next, err := state.With(number, p.Statement.Size, p.Epoch)
	if err != nil {
		return k, state, err
	}
	ds := deltasIn(p.Epoch)
	var hashes [][32]byte
	for _, d := range ds {
		hashes = append(hashes, d.hash)
	}
	if err := Gather(ctx, hashes, func(ctx context.Context, h [32]byte) error { return s.fetch(ctx, c, h, maxObject) }); err != nil {
		return k, state, fmt.Errorf("deltas of epoch %d: %w", number, err)
	}
	hash, err := s.objects.Put(formatDeltas(ds))
	k.Deltas = log.Hash(hash)
	return k, next, err
}

// fetch brings an object into the folder from the candidate's source or any other.
func (s *syncer) fetch(ctx context.Context, c *candidate, hash [32]byte, limit int64) error {
	if s.objects.Has(hash) {
		return nil
	}
	order := []*Source{c.source}
	for i := range s.sources {
		if &s.sources[i] != c.source {
			order = append(order, &s.sources[i])
		}
	}
	gone := true
	var errs []error
	for _, source := range order {
		wrong, err := s.objects.Fetch(ctx, hash, limit, func(ctx context.Context, h [32]byte, offset int64) (io.ReadCloser, int64, error) {
			body, from, err := source.Log.ObjectFrom(ctx, h, offset)
			if err != nil {
				return nil, 0, err
			}
			return counted{body, s}, from, nil
		})
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if errors.Is(err, ErrOther) {
			s.mu.Lock()
			s.blame(s.reportOf(source), fmt.Errorf("object %x: %w", hash, err), map[string]any{"object": log.Hash(hash).Hex(), "bytes": wrong})
			s.mu.Unlock()
		}
		gone = gone && errors.Is(err, client.ErrNotFound)
		errs = append(errs, fmt.Errorf("%s: %w", source.Name, err))
	}
	if gone {
		return fmt.Errorf("object %x: %w", hash, errGone)
	}
	return fmt.Errorf("object %x: %w", hash, errors.Join(errs...))
}

func (s *syncer) reportOf(source *Source) *SourceReport {
	for i := range s.sources {
		if &s.sources[i] == source {
			return &s.report.Sources[i]
		}
	}
	return &SourceReport{}
}

// counted counts what is read.
type counted struct {
	io.ReadCloser
	s *syncer
}

func (c counted) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	c.s.mu.Lock()
	c.s.report.Bytes += int64(n)
	c.s.mu.Unlock()
	return n, err
}
