package clearing

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/internal/api"
)

// Format is the first thing that a document says.
const Format = "haltlog/clearance/v1"

// The two forms.
const (
	FormZero      = "zero-knowledge"
	FormPseudonym = "pseudonymous"
)

// What each form says of itself, word for word.
const (
	saysZero = "This proves that the committed labels are absent from the blacklist of this log at this size. " +
		"It proves nothing of which model they are of: whether the commitments belong to the model that was trained is checked where they are opened, at an audit."
	saysPseudonym = "This proves that the labels shown here are absent from the blacklist of this log at this size, and that the evaluators made them of elements that were blinded. " +
		"It proves nothing of which model they are of, and it links: whoever sees two such documents of one model, or its label anywhere else, knows that they are of one model."
	saysLinkable = " It was made to be linked: its commitments stand in another clearance too."
)

// ErrFormat is returned for bytes that are no document.
var ErrFormat = errors.New("malformed clearance document")

// Document is a clearance: one value of JSON in the form of MarshalIndent with one
// blank, no escapes for HTML, and a line end.
type Document struct {
	Format   string `json:"format"`
	Form     string `json:"form"`
	Says     string `json:"says"`
	Origin   string `json:"origin"`
	Genesis  Hex32  `json:"genesis"` // hash of it
	Linkable bool   `json:"linkable"`
	Epoch    Epoch  `json:"epoch"`
	// From is the epoch of Older, for an extension; null for the whole list.
	From         *Place        `json:"from"`
	Queries      []Query       `json:"queries"` // of the pseudonymous form
	Fingerprints []Fingerprint `json:"fingerprints"`
	Older        *Document     `json:"older"` // that this one extends
}

// Place is where an epoch is in the log.
type Place struct {
	Number uint64 `json:"number"`
	Index  uint64 `json:"index"` // of its entry, the last one of several
	Size   uint64 `json:"size"`  // of the log that it folds
}

// Epoch is the list that is spoken of, with what shows that it is the log's.
type Epoch struct {
	Place
	StateHash Hex32           `json:"state_hash"`
	State     []byte          `json:"state"`     // the state document, which names all parts
	Genesis   []byte          `json:"genesis"`   // leaf of entry 0
	Entries   []api.HeadEntry `json:"entries"`   // the epoch's statement: one entry, or all of its parts in order
	Authority []api.HeadEntry `json:"authority"` // the authority statements before it, ascending
}

// Fingerprint is one committed label and its proofs, in the order of State's parts.
type Fingerprint struct {
	Kind       fingerprint.Kind `json:"kind"`
	KeyVersion uint64           `json:"key_version"`
	C0         *Hex32           `json:"c0"`        // of the zero-knowledge form
	Pseudonym  *Pseudonym       `json:"pseudonym"` // of the other one
	Proofs     []PartProof      `json:"proofs"`
}

// PartProof holds for one part of the list: Proof is clearance.Proof's bytes, or
// blacklist.Absence's.
type PartProof struct {
	Part  string `json:"part"`
	Proof []byte `json:"proof"`
}

// Pseudonym is a label that is shown, and where it came from.
type Pseudonym struct {
	Y     Hex32  `json:"y"`
	Asked int    `json:"asked"` // place in the query of its key version
	Proof []byte `json:"proof"` // clearance.Unblinding's
}

// Query is what evaluators were asked under one key version, and answered.
type Query struct {
	KeyVersion uint64   `json:"key_version"`
	Blinded    []Hex32  `json:"blinded"`
	Answers    []Answer `json:"answers"` // by holder
}

// Answer is one holder's.
type Answer struct {
	Holder    int      `json:"holder"` // from 1
	Responses [][]byte `json:"responses"`
}

// Hex32 is 32 bytes, in lower-case hex.
type Hex32 [32]byte

// MarshalText is lower-case hex.
func (h Hex32) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h[:])), nil }

// UnmarshalText is its inverse; other spellings are found out by whoever prints again.
func (h *Hex32) UnmarshalText(b []byte) error {
	raw, err := hex.DecodeString(string(b))
	if err != nil || len(raw) != len(h) {
		return fmt.Errorf("%w: want 32 bytes in hex", ErrFormat)
	}
	*h = Hex32(raw)
	return nil
}

// says is what a document of its form says.
func (d *Document) says() string {
	s := saysZero
	if d.Form == FormPseudonym {
		s = saysPseudonym
	}
	if d.Linkable {
		s += saysLinkable
	}
	return s
}

// Marshal returns the one encoding.
func (d *Document) Marshal() ([]byte, error) { return encode(d) }

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	err := e.Encode(v)
	return b.Bytes(), err
}

// decode is the inverse of encode for a value of that form, and refuses all else.
func decode(raw []byte, limit int, v any) error {
	if len(raw) > limit {
		return fmt.Errorf("longer than %d bytes", limit)
	}
	if deeper(raw, maxDepth) {
		return fmt.Errorf("more than %d values in one another", maxDepth)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	again, err := encode(v)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, raw) {
		return errors.New("not as it would be printed")
	}
	return nil
}

