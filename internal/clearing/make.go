package clearing

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/clearance"
	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/listsync"
)

// ErrVersions is an extension to a list under a key version that the older
// clearance does not speak of.
var ErrVersions = errors.New("labels are listed under another key version since: clear anew")

// ErrNothingNew is an extension to no newer epoch.
var ErrNothingNew = errors.New("the list has no epoch after the clearance's")

// ListedError says which fingerprints are listed: there is no clearance.
type ListedError struct {
	Listed []blacklist.Question // Name and File are empty where they are not known
}

func (e *ListedError) Error() string {
	q := e.Listed[0]
	s := fmt.Sprintf("%d fingerprint(s) are listed, the first of kind %s", len(e.Listed), q.Kind)
	if q.Name != "" {
		s += " of tensor " + q.Name
	}
	return s
}

// Unwrap is clearance.ErrListed.
func (e *ListedError) Unwrap() error { return clearance.ErrListed }

// Request is what a clearance is made of.
type Request struct {
	List      *listsync.List // with full lists
	Questions []blacklist.Question
	// Blinds are those of a training manifest, by question; nil draws fresh ones.
	Blinds       []voprf.Opening
	Asker        Asker
	Pseudonymous bool
	// Link makes commitments that are those of another clearance too; nil makes
	// fresh ones, so that no two can be linked (CL4).
	Link *Opening
}

// Make asks for labels and proves each absent. The opening is secret. Errors:
// *ListedError, ErrEvaluators.
func Make(ctx context.Context, r Request) (*Document, *Opening, error) {
	if len(r.Questions) == 0 || len(r.Questions) > maxFingerprints {
		return nil, nil, fmt.Errorf("%d fingerprints", len(r.Questions))
	}
	d := begin(r.List, r.Pseudonymous)
	d.Linkable = r.Link != nil
	d.Says = d.says()
	o := &Opening{Format: OpeningFormat, Origin: d.Origin, Genesis: d.Genesis, Fingerprints: make([]OpenedLabel, len(r.Questions))}
	authority := r.List.Authority()
	versions := r.List.Versions()
	if newest := authority.Evaluators[len(authority.Evaluators)-1].Version; !slices.Contains(versions, newest) {
		versions = append(versions, newest)
	}
	inputs, blinds := blacklist.Inputs(r.Questions), r.Blinds
	labels := map[uint64][]blacklist.Label{}
	listed := map[int]bool{}
	for _, version := range versions {
		sets := authority.EvaluatorSets(version)
		if len(sets) == 0 {
			return nil, nil, fmt.Errorf("the log names no evaluators of key version %d", version)
		}
		pk, err := setOf(sets[0]).Key()
		if err != nil {
			return nil, nil, err
		}
		var q *voprf.Query
		if blinds == nil {
			if q, err = voprf.NewQuery(pk, inputs); err == nil {
				blinds = make([]voprf.Opening, len(inputs))
				for i := range inputs {
					_, blinds[i] = q.Commitment(i)
				}
			}
		} else {
			q, err = voprf.ReopenQuery(pk, inputs, blinds)
		}
		if err != nil {
			return nil, nil, err
		}
		asked := Query{KeyVersion: version}
		for i := range inputs {
			b, s := q.Commitment(i)
			asked.Blinded = append(asked.Blinded, Hex32(b))
			o.Fingerprints[i].Opened = Opened{r.Questions[i].Kind, inputs[i], Hex32(s), Hex32(b)}
		}
		// Until a refreshed set is in force, its holders answer with the shares before.
		for _, e := range sets {
			if labels[version], asked.Answers, err = r.Asker.Ask(ctx, e, q); !errors.Is(err, ErrEvaluators) {
				break
			}
		}
		if err != nil {
			return nil, nil, fmt.Errorf("key version %d: %w", version, err)
		}
		o.Queries = append(o.Queries, asked)
		for i, y := range labels[version] {
			if r.List.Contains(r.Questions[i].Kind, version, y) {
				listed[i] = true
			}
		}
	}
	if len(listed) > 0 {
		x := &ListedError{}
		for i, q := range r.Questions {
			if listed[i] {
				x.Listed = append(x.Listed, q)
			}
		}
		return nil, nil, x
	}
	if r.Pseudonymous {
		return d, o, showing(d, o, r, labels)
	}
	return d, o, proving(ctx, d, o, r, labels)
}

// begin is a document without fingerprints.
func begin(l *listsync.List, pseudonymous bool) *Document {
	e := l.Evidence()
	state := l.State()
	d := &Document{
		Format: Format, Form: FormZero, Origin: l.Origin, Genesis: Hex32(l.GenesisHash()),
		Epoch: Epoch{
			Place: Place{l.Number, l.Index, l.Size}, StateHash: Hex32(state.Hash()), State: state.Marshal(),
			Genesis: e.Genesis, Entries: e.Epoch.Entries, Authority: e.Authority,
		},
		Queries: []Query{}, Fingerprints: []Fingerprint{},
	}
	if pseudonymous {
		d.Form = FormPseudonym
	}
	return d
}

