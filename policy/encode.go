package policy

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// timeLayout is RFC 3339 in UTC with exactly three decimals.
const timeLayout = "2006-01-02T15:04:05.000Z"

// ErrSyntax is the family of documents that cannot be read.
var ErrSyntax = errors.New("malformed policy document")

// A SyntaxError says where a document is not what Encode prints.
type SyntaxError struct {
	Offset int    // of the first byte that is wrong, as far as it is known
	Reason string // for a person
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("policy document, byte %d: %s", e.Offset, e.Reason)
}

// Unwrap puts the error into the family of ErrSyntax.
func (e *SyntaxError) Unwrap() error { return ErrSyntax }

// wire is a document as it is printed: fields in the order of RFC 8785.
type wire struct {
	Artefact           Artefacts `json:"artefact"`
	Chain              string    `json:"chain"`
	Classes            []Class   `json:"classes"`
	DeadVote           DeadVote  `json:"dead_vote"`
	DelayMS            int64     `json:"delay_ms"`
	Engine             Engine    `json:"engine"`
	EvaluationPeriodMS int64     `json:"evaluation_period_ms"`
	Expires            string    `json:"expires"`
	Expiry             Expiry    `json:"expiry"`
	Groups             Groups    `json:"groups"`
	GuardMaxAgeMS      int64     `json:"guard_max_age_ms"`
	Lease              Lease     `json:"lease"`
	Life               Life      `json:"life"`
	ListingDelayMS     int64     `json:"listing_delay_ms"`
	LiveVote           LiveVote  `json:"live_vote"`
	MaxGapMS           int64     `json:"max_gap_ms"`
	Monitors           Monitors  `json:"monitors"`
	Number             uint64    `json:"number"`
	Previous           *Hash     `json:"previous"`
	Semantics          uint64    `json:"semantics"`
	Witness            Witness   `json:"witness"`
}

// header is what a document of any semantics has to show.
type header struct {
	Chain     *string `json:"chain"`
	Number    *uint64 `json:"number"`
	Previous  *Hash   `json:"previous"`
	Semantics *uint64 `json:"semantics"`
}

// later are tripwires that documents of this semantics cannot hold yet.
func later() []string { return []string{"approval", "custom", "market", "turnout"} }

// Parse reads the one encoding of a document, which Encode prints: JSON by
// RFC 8785, every field present, each within its own bounds (Fields). What the
// fields say together is Validate's matter. A document of unknown semantics is
// read as far as its header; see Supported. Errors: *SyntaxError, *FieldError.
func Parse(raw []byte) (*Document, error) {
	if len(raw) > MaxDocument {
		return nil, &SyntaxError{Offset: MaxDocument, Reason: fmt.Sprintf("longer than %d bytes", MaxDocument)}
	}
	var members map[string]json.RawMessage
	if err := decode(raw, &members, false); err != nil {
		return nil, err
	}
	var h header
	if err := decode(raw, &h, false); err != nil {
		return nil, err
	}
	if h.Chain == nil || h.Number == nil || h.Semantics == nil || members["previous"] == nil {
		return nil, &SyntaxError{Reason: "chain, number, previous and semantics have to be there"}
	}
	if *h.Semantics != Semantics {
		return parseUnknown(raw, h)
	}
	for _, name := range later() {
		if _, ok := members[name]; ok {
			return nil, &SyntaxError{Offset: max(0, bytes.Index(raw, []byte(`"`+name+`"`))), Reason: "tripwire " + name + " is not served by this version"}
		}
	}
	var w wire
	if err := decode(raw, &w, true); err != nil {
		return nil, err
	}
	expires, err := time.Parse(timeLayout, w.Expires)
	if err != nil {
		return nil, &SyntaxError{Offset: max(0, bytes.Index(raw, []byte(`"expires"`))), Reason: "expires is not RFC 3339 in UTC with milliseconds"}
	}
	d := &Document{
		Chain: w.Chain, Number: w.Number, Previous: w.Previous, Semantics: w.Semantics, Expires: expires,
		DelayMS: w.DelayMS, EvaluationPeriodMS: w.EvaluationPeriodMS, MaxGapMS: w.MaxGapMS,
		ListingDelayMS: w.ListingDelayMS, GuardMaxAgeMS: w.GuardMaxAgeMS, Groups: w.Groups, Classes: w.Classes,
		LiveVote: w.LiveVote, DeadVote: w.DeadVote, Lease: w.Lease, Monitors: w.Monitors, Artefact: w.Artefact,
		Life: w.Life, Witness: w.Witness, Engine: w.Engine, Expiry: w.Expiry,
	}
	// Whitespace, order, case, duplicates, absent fields and other spellings of
	// a value all end here: the parser refuses what the formatter would not print.
	if err := same(raw, d.Encode()); err != nil {
		return nil, err
	}
	if err := d.bounds(); err != nil {
		return nil, err
	}
	return d, nil
}