// deeper reports whether objects and lists stand in one another more than limit
// times: each line is printed again with as many blanks as it is deep, so that the
// square of the depth would be paid for before anything is refused.
func deeper(raw []byte, limit int) bool {
	depth, quoted := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > limit {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// Is reports whether bytes begin like a document of this package.
func Is(raw []byte) bool {
	return bytes.HasPrefix(raw, []byte("{\n \"format\": \""+Format+"\",\n"))
}

// Parse is the inverse of Marshal (CL1). The error is ErrFormat.
func Parse(raw []byte) (*Document, error) {
	d := new(Document)
	if err := decode(raw, MaxDocument, d); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	return d, nil
}

// check is the form, without what is proven.
func (d *Document) check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %w", ErrFormat, fmt.Errorf(format, args...))
	}
	newer := (*Document)(nil)
	for n := 0; d != nil; n, newer, d = n+1, d, d.Older {
		zero := d.Form == FormZero
		switch {
		case n > maxChain:
			return bad("more than %d documents that extend one another", maxChain)
		case d.Format != Format:
			return bad("format")
		case !zero && d.Form != FormPseudonym:
			return bad("form")
		case d.Says != d.says():
			return bad("says something else than a document of its form")
		case d.Epoch.Number == 0 || d.Epoch.Size == 0:
			return bad("epoch")
		case (d.From == nil) != (d.Older == nil):
			return bad("from, or the document that is extended, is missing")
		case !zero && d.Older != nil:
			return bad("pseudonyms are made anew, and not extended")
		case newer != nil && (*newer.From != d.Epoch.Place || newer.Origin != d.Origin || newer.Genesis != d.Genesis || d.Epoch.Number >= newer.Epoch.Number || d.Epoch.Size >= newer.Epoch.Size):
			return bad("the document that is extended is of another log, or no older")
		case d.Epoch.Entries == nil || d.Epoch.Authority == nil:
			return bad("null for a list")
		case d.Queries == nil || d.Fingerprints == nil:
			return bad("null for a list")
		case zero && len(d.Queries) > 0:
			return bad("queries")
		case len(d.Fingerprints) == 0 || len(d.Fingerprints) > maxFingerprints*maxVersions:
			return bad("%d fingerprints", len(d.Fingerprints))
		}
		for i, f := range d.Fingerprints {
			if _, err := fingerprint.ParseKind(string(f.Kind)); err != nil || f.KeyVersion == 0 || f.KeyVersion > 1<<53 || f.Proofs == nil || (f.C0 != nil) != zero || (f.Pseudonym != nil) == zero {
				return bad("fingerprint %d", i)
			}
			if i > 0 && compare(d.Fingerprints[i-1], f) >= 0 {
				return bad("fingerprint %d is out of order, or twice", i)
			}
		}
		for i, q := range d.Queries {
			if i > 0 && d.Queries[i-1].KeyVersion >= q.KeyVersion || len(q.Blinded) == 0 || len(q.Blinded) > maxFingerprints || len(q.Answers) == 0 {
				return bad("query %d", i)
			}
			for j, a := range q.Answers {
				if a.Holder < 1 || (j > 0 && q.Answers[j-1].Holder >= a.Holder) || len(a.Responses) == 0 {
					return bad("query %d: answer %d", i, j)
				}
			}
		}
	}
	return nil
}

// compare is the documents' order: by kind, key version and C_0 (or Y). C_0 is
// uniform, so that it says nothing of the order in a model.
func compare(a, b Fingerprint) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.KeyVersion, b.KeyVersion), slices.Compare(a.key(), b.key()))
}

func (f Fingerprint) key() []byte {
	switch {
	case f.C0 != nil:
		return f.C0[:]
	case f.Pseudonym != nil:
		return f.Pseudonym.Y[:]
	}
	return nil
}

// Kinds counts the fingerprints of each kind under a key version.
func (d *Document) kinds(version uint64) map[fingerprint.Kind]int {
	out := map[fingerprint.Kind]int{}
	for _, f := range d.Fingerprints {
		if f.KeyVersion == version {
			out[f.Kind]++
		}
	}
	return out
}

// state reads the state document, which has to be the hash's.
func (e Epoch) state() (blacklist.State, error) {
	s, err := blacklist.ParseState(e.State)
	switch {
	case err != nil:
		return s, err
	case Hex32(s.Hash()) != e.StateHash || s.Number != e.Number || s.Size != e.Size:
		return s, errors.New("state document of another epoch")
	}
	return s, nil
}

// partsOf are a kind's parts under a key version, in the state's order.
func partsOf(s blacklist.State, kind fingerprint.Kind, version uint64) []blacklist.PartEpoch {
	var out []blacklist.PartEpoch
	for _, p := range s.Parts {
		if p.Part.Kind == kind && p.KeyVersion == version {
			out = append(out, p)
		}
	}
	return out
}
