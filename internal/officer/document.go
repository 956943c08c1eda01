package officer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/haltlog/haltlog/log"
	"github.com/haltlog/haltlog/policy"
)

// timeLayout is how documents print times.
const timeLayout = "2006-01-02T15:04:05.000Z"

// Draft is a policy document under the pen: any JSON object, right or wrong.
type Draft struct{ members map[string]any }

// NewDraft is the first document of a chain, from the fields' defaults.
func NewDraft(chain string, expires time.Time) *Draft {
	d := policy.Default(chain, expires)
	d.Number, d.Semantics = 1, policy.Semantics
	return open(d)
}

// Follow is a draft of the document after another one: the same values, the next
// number, and its hash.
func Follow(last *policy.Document) (*Draft, error) {
	if err := last.Supported(); err != nil {
		return nil, err
	}
	next := *last
	next.Number++
	next.Previous = new(last.Hash())
	return open(&next), nil
}

func open(d *policy.Document) *Draft {
	w, err := ParseDraft(d.Encode())
	if err != nil {
		panic("officer: a printed document: " + err.Error())
	}
	return w
}

// ParseDraft reads a document in any layout of JSON: indented, in any order.
func ParseDraft(raw []byte) (*Draft, error) {
	if len(raw) > 4*policy.MaxDocument {
		return nil, fmt.Errorf("%w: policy document longer than %d bytes", ErrFile, 4*policy.MaxDocument)
	}
	// Canonical refuses what JSON readers disagree about: duplicate members,
	// floats, numbers beyond 2⁵³.
	canonical, err := log.Canonical(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: policy document: %w", ErrFile, err)
	}
	w := &Draft{}
	d := json.NewDecoder(bytes.NewReader(canonical))
	d.UseNumber()
	if err := d.Decode(&w.members); err != nil || w.members == nil {
		return nil, fmt.Errorf("%w: policy document: want an object", ErrFile)
	}
	return w, nil
}

// Bytes is the draft in the one encoding, whether or not it is a policy.
func (w *Draft) Bytes() []byte {
	b, err := json.Marshal(w.members)
	if err == nil {
		b, err = log.Canonical(b)
	}
	if err != nil {
		panic("officer: a document that was read: " + err.Error())
	}
	return b
}

// Indented is the draft for an editor.
func (w *Draft) Indented() []byte {
	var b bytes.Buffer
	if err := json.Indent(&b, w.Bytes(), "", "  "); err != nil {
		panic("officer: a document that was read: " + err.Error())
	}
	return append(b.Bytes(), '\n')
}

// Set gives a field a value in words: "lease.duration_ms=20s", "expires=720h"
// (from now), "live_vote.mode=enforce", "class.standard=5m", "class.standard=none",
// "monitors.keys=<id>,<id>".
func (w *Draft) Set(assignment string, now time.Time) error {
	name, value, ok := strings.Cut(assignment, "=")
	if !ok || len(value) > maxSet {
		return fmt.Errorf("%w: want field=value, not %q", ErrFile, assignment)
	}
	if class, ok := strings.CutPrefix(name, "class."); ok {
		return w.setClass(class, value)
	}
	i := slices.IndexFunc(policy.Fields(), func(f policy.Field) bool { return f.Name == name })
	if i < 0 || slices.Contains([]string{"classes", "classes[].checkin_interval_ms", "number", "previous", "semantics"}, name) {
		return fmt.Errorf("%w: no field %q to set (a class is set by class.NAME=5m)", ErrFile, name)
	}
	v, err := parseValue(policy.Fields()[i], value, now)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	at := w.members
	section, last, nested := strings.Cut(name, ".")
	if nested {
		s, ok := at[section].(map[string]any)
		if !ok {
			return fmt.Errorf("%w: the document has no section %s", ErrFile, section)
		}
		at, section = s, last
	}
	at[section] = v
	return nil
}

func parseValue(f policy.Field, s string, now time.Time) (any, error) {
	bad := func(want string) (any, error) { return nil, fmt.Errorf("%w: %q: want %s", ErrFile, s, want) }
	switch f.Unit {
	case policy.Millis:
		ms, ok := millis(s)
		if !ok {
			return bad("a duration such as 90s, or milliseconds")
		}
		return ms, nil
	case policy.Count:
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return bad("a whole number")
		}
		return n, nil
	case policy.Switch:
		switch s {
		case "yes", "true":
			return true, nil
		case "no", "false":
			return false, nil
		}
		return bad("yes or no")
	case policy.Modes:
		var m policy.Mode
		if m.UnmarshalText([]byte(s)) != nil {
			return bad("off, observe or enforce")
		}
		return s, nil
	case policy.When:
		if d, err := time.ParseDuration(s); err == nil {
			return now.Add(d).UTC().Format(timeLayout), nil
		}
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return bad("a time in RFC 3339, or a duration from now")
		}
		return t.UTC().Format(timeLayout), nil
	case policy.Keys:
		keys := []any{}
		if s != "" {
			ids := strings.Split(s, ",")
			slices.Sort(ids)
			for _, id := range ids {
				keys = append(keys, id)
			}
		}
		return keys, nil
	}
	return s, nil
}