// parseUnknown keeps a document that somebody else can judge.
func parseUnknown(raw []byte, h header) (*Document, error) {
	var tree map[string]any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&tree); err != nil {
		return nil, &SyntaxError{Offset: int(dec.InputOffset()), Reason: err.Error()}
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(tree); err != nil {
		return nil, &SyntaxError{Reason: err.Error()}
	}
	if err := same(raw, bytes.TrimSuffix(buf.Bytes(), []byte("\n"))); err != nil {
		return nil, err
	}
	d := &Document{Chain: *h.Chain, Number: *h.Number, Previous: h.Previous, Semantics: *h.Semantics, raw: bytes.Clone(raw)}
	if err := d.head(); err != nil {
		return nil, err
	}
	return d, nil
}

func decode(raw []byte, into any, strict bool) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if strict {
		dec.DisallowUnknownFields()
	}
	if err := dec.Decode(into); err != nil {
		return &SyntaxError{Offset: int(dec.InputOffset()), Reason: err.Error()}
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return &SyntaxError{Offset: int(dec.InputOffset()), Reason: "data after the document"}
	}
	return nil
}

// same names the first byte at which two encodings part.
func same(got, want []byte) error {
	if bytes.Equal(got, want) {
		return nil
	}
	n := 0
	for n < len(got) && n < len(want) && got[n] == want[n] {
		n++
	}
	return &SyntaxError{Offset: n, Reason: "not the canonical encoding"}
}

// Encode prints the document: JSON by RFC 8785, keys sorted, arrays never null.
func (d *Document) Encode() []byte {
	if d.raw != nil {
		return bytes.Clone(d.raw)
	}
	w := wire{
		Artefact: d.Artefact, Chain: d.Chain, Classes: d.Classes, DeadVote: d.DeadVote, DelayMS: d.DelayMS,
		Engine: d.Engine, EvaluationPeriodMS: d.EvaluationPeriodMS, Expires: d.Expires.UTC().Format(timeLayout),
		Expiry: d.Expiry, Groups: d.Groups, GuardMaxAgeMS: d.GuardMaxAgeMS, Lease: d.Lease, Life: d.Life,
		ListingDelayMS: d.ListingDelayMS, LiveVote: d.LiveVote, MaxGapMS: d.MaxGapMS, Monitors: d.Monitors,
		Number: d.Number, Previous: d.Previous, Semantics: d.Semantics, Witness: d.Witness,
	}
	if w.Classes == nil {
		w.Classes = []Class{}
	}
	if w.Monitors.Keys == nil {
		w.Monitors.Keys = []string{}
	}
	b, err := json.Marshal(w)
	if err != nil {
		// Only a mode that no constant names can do this: a programming error.
		panic("policy: encode document: " + err.Error())
	}
	return b
}

// Hash is SHA-256 over a domain tag and the document's bytes; the next
// document names it as previous, and a run names it as its policy.
func (d *Document) Hash() Hash { return HashOf(d.Encode()) }

// HashOf is the hash of a document's bytes.
func HashOf(document []byte) Hash {
	h := sha256.New()
	h.Write([]byte(tagDocument))
	h.Write(document)
	return Hash(h.Sum(nil))
}
