package policy

import (
	"encoding/base64"
	"fmt"
	"time"
)

// Semantics is the number of the rules that this package evaluates. A released
// number is never changed, and stays served.
const Semantics = 1

// A Hash is a SHA-256 value; padded standard base64 in JSON.
type Hash [32]byte

// String is the padded standard base64 of the hash.
func (h Hash) String() string { return base64.StdEncoding.EncodeToString(h[:]) }

// MarshalText prints padded standard base64.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads padded standard base64 of 32 bytes.
func (h *Hash) UnmarshalText(text []byte) error {
	b, err := base64.StdEncoding.Strict().DecodeString(string(text))
	if err != nil {
		return fmt.Errorf("hash: %w", err)
	}
	if len(b) != len(h) {
		return fmt.Errorf("hash of %d bytes, want %d", len(b), len(h))
	}
	copy(h[:], b)
	return nil
}

// A Mode says what a tripwire does.
type Mode uint8

// Modes, loosest first.
const (
	Off     Mode = iota // not looked at
	Observe             // looked at and reported, without effect
	Enforce             // a trip halts the run
)

// String is the mode's name in documents.
func (m Mode) String() string {
	switch m {
	case Off:
		return "off"
	case Observe:
		return "observe"
	case Enforce:
		return "enforce"
	}
	return fmt.Sprintf("mode(%d)", uint8(m))
}

// MarshalText prints the mode's name.
func (m Mode) MarshalText() ([]byte, error) {
	if m > Enforce {
		return nil, fmt.Errorf("mode %d is unknown", uint8(m))
	}
	return []byte(m.String()), nil
}

// UnmarshalText reads a mode's name.
func (m *Mode) UnmarshalText(text []byte) error {
	for _, x := range []Mode{Off, Observe, Enforce} {
		if x.String() == string(text) {
			*m = x
			return nil
		}
	}
	return fmt.Errorf("mode %q is unknown", text)
}

// A Document is one numbered policy of a chain. Fields describes every field.
// A document whose Semantics are unknown holds its header and bytes only; see
// Supported.
type Document struct {
	Chain    string
	Number   uint64
	Previous *Hash // hash of the document one number below; nil for number 1
	// Semantics is the number of the rules by which the document is judged.
	Semantics          uint64
	Expires            time.Time
	DelayMS            int64
	EvaluationPeriodMS int64
	MaxGapMS           int64
	ListingDelayMS     int64
	GuardMaxAgeMS      int64
	Groups             Groups
	Classes            []Class // sorted by name
	LiveVote           LiveVote
	DeadVote           DeadVote
	Lease              Lease
	Monitors           Monitors
	Artefact           Artefacts
	Life               Life
	Witness            Witness
	Engine             Engine
	Expiry             Expiry

	raw []byte // the bytes of a document with unknown semantics
}

// The sections of a document. Their fields stand in the order of their JSON
// names, which is the canonical one.
type (
	// Groups bounds the consensus groups of the chain.
	Groups struct {
		Appointed bool  `json:"appointed"`
		MinSize   int64 `json:"min_size"`
	}
	// Class is a class of runs with its check-in interval.
	Class struct {
		CheckinIntervalMS int64  `json:"checkin_interval_ms"`
		Name              string `json:"name"`
	}
	// LiveVote is the tripwire of the members' anonymous votes.
	LiveVote struct {
		Lists bool `json:"lists"`
		Mode  Mode `json:"mode"`
	}
	// DeadVote is the tripwire of missed check-ins.
	DeadVote struct {
		Lists     bool  `json:"lists"`
		Mode      Mode  `json:"mode"`
		Threshold int64 `json:"threshold"`
		WindowMS  int64 `json:"window_ms"`
	}
	// Lease is the tripwire of the guard's silence.
	Lease struct {
		DurationMS int64 `json:"duration_ms"`
		GraceMS    int64 `json:"grace_ms"`
		Lists      bool  `json:"lists"`
		Mode       Mode  `json:"mode"`
	}
	// Monitors is the tripwire of the redundant monitors' silence.
	Monitors struct {
		DwellMS int64    `json:"dwell_ms"`
		Keys    []string `json:"keys"` // key ids, sorted
		Lists   bool     `json:"lists"`
		Mode    Mode     `json:"mode"`
	}
	// Artefacts is the tripwire of fingerprints that were not escrowed.
	Artefacts struct {
		Lists    bool  `json:"lists"`
		Mode     Mode  `json:"mode"`
		PeriodMS int64 `json:"period_ms"`
	}
	// Life is the tripwire of a run's maximum life.
	Life struct {
		Lists bool  `json:"lists"`
		MaxMS int64 `json:"max_ms"`
		Mode  Mode  `json:"mode"`
	}
	// Witness is the tripwire of unwitnessed time.
	Witness struct {
		Lists    bool  `json:"lists"`
		MaxAgeMS int64 `json:"max_age_ms"`
		Mode     Mode  `json:"mode"`
	}
	// Engine is the tripwire of too few engines' chains.
	Engine struct {
		DwellMS int64 `json:"dwell_ms"`
		Lists   bool  `json:"lists"`
		Mode    Mode  `json:"mode"`
		Quorum  int64 `json:"quorum"`
	}
	// Expiry says whether a halt for want of a valid policy lists the model.
	Expiry struct {
		Lists bool `json:"lists"`
	}
)

// Supported is nil, or a *SemanticsError where the document's rules are not
// known here: an engine halts its runs, an auditor cannot judge them (E7).
func (d *Document) Supported() error {
	if d.Semantics == Semantics {
		return nil
	}
	return &SemanticsError{Chain: d.Chain, Number: d.Number, Semantics: d.Semantics}
}

// A SemanticsError says that a policy names rules that are unknown here, so
// nothing under it can be judged.
type SemanticsError struct {
	Chain     string
	Number    uint64
	Semantics uint64
}

func (e *SemanticsError) Error() string {
	return fmt.Sprintf("cannot judge: policy %s %d has semantics %d, known is %d", e.Chain, e.Number, e.Semantics, Semantics)
}

// Interval is the check-in interval of a class.
func (d *Document) Interval(class string) (time.Duration, bool) {
	for _, c := range d.Classes {
		if c.Name == class {
			return time.Duration(c.CheckinIntervalMS) * time.Millisecond, true
		}
	}
	return 0, false
}

// Window is the dead vote's window for a class's interval, in milliseconds.
func (v DeadVote) window(interval int64) int64 {
	if v.WindowMS == 0 {
		return v.Threshold * interval
	}
	return v.WindowMS
}
