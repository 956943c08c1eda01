package clearing

import (
	"context"
	"errors"
	"fmt"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/clearance"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/blacklist/voprf"
)

// OpeningFormat is the first thing that an opening says.
const OpeningFormat = "haltlog/clearance-opening/v1"

// ErrOpening is an opening that is malformed, or does not open what it is said to.
var ErrOpening = errors.New("opening does not fit")

// Opening is what a clearance's commitments hold. It is secret until an audit.
type Opening struct {
	Format       string        `json:"format"`
	Origin       string        `json:"origin"`
	Genesis      Hex32         `json:"genesis"`
	Fingerprints []OpenedLabel `json:"fingerprints"` // in the order in which they were asked
	Queries      []Query       `json:"queries"`      // one for each key version
}

// OpenedLabel is one fingerprint, what hides it, and its commitments.
type OpenedLabel struct {
	Opened
	Commitments []OpenedCommitment `json:"commitments"` // null in the pseudonymous form
}

// OpenedCommitment is C_0 = u·G + r_0·H of the label under one key version.
type OpenedCommitment struct {
	KeyVersion uint64 `json:"key_version"`
	C0         Hex32  `json:"c0"`
	R0         Hex32  `json:"r0"`
}

// Marshal returns the one encoding.
func (o *Opening) Marshal() ([]byte, error) { return encode(o) }

// ParseOpening is the inverse of Marshal. The error is ErrOpening.
func ParseOpening(raw []byte) (*Opening, error) {
	o := new(Opening)
	err := decode(raw, MaxDocument, o)
	switch {
	case err != nil:
	case o.Format != OpeningFormat:
		err = errors.New("format")
	case len(o.Fingerprints) == 0 || len(o.Fingerprints) > maxFingerprints || len(o.Queries) == 0 || len(o.Queries) > maxVersions:
		err = errors.New("no fingerprints, or no queries")
	default:
		err = o.check()
		for i, q := range o.Queries {
			if len(q.Blinded) != len(o.Fingerprints) || i > 0 && o.Queries[i-1].KeyVersion >= q.KeyVersion {
				err = fmt.Errorf("query %d", i)
			}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOpening, err)
	}
	return o, nil
}

// check holds each fingerprint against its kind; none stands twice, or it would be
// counted in the place of one that was not cleared.
func (o *Opening) check() error {
	return checkOpened(o.Fingerprints, func(f OpenedLabel) Opened { return f.Opened })
}

// blindOf is the r_0 of a fingerprint under a key version.
func (o *Opening) blindOf(x []byte, version uint64) (Hex32, bool) {
	for _, f := range o.Fingerprints {
		if string(f.X) != string(x) {
			continue
		}
		for _, c := range f.Commitments {
			if c.KeyVersion == version {
				return c.R0, true
			}
		}
	}
	return Hex32{}, false
}

// labels makes the labels again, of x, s and what the evaluators answered: B, the
// evaluators' proofs under the log's key, and Y = Z − s·pk.
func (o *Opening) labels(q Query, sets []voprf.Set) ([]blacklist.Label, error) {
	xs, ss := make([][]byte, len(o.Fingerprints)), make([]voprf.Opening, len(o.Fingerprints))
	for i, f := range o.Fingerprints {
		xs[i], ss[i] = f.X, voprf.Opening(f.S)
	}
	labels, err := q.under(sets, func(pk *voprf.PublicKey) (*voprf.Query, error) {
		again, err := voprf.ReopenQuery(pk, xs, ss)
		if err != nil {
			return nil, err
		}
		for i, f := range o.Fingerprints {
			if b, _ := again.Commitment(i); Hex32(b) != f.B || q.Blinded[i] != f.B {
				return nil, fmt.Errorf("fingerprint %d: B is of something else", i)
			}
		}
		return again, nil
	})
	if err != nil {
		return nil, fmt.Errorf("%w: evaluation under key version %d: %w", ErrOpening, q.KeyVersion, err)
	}
	return labels, nil
}

