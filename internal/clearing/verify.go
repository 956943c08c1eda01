package clearing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/clearance"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/listsync"
	"github.com/haltlog/haltlog/internal/trust"
	"github.com/haltlog/haltlog/log"
)

// Errors of verification: the answer is no.
var (
	// ErrUnverified is a document of which something does not hold.
	ErrUnverified = errors.New("clearance does not verify")
	// ErrIncomplete is a document that does not speak of all that is listed.
	ErrIncomplete = errors.New("clearance leaves something out")
)

// Trust is what a verifier brings along.
type Trust struct {
	Genesis log.Hash
	Quorum  []byte // tlog-policy; nil takes the one of the genesis
}

// Verified is what a document proves.
type Verified struct {
	Origin    string
	Number    uint64 // of the epoch
	Size      uint64 // of the log that it folds
	Witnessed uint64 // seconds since 1970: when the epoch's entries were known to be there at the latest
	Labels    uint64 // on the list, in the parts that were proven against
	Kinds     map[fingerprint.Kind]int
	Versions  []uint64
	Chain     []uint64 // log sizes of the documents, oldest first
}

// Verify judges a document with the lists of a source. Errors: ErrUnverified,
// ErrIncomplete, ErrList.
func Verify(ctx context.Context, d *Document, t Trust, s Source) (Verified, error) {
	v := Verified{Kinds: map[fingerprint.Kind]int{}}
	if err := d.check(); err != nil {
		return v, err
	}
	l := newLists(s)
	var jobs []job
	newest := true
	for ; d != nil; d, newest = d.Older, false {
		p, state, err := evidence(d, t)
		if err != nil {
			return v, err
		}
		if newest {
			v.Origin, v.Number, v.Size, v.Witnessed = d.Origin, d.Epoch.Number, d.Epoch.Size, p.Witnessed
			if err := v.complete(d, state, p.Epoch.Asked); err != nil {
				return v, err
			}
		}
		v.Chain = append(v.Chain, d.Epoch.Size)
		var more []job
		if d.Form == FormPseudonym {
			more, err = pseudonyms(d, p.Authority, state)
		} else {
			more, err = committed(ctx, d, state, l)
		}
		if err != nil {
			return v, err
		}
		jobs = append(jobs, more...)
	}
	slices.Reverse(v.Chain)
	return v, work(ctx, jobs)
}

// evidence verifies that the epoch is the log's, and the state the epoch's.
func evidence(d *Document, t Trust) (listsync.Proven, blacklist.State, error) {
	bad := func(err error) (listsync.Proven, blacklist.State, error) {
		return listsync.Proven{}, blacklist.State{}, fmt.Errorf("epoch %d: %w: %w", d.Epoch.Number, ErrUnverified, err)
	}
	if log.GenesisHash(d.Epoch.Genesis) != t.Genesis || log.Hash(d.Genesis) != t.Genesis {
		return bad(fmt.Errorf("it is of another log than the one that is pinned: %w", trust.ErrGenesis))
	}
	e := listsync.Evidence{
		Genesis: d.Epoch.Genesis, Quorum: string(t.Quorum), Authority: d.Epoch.Authority,
		Epoch: api.Head{Number: d.Epoch.Number, Index: d.Epoch.Index, Size: d.Epoch.Size, Entries: d.Epoch.Entries},
	}
	if t.Quorum == nil {
		a, err := trust.NewAuthority(d.Epoch.Genesis, keys.NewVerifier())
		if err != nil {
			return bad(err)
		}
		e.Quorum = a.Genesis.Quorum
	}
	for _, x := range d.Epoch.Authority {
		e.Epoch.Authority = append(e.Epoch.Authority, x.Index)
	}
	p, err := e.Verify()
	if err != nil {
		return bad(err)
	}
	state, err := d.Epoch.state()
	switch {
	case err != nil:
		return bad(err)
	case p.Origin != d.Origin:
		return bad(fmt.Errorf("it is of %s", p.Origin))
	case Hex32(p.Epoch.State) != d.Epoch.StateHash:
		return bad(errors.New("it commits to another state"))
	}
	if err := state.CheckAsked(p.Epoch.Asked); err != nil {
		return bad(err)
	}
	return p, state, nil
}

