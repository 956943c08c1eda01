package policy

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrInvalid is the family of documents whose values cannot be in force.
var ErrInvalid = errors.New("invalid policy document")

// A FieldError names a field and what is wrong with its value.
type FieldError struct {
	Field  string
	Reason string
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Reason }

// Unwrap puts the error into the family of ErrInvalid.
func (e *FieldError) Unwrap() error { return ErrInvalid }

// Config is what a log's genesis says and every policy has to fit.
type Config struct {
	Skew           time.Duration // by which clocks may differ
	AnchorPeriod   time.Duration // at least one anchor is logged in each
	DecisionPeriod time.Duration // at least one decision is logged in each, also without armed runs
}

// Default is the draft of a chain's first document: every field's default, one
// class "standard". It expires where the caller says.
func Default(chain string, expires time.Time) *Document {
	d := &Document{Chain: chain, Expires: expires.UTC().Truncate(time.Millisecond)}
	for _, f := range fieldTable {
		if f.set != nil {
			f.set(d, f.Default)
		}
	}
	d.Classes = []Class{{Name: "standard", CheckinIntervalMS: fieldTable[fClassInterval].Default}}
	d.Monitors.Keys = []string{}
	return d
}

// ValidName says whether a name of a chain, class, run or member is legal:
// [a-z0-9][a-z0-9._-]{0,62}.
func ValidName(s string) bool {
	if s == "" || len(s) > MaxName {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		case i > 0 && (c == '.' || c == '_' || c == '-'):
		default:
			return false
		}
	}
	return true
}

// keyID says whether s is lower-case hex of SHA-256.
func keyID(s string) bool {
	if len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// head checks what documents of all semantics share.
func (d *Document) head() error {
	switch {
	case !ValidName(d.Chain):
		return &FieldError{"chain", "is not a name"}
	case d.Number < 1 || d.Number > MaxNumber:
		return &FieldError{"number", "is out of bounds"}
	case d.Semantics > MaxNumber:
		return &FieldError{"semantics", "is out of bounds"}
	case (d.Previous == nil) != (d.Number == 1):
		return &FieldError{"previous", "is null for number 1 and for no other"}
	}
	return nil
}

// bounds checks every field by itself.
func (d *Document) bounds() error {
	if err := d.head(); err != nil {
		return err
	}
	for _, f := range fieldTable {
		if f.get == nil {
			continue
		}
		if v := f.get(d); v < f.Min || v > f.Max {
			return &FieldError{f.Name, fmt.Sprintf("%d is not within %d and %d", v, f.Min, f.Max)}
		}
	}
	if n := len(d.Classes); n < 1 || n > MaxClasses {
		return &FieldError{"classes", fmt.Sprintf("are %d, not 1 to %d", n, MaxClasses)}
	}
	low, high := fieldTable[fClassInterval].Min, fieldTable[fClassInterval].Max
	for i, c := range d.Classes {
		switch {
		case !ValidName(c.Name):
			return &FieldError{"classes", fmt.Sprintf("%q is not a name", c.Name)}
		case i > 0 && d.Classes[i-1].Name >= c.Name:
			return &FieldError{"classes", "are not sorted by name, each once"}
		case c.CheckinIntervalMS < low || c.CheckinIntervalMS > high:
			return &FieldError{fieldTable[fClassInterval].Name, fmt.Sprintf("%d is not within %d and %d", c.CheckinIntervalMS, low, high)}
		}
	}
	keys := d.Monitors.Keys
	switch {
	case len(keys) > MaxMonitors:
		return &FieldError{"monitors.keys", fmt.Sprintf("are more than %d", MaxMonitors)}
	case !slices.IsSorted(keys) || len(slices.Compact(slices.Clone(keys))) != len(keys):
		return &FieldError{"monitors.keys", "are not sorted, each once"}
	}
	for _, k := range keys {
		if !keyID(k) {
			return &FieldError{"monitors.keys", fmt.Sprintf("%q is not a key id", k)}
		}
	}
	return nil
}

// Validate checks that a document can be in force in a log: each field within
// its bounds, and all of them together, so that no tripwire is blinder than
// the periods by which it is fed. It reports every problem at once. A document
// of unknown semantics passes: it halts its runs when it takes force (E7).
func (d *Document) Validate(c Config) error {
	if d.Supported() != nil {
		return d.head()
	}
	if err := d.bounds(); err != nil {
		return err
	}
	var errs []error
	need := func(ok bool, field, format string, args ...any) {
		if !ok {
			errs = append(errs, &FieldError{field, fmt.Sprintf(format, args...)})
		}
	}
	skew, anchor, lag := c.Skew.Milliseconds(), c.AnchorPeriod.Milliseconds(), CheckpointLag.Milliseconds()
	floor := anchor + lag + skew + second
	need(floor < d.Witness.MaxAgeMS, "witness.max_age_ms", "%d is not above anchor period + checkpoint lag + skew + 1 s = %d", d.Witness.MaxAgeMS, floor)
	need(d.Witness.MaxAgeMS+d.EvaluationPeriodMS <= d.GuardMaxAgeMS, "guard_max_age_ms", "%d is below witness.max_age_ms + evaluation_period_ms = %d", d.GuardMaxAgeMS, d.Witness.MaxAgeMS+d.EvaluationPeriodMS)
	need(d.MaxGapMS >= d.EvaluationPeriodMS+skew, "max_gap_ms", "%d is below evaluation_period_ms + skew = %d", d.MaxGapMS, d.EvaluationPeriodMS+skew)
	need(d.MaxGapMS < d.Lease.DurationMS, "max_gap_ms", "%d is not below lease.duration_ms = %d", d.MaxGapMS, d.Lease.DurationMS)
	need(d.Engine.Mode == Off || d.Engine.DwellMS > d.MaxGapMS, "engine.dwell_ms", "%d is not above max_gap_ms = %d", d.Engine.DwellMS, d.MaxGapMS)
	need(d.Monitors.Mode == Off || len(d.Monitors.Keys) > 0, "monitors.keys", "are none, so nothing would be watched")
	need(d.Groups.MinSize&(d.Groups.MinSize-1) == 0, "groups.min_size", "%d is not a power of two", d.Groups.MinSize)
	for _, k := range d.Classes {
		low := d.DeadVote.Threshold * k.CheckinIntervalMS
		need(d.DeadVote.WindowMS == 0 || d.DeadVote.WindowMS >= low, "dead_vote.window_ms", "%d is below threshold × interval of class %s = %d", d.DeadVote.WindowMS, k.Name, low)
	}
	return errors.Join(errs...)
}