// Audit is what an opening shows.
type Audit struct {
	Opened     int                      `json:"opened"` // commitments of the clearance, all of them
	Kinds      map[fingerprint.Kind]int `json:"kinds"`
	Model      int                      `json:"model"`      // of the model's fingerprints that were cleared
	Missing    map[fingerprint.Kind]int `json:"missing"`    // of the model's fingerprints that were not
	Foreign    int                      `json:"foreign"`    // cleared ones that are not of the model
	Manifest   int                      `json:"manifest"`   // of the training manifest's that were cleared
	Unmanifest int                      `json:"unmanifest"` // cleared ones that it does not commit to
	Uncleared  int                      `json:"uncleared"`  // of it that were not cleared
}

// Fits reports whether everything is of everything.
func (a Audit) Fits() bool {
	return len(a.Missing) == 0 && a.Foreign == 0 && a.Unmanifest == 0 && a.Uncleared == 0
}

// Open holds an opening against a clearance, the fingerprints of a model, and a
// training manifest where there is one: fingerprint, B, the evaluators' proofs under
// the key that the log names, Y, u and C_0, each computed again. It takes no
// network and no list; whether the clearance holds is Verify's to say. Errors:
// ErrUnverified for evidence that shows no log, ErrOpening for what does not open.
func Open(_ context.Context, d *Document, o *Opening, t Trust, questions []blacklist.Question, m *Manifest) (Audit, error) {
	a := Audit{Kinds: map[fingerprint.Kind]int{}, Missing: map[fingerprint.Kind]int{}}
	p, _, err := evidence(d, t)
	if err != nil {
		return a, err
	}
	if o.Genesis != d.Genesis || o.Origin != d.Origin {
		return a, fmt.Errorf("%w: it is of another log", ErrOpening)
	}
	if err := o.check(); err != nil {
		return a, fmt.Errorf("%w: %w", ErrOpening, err)
	}
	type held struct {
		kind    fingerprint.Kind
		version uint64
		key     Hex32 // C_0, or Y
	}
	opens := map[held]bool{}
	for _, q := range o.Queries {
		sets, err := evaluators(p.Authority, q.KeyVersion)
		if err != nil {
			return a, fmt.Errorf("%w: %w", ErrOpening, err)
		}
		labels, err := o.labels(q, sets)
		if err != nil {
			return a, err
		}
		for i, y := range labels {
			f := o.Fingerprints[i]
			if d.Form == FormPseudonym {
				opens[held{f.Kind, q.KeyVersion, Hex32(y)}] = true
				continue
			}
			blind, ok := o.blindOf(f.X, q.KeyVersion)
			secret, err := clearance.Open(y, blind[:])
			if !ok || err != nil {
				return a, fmt.Errorf("%w: fingerprint %d: no r_0", ErrOpening, i)
			}
			opens[held{f.Kind, q.KeyVersion, Hex32(secret.Commitment())}] = true
		}
	}
	for i, f := range d.Fingerprints {
		if !opens[held{f.Kind, f.KeyVersion, Hex32(f.key())}] {
			return a, fmt.Errorf("%w: fingerprint %d of the clearance, a %s, is not opened", ErrOpening, i, f.Kind)
		}
		a.Opened++
	}
	if a.Opened != len(opens) {
		return a, fmt.Errorf("%w: it opens %d commitments, the clearance has %d", ErrOpening, len(opens), a.Opened)
	}
	a.compare(o, questions, m)
	return a, nil
}

// compare counts what model, manifest and clearance have in common: each thing once,
// however often it is named.
func (a *Audit) compare(o *Opening, questions []blacklist.Question, m *Manifest) {
	type print struct {
		kind fingerprint.Kind
		x    string
	}
	cleared, model := map[print]bool{}, map[print]bool{}
	for _, f := range o.Fingerprints {
		cleared[print{f.Kind, string(f.X)}] = true
		a.Kinds[f.Kind]++
	}
	for _, q := range questions {
		p := print{q.Kind, string(q.Input)}
		switch {
		case model[p]:
		case cleared[p]:
			a.Model++
		default:
			a.Missing[q.Kind]++
		}
		model[p] = true
	}
	a.Foreign = len(cleared) - a.Model
	if m == nil {
		return
	}
	uncleared := map[Commitment]bool{}
	for _, c := range m.Commitments {
		uncleared[c] = true
	}
	for _, f := range o.Fingerprints {
		c := Commitment{f.Kind, f.B}
		if uncleared[c] {
			a.Manifest++
		} else {
			a.Unmanifest++
		}
		delete(uncleared, c)
	}
	a.Uncleared = len(uncleared)
}