// complete: under each key version that a model has to be asked under, there are as
// many fingerprints of each kind as under any other (CL3).
func (v *Verified) complete(d *Document, state blacklist.State, asked []uint64) error {
	counts := map[uint64]map[fingerprint.Kind]int{}
	for _, f := range d.Fingerprints {
		if counts[f.KeyVersion] == nil {
			counts[f.KeyVersion] = d.kinds(f.KeyVersion)
		}
	}
	v.Versions = slices.Sorted(maps.Keys(counts))
	for _, c := range counts {
		for k, n := range c {
			v.Kinds[k] = max(v.Kinds[k], n)
		}
	}
	need := func(version uint64, k fingerprint.Kind) error {
		if n := counts[version][k]; n != v.Kinds[k] {
			return fmt.Errorf("%w: %d of %d fingerprints of kind %s under key version %d", ErrIncomplete, n, v.Kinds[k], k, version)
		}
		return nil
	}
	for _, version := range v.Versions {
		for k := range v.Kinds {
			if err := need(version, k); err != nil {
				return err
			}
		}
	}
	for _, p := range state.Parts {
		if p.Count == 0 || v.Kinds[p.Part.Kind] == 0 || !slices.Contains(asked, p.KeyVersion) {
			continue
		}
		if err := need(p.KeyVersion, p.Part.Kind); err != nil {
			return err
		}
		v.Labels += p.Count
	}
	return nil
}

// job is one proof to be verified.
type job func() error

// work does the jobs on all cores, and returns one error.
func work(ctx context.Context, jobs []job) error {
	var wg sync.WaitGroup
	next := make(chan job)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for j := range next {
				if err := j(); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, j := range jobs {
		if ctx.Err() != nil {
			break
		}
		next <- j
	}
	close(next)
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// committed are the proofs of the zero-knowledge form.
func committed(ctx context.Context, d *Document, state blacklist.State, l *lists) ([]job, error) {
	var jobs []job
	var older blacklist.State
	if d.Older != nil {
		if err := same(d, d.Older); err != nil {
			return nil, err
		}
		var err error
		if older, err = d.Older.Epoch.state(); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnverified, err)
		}
	}
	for _, f := range d.Fingerprints {
		want, err := statements(ctx, d, older, state, f.Kind, f.KeyVersion, l)
		if err != nil {
			return nil, err
		}
		if len(f.Proofs) != len(want) {
			return nil, fmt.Errorf("%w: %d proofs of a %s for %d parts", ErrIncomplete, len(f.Proofs), f.Kind, len(want))
		}
		for i, st := range want {
			if f.Proofs[i].Part != st.Part.String() {
				return nil, fmt.Errorf("%w: %s where %v is due", ErrIncomplete, f.Proofs[i].Part, st.Part)
			}
			c0, proof := clearance.Commitment(*f.C0), f.Proofs[i].Proof
			jobs = append(jobs, func() error {
				if err := clearance.Verify(st, c0, proof); err != nil {
					return fmt.Errorf("%v under key version %d: %w: %w", st.Part, st.KeyVersion, ErrUnverified, err)
				}
				return nil
			})
		}
	}
	return jobs, nil
}

// statements are what a fingerprint of a kind has to be proven of, in order: every
// part, or what was added to it.
func statements(ctx context.Context, d *Document, older, state blacklist.State, kind fingerprint.Kind, version uint64, l *lists) ([]*clearance.Statement, error) {
	if d.Older != nil {
		return l.extensions(ctx, d.Origin, older, state, kind, version)
	}
	var out []*clearance.Statement
	for _, p := range partsOf(state, kind, version) {
		st, err := l.statement(ctx, d.Origin, state.Size, p)
		if err != nil {
			return nil, err
		}
		out = append(out, st)
	}
	return out, nil
}

// same: an extension speaks of the labels that the older document does (CL5).
func same(d, older *Document) error {
	if !slices.EqualFunc(d.Fingerprints, older.Fingerprints, func(a, b Fingerprint) bool { return compare(a, b) == 0 }) {
		return fmt.Errorf("%w: the extension is of other commitments than what it extends", ErrUnverified)
	}
	return nil
}