// slot is where one proof comes to.
type slot struct {
	secret *clearance.Secret
	to     *PartProof
	st     *clearance.Statement
	index  int // of the fingerprint, for ListedError
}

func (s slot) prove() error {
	p, err := clearance.Prove(s.st, s.secret)
	s.to.Proof = p
	return err
}

// proving makes the zero-knowledge form.
func proving(ctx context.Context, d *Document, o *Opening, r Request, labels map[uint64][]blacklist.Label) error {
	var slots []slot
	known := map[blacklist.Address]*clearance.Statement{}
	for _, q := range o.Queries {
		for i, y := range labels[q.KeyVersion] {
			c0, secret := clearance.Commit(y)
			if r.Link != nil {
				if blind, ok := r.Link.blindOf(o.Fingerprints[i].X, q.KeyVersion); ok {
					var err error
					if secret, err = clearance.Open(y, blind[:]); err != nil {
						return err
					}
					c0 = secret.Commitment()
				}
			}
			f := Fingerprint{Kind: r.Questions[i].Kind, KeyVersion: q.KeyVersion, C0: new(Hex32(c0)), Proofs: []PartProof{}}
			o.Fingerprints[i].Commitments = append(o.Fingerprints[i].Commitments, OpenedCommitment{q.KeyVersion, Hex32(c0), Hex32(secret.Blind())})
			var due []*clearance.Statement
			for _, p := range partsOf(r.List.State(), f.Kind, f.KeyVersion) {
				at := blacklist.Address{Part: p.Part, KeyVersion: p.KeyVersion, Count: p.Count}
				if known[at] == nil {
					poly, err := r.List.Polynomial(p.Part, p.KeyVersion)
					if err != nil {
						return err
					}
					hash, _ := p.Hash(blacklist.CommitFull)
					known[at] = &clearance.Statement{Origin: d.Origin, Size: d.Epoch.Size, KeyVersion: p.KeyVersion, Part: p.Part, ListHash: hash, Polynomial: poly}
				}
				due = append(due, known[at])
			}
			slots = append(slots, f.fill(due, secret, i)...)
			d.Fingerprints = append(d.Fingerprints, f)
		}
	}
	return finish(ctx, d, slots, r.Questions)
}

// fill makes room for a fingerprint's proofs.
func (f *Fingerprint) fill(due []*clearance.Statement, secret *clearance.Secret, index int) (slots []slot) {
	f.Proofs = make([]PartProof, len(due))
	for j, st := range due {
		f.Proofs[j].Part = st.Part.String()
		slots = append(slots, slot{secret, &f.Proofs[j], st, index})
	}
	return slots
}

// finish proves on all cores, and brings the fingerprints into the document's order.
func finish(ctx context.Context, d *Document, slots []slot, questions []blacklist.Question) error {
	jobs := make([]job, len(slots))
	for i, s := range slots {
		jobs[i] = func() error {
			err := s.prove()
			if errors.Is(err, clearance.ErrListed) {
				return &ListedError{questions[s.index : s.index+1]}
			}
			return err
		}
	}
	err := work(ctx, jobs)
	slices.SortFunc(d.Fingerprints, compare)
	return err
}

// showing makes the pseudonymous form.
func showing(d *Document, o *Opening, r Request, labels map[uint64][]blacklist.Label) error {
	d.Queries = o.Queries
	trees := map[blacklist.Address]*blacklist.Tree{}
	for _, q := range d.Queries {
		sets, err := evaluators(r.List.Authority(), q.KeyVersion)
		if err != nil {
			return err
		}
		z, err := q.evaluations(sets)
		if err != nil {
			return err
		}
		for i, y := range labels[q.KeyVersion] {
			u := clearance.Unblinding{
				Origin: d.Origin, Genesis: d.Genesis, Size: d.Epoch.Size, KeyVersion: q.KeyVersion, Kind: string(r.Questions[i].Kind),
				Public: [32]byte(sets[0].PublicKey), B: q.Blinded[i], Z: z[i], Y: y,
			}
			s := o.Fingerprints[i].S
			proof, err := u.Prove(s[:])
			if err != nil {
				return err
			}
			f := Fingerprint{Kind: r.Questions[i].Kind, KeyVersion: q.KeyVersion, Pseudonym: &Pseudonym{Hex32(y), i, proof}, Proofs: []PartProof{}}
			if p, ok := r.List.State().Find(f.Kind, f.KeyVersion, y); ok {
				at := blacklist.Address{Part: p.Part, KeyVersion: p.KeyVersion, Count: p.Count}
				if trees[at] == nil {
					full, err := r.List.Full(p.Part, p.KeyVersion)
					if err != nil {
						return err
					}
					trees[at] = blacklist.NewTree(full.Labels...)
				}
				a, ok := trees[at].ProveAbsence(y)
				if !ok {
					return &ListedError{r.Questions[i : i+1]}
				}
				f.Proofs = append(f.Proofs, PartProof{p.Part.String(), a.Marshal()})
			}
			d.Fingerprints = append(d.Fingerprints, f)
		}
	}
	slices.SortFunc(d.Fingerprints, compare)
	return nil
}
