package clearing

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/blacklist/voprf"
)

// Formats of what a training's manifest consists of.
const (
	ManifestFormat        = "haltlog/training-manifest/v1"
	ManifestOpeningFormat = "haltlog/training-opening/v1"
)

// Manifest commits to a model's fingerprints, B = H1(x) + s·G each: it says how many
// of each kind there are and nothing else of them, until it is opened. No change of
// the evaluators' key touches it.
type Manifest struct {
	Format      string       `json:"format"`
	Commitments []Commitment `json:"commitments"` // by kind and B
}

// Commitment is one B.
type Commitment struct {
	Kind fingerprint.Kind `json:"kind"`
	B    Hex32            `json:"b"`
}

// ManifestOpening is what opens a manifest. It is secret until an audit.
type ManifestOpening struct {
	Format       string   `json:"format"`
	Fingerprints []Opened `json:"fingerprints"` // in the order of the scan
}

// Opened is one fingerprint and what hides it.
type Opened struct {
	Kind fingerprint.Kind `json:"kind"`
	X    []byte           `json:"x"` // input of the evaluation
	S    Hex32            `json:"s"`
	B    Hex32            `json:"b"`
}

// check holds the kind against the fingerprint, whose own it is part of: a label is
// absent from all parts of other kinds.
func (o Opened) check() error {
	n := len(o.X) - len(fingerprint.Fingerprint{}.Value)
	if _, err := fingerprint.ParseKind(string(o.Kind)); err != nil {
		return err
	}
	if n < 0 || !bytes.Equal(o.X, fingerprint.Fingerprint{Kind: o.Kind, Value: [32]byte(o.X[n:])}.Input()) {
		return fmt.Errorf("x is no fingerprint of kind %s", o.Kind)
	}
	return nil
}

// checkOpened holds a list of fingerprints: each is what it says, and stands once.
func checkOpened[T any](list []T, opened func(T) Opened) error {
	seen := map[string]bool{}
	for i, f := range list {
		o := opened(f)
		if err := o.check(); err != nil {
			return fmt.Errorf("fingerprint %d: %w", i, err)
		}
		if seen[string(o.X)] {
			return fmt.Errorf("fingerprint %d stands twice", i)
		}
		seen[string(o.X)] = true
	}
	return nil
}

// ErrManifest is returned for bytes that are no manifest, or no opening of one.
var ErrManifest = errors.New("malformed training manifest")

// Commit commits to a model's questions with fresh blinds.
func Commit(questions []blacklist.Question) (*Manifest, *ManifestOpening, error) {
	// The key has no part in B; a query wants one.
	q, err := voprf.NewQuery(voprf.GenerateKey().Public(), blacklist.Inputs(questions))
	if err != nil {
		return nil, nil, err
	}
	m := &Manifest{Format: ManifestFormat, Commitments: []Commitment{}}
	o := &ManifestOpening{Format: ManifestOpeningFormat, Fingerprints: []Opened{}}
	for i, x := range questions {
		b, s := q.Commitment(i)
		m.Commitments = append(m.Commitments, Commitment{x.Kind, Hex32(b)})
		o.Fingerprints = append(o.Fingerprints, Opened{x.Kind, x.Input, Hex32(s), Hex32(b)})
	}
	slices.SortFunc(m.Commitments, compareCommitments)
	return m, o, nil
}

func compareCommitments(a, b Commitment) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), bytes.Compare(a.B[:], b.B[:]))
}

// Marshal returns the one encoding.
func (m *Manifest) Marshal() ([]byte, error) { return encode(m) }

// Marshal returns the one encoding.
func (o *ManifestOpening) Marshal() ([]byte, error) { return encode(o) }

// ParseManifest is the inverse of Marshal. The error is ErrManifest.
func ParseManifest(raw []byte) (*Manifest, error) {
	m := new(Manifest)
	err := decode(raw, MaxDocument, m)
	if err == nil && (m.Format != ManifestFormat || len(m.Commitments) == 0 || len(m.Commitments) > maxFingerprints) {
		err = errors.New("format, or no commitments")
	}
	if err == nil {
		for i, c := range m.Commitments {
			if _, e := fingerprint.ParseKind(string(c.Kind)); e != nil || i > 0 && compareCommitments(m.Commitments[i-1], c) >= 0 {
				err = fmt.Errorf("commitment %d", i)
			}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrManifest, err)
	}
	return m, nil
}

// ParseManifestOpening is the inverse of Marshal, and opens each B. The error is
// ErrManifest.
func ParseManifestOpening(raw []byte) (*ManifestOpening, error) {
	o := new(ManifestOpening)
	err := decode(raw, MaxDocument, o)
	if err == nil && (o.Format != ManifestOpeningFormat || len(o.Fingerprints) == 0 || len(o.Fingerprints) > maxFingerprints) {
		err = errors.New("format, or no fingerprints")
	}
	if err == nil {
		err = checkOpened(o.Fingerprints, func(f Opened) Opened { return f })
	}
	if err == nil {
		for i, f := range o.Fingerprints {
			if e := voprf.Commitment(f.B).Opens(f.X, voprf.Opening(f.S)); e != nil {
				err = fmt.Errorf("fingerprint %d: %w", i, e)
			}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrManifest, err)
	}
	return o, nil
}

// Blinds are the manifest's blinds for a model's questions. The error names a
// question that the manifest does not commit to.
func (o *ManifestOpening) Blinds(questions []blacklist.Question) ([]voprf.Opening, error) {
	by := map[string]voprf.Opening{}
	for _, f := range o.Fingerprints {
		by[string(f.X)] = voprf.Opening(f.S)
	}
	out := make([]voprf.Opening, len(questions))
	for i, q := range questions {
		s, ok := by[string(q.Input)]
		if !ok {
			return nil, fmt.Errorf("%s %s: %w", q.Kind, q.Name, ErrNotCommitted)
		}
		out[i] = s
	}
	return out, nil
}

// ErrNotCommitted is a fingerprint that a manifest does not commit to.
var ErrNotCommitted = errors.New("the training manifest does not commit to it")