// pseudonyms are the proofs of the other form.
func pseudonyms(d *Document, a *trust.Authority, state blacklist.State) ([]job, error) {
	type asked struct {
		public  [32]byte
		query   Query
		answers []blacklist.Label
		used    map[int]bool
	}
	queries := map[uint64]asked{}
	for _, q := range d.Queries {
		sets, err := evaluators(a, q.KeyVersion)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnverified, err)
		}
		z, err := q.evaluations(sets)
		if err != nil {
			return nil, fmt.Errorf("evaluation under key version %d: %w: %w", q.KeyVersion, ErrUnverified, err)
		}
		queries[q.KeyVersion] = asked{[32]byte(sets[0].PublicKey), q, z, map[int]bool{}}
	}
	var jobs []job
	for i, f := range d.Fingerprints {
		bad := func(err error) ([]job, error) {
			return nil, fmt.Errorf("pseudonym %d: %w: %w", i, ErrUnverified, err)
		}
		q, n := queries[f.KeyVersion], f.Pseudonym.Asked
		if n < 0 || n >= len(q.answers) || q.used[n] {
			return bad(errors.New("nobody was asked for it"))
		}
		q.used[n] = true
		y := blacklist.Label(f.Pseudonym.Y)
		p, listed := state.Find(f.Kind, f.KeyVersion, y)
		if !listed && len(f.Proofs) != 0 || listed && (len(f.Proofs) != 1 || f.Proofs[0].Part != p.Part.String()) {
			return bad(errors.New("proof of another part"))
		}
		u := clearance.Unblinding{
			Origin: d.Origin, Genesis: d.Genesis, Size: d.Epoch.Size, KeyVersion: f.KeyVersion, Kind: string(f.Kind),
			Public: q.public, B: q.query.Blinded[n], Z: q.answers[n], Y: y,
		}
		jobs = append(jobs, func() error {
			err := u.Verify(f.Pseudonym.Proof)
			if err == nil && listed {
				err = absent(p, y, f.Proofs[0].Proof)
			}
			if err != nil {
				return fmt.Errorf("pseudonym %d: %w: %w", i, ErrUnverified, err)
			}
			return nil
		})
	}
	for version, q := range queries {
		if len(q.used) == 0 {
			return nil, fmt.Errorf("%w: a query under key version %d that nothing came of", ErrUnverified, version)
		}
	}
	return jobs, nil
}

// absent verifies that a label is not in a part.
func absent(p blacklist.PartEpoch, y blacklist.Label, proof []byte) error {
	a, err := blacklist.ParseAbsence(proof)
	if err != nil {
		return err
	}
	root, _ := p.Hash(blacklist.CommitRoot)
	return a.Verify(root, p.Count, y)
}

// evaluators are those of a key version, the newest first: all of one public key.
func evaluators(a *trust.Authority, version uint64) (out []voprf.Set, err error) {
	for _, e := range a.EvaluatorSets(version) {
		if set := setOf(e); len(out) == 0 || bytes.Equal(set.PublicKey, out[0].PublicKey) {
			out = append(out, set)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("the log names no evaluators of key version %d", version)
	}
	return out, nil
}

func setOf(e log.EvaluatorSet) voprf.Set {
	s := voprf.Set{Version: e.Version, PublicKey: e.PublicKey, T: e.T, N: e.N}
	for _, c := range e.Commitments {
		s.Commitments = append(s.Commitments, c)
	}
	return s
}

// evaluations are the evaluators' Z for every blinded element, verified under one of
// the sets: whichever it is, Z is k·B for the k of their public key.
func (q Query) evaluations(sets []voprf.Set) ([]blacklist.Label, error) {
	blinded := make([]voprf.Commitment, len(q.Blinded))
	for i, b := range q.Blinded {
		blinded[i] = voprf.Commitment(b)
	}
	return q.under(sets, func(pk *voprf.PublicKey) (*voprf.Query, error) { return voprf.ReplayQuery(pk, blinded) })
}

// under combines the answers under the first set for which they hold.
func (q Query) under(sets []voprf.Set, open func(*voprf.PublicKey) (*voprf.Query, error)) ([]blacklist.Label, error) {
	var first error
	for _, set := range sets {
		pk, err := set.Key()
		if err != nil {
			return nil, err
		}
		query, err := open(pk)
		if err != nil {
			return nil, err
		}
		labels, err := combine(query, set, q.Answers)
		if err == nil {
			return labels, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// combine makes labels of answers of which each has to be good: more than the
// threshold would be of no use, and unverified.
func combine(q *voprf.Query, set voprf.Set, answers []Answer) ([]blacklist.Label, error) {
	if len(answers) != set.T {
		return nil, fmt.Errorf("%d answers for a threshold of %d", len(answers), set.T)
	}
	by := map[int][][]byte{}
	for _, a := range answers {
		if len(a.Responses) != len(q.Requests()) {
			return nil, errors.New("another number of responses than of requests")
		}
		by[a.Holder] = a.Responses
	}
	labels, _, err := q.Combine(set, by)
	return labels, err
}