// millis reads a duration that is a whole number of milliseconds.
func millis(s string) (int64, bool) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, true
	}
	d, err := time.ParseDuration(s)
	return d.Milliseconds(), err == nil && d%time.Millisecond == 0
}

func (w *Draft) setClass(class, value string) error {
	list, ok := w.members["classes"].([]any)
	if !ok {
		return fmt.Errorf("%w: the document has no classes", ErrFile)
	}
	name := func(c any) string {
		m, _ := c.(map[string]any)
		s, _ := m["name"].(string)
		return s
	}
	list = slices.DeleteFunc(slices.Clone(list), func(c any) bool { return name(c) == class })
	if value != "none" {
		ms, ok := millis(value)
		if !ok {
			return fmt.Errorf("class.%s: %w: %q: want a duration such as 5m, or none", class, ErrFile, value)
		}
		list = append(list, map[string]any{"name": class, "checkin_interval_ms": ms})
	}
	slices.SortFunc(list, func(a, b any) int { return strings.Compare(name(a), name(b)) })
	w.members["classes"] = list
	return nil
}

// Document is the draft as a policy, if it is one.
func (w *Draft) Document() (*policy.Document, error) { return policy.Parse(w.Bytes()) }

// A Problem is one thing that keeps a document from being in force.
type Problem struct {
	Field  string `json:"field,omitempty"`
	Reason string `json:"reason"`
	Unit   string `json:"unit,omitempty"`
	Bounds string `json:"bounds,omitempty"`
	Doc    string `json:"doc,omitempty"`
}

func (p Problem) String() string {
	s := p.Reason
	if p.Field != "" {
		s = p.Field + ": " + s
	}
	if p.Bounds != "" {
		s += " (" + p.Unit + ", " + p.Bounds + ")"
	}
	return s
}

// Lint lists every problem of a draft: fields out of their bounds, fields that are
// missing or unknown, and, with the log's periods, fields that do not fit together.
func (w *Draft) Lint(cfg *policy.Config) []Problem {
	problems := w.bounds()
	doc, err := w.Document()
	if err != nil {
		p := problemOf(err)
		if !slices.ContainsFunc(problems, func(q Problem) bool { return q.Field == p.Field && p.Field != "" }) {
			problems = append(problems, p)
		}
		return problems
	}
	if err := doc.Supported(); err != nil {
		return append(problems, Problem{Field: "semantics", Reason: err.Error()})
	}
	if cfg == nil {
		return problems
	}
	err = doc.Validate(*cfg)
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			problems = append(problems, problemOf(e))
		}
	} else if err != nil {
		problems = append(problems, problemOf(err))
	}
	return problems
}

// problemOf adds the field's row of the table to an error.
func problemOf(err error) Problem {
	f, ok := errors.AsType[*policy.FieldError](err)
	if !ok {
		return Problem{Reason: err.Error()}
	}
	return describe(f.Field, f.Reason)
}

func describe(name, reason string) Problem {
	p := Problem{Field: name, Reason: reason}
	if i := slices.IndexFunc(policy.Fields(), func(f policy.Field) bool { return f.Name == name }); i >= 0 {
		f := policy.Fields()[i]
		p.Unit, p.Doc = string(f.Unit), f.Doc
		if f.Unit == policy.Millis || f.Unit == policy.Count {
			p.Bounds = fmt.Sprintf("%s to %s", f.Words(f.Min), f.Words(f.Max))
		}
	}
	return p
}

// bounds holds every number of the draft against the table, where policy.Parse
// stops at the first.
func (w *Draft) bounds() []Problem {
	var problems []Problem
	for _, f := range policy.Fields() {
		if f.Unit != policy.Millis && f.Unit != policy.Count || strings.Contains(f.Name, "[]") || f.Name == "number" || f.Name == "semantics" {
			continue
		}
		at, last := w.members, f.Name
		if section, name, ok := strings.Cut(f.Name, "."); ok {
			s, isMap := at[section].(map[string]any)
			if !isMap {
				problems = append(problems, describe(f.Name, "is missing"))
				continue
			}
			at, last = s, name
		}
		n, ok := number(at[last])
		switch {
		case at[last] == nil:
			problems = append(problems, describe(f.Name, "is missing"))
		case !ok:
			problems = append(problems, describe(f.Name, "is not a whole number"))
		case n < f.Min || n > f.Max:
			problems = append(problems, describe(f.Name, fmt.Sprintf("%s is out of bounds", f.Words(n))))
		}
	}
	return problems
}

// number reads what was decoded or set.
func number(v any) (int64, bool) {
	switch v := v.(type) {
	case json.Number:
		n, err := v.Int64()
		return n, err == nil
	case int64:
		return v, true
	}
	return 0, false
}

// ReadAll reads a whole file of at most MaxFile bytes.
func ReadAll(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxFile+1))
	if err == nil && len(b) > MaxFile {
		err = fmt.Errorf("%w: longer than %d bytes", ErrFile, MaxFile)
	}
	return b, err
}
