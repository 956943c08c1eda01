package policy

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseIsTheInverseOfEncode(t *testing.T) {
	for _, d := range []*Document{
		quiet(t),
		Default("a", epoch),
		successor(t, quiet(t), func(d *Document) {
			d.Monitors = Monitors{DwellMS: 1000, Keys: []string{strings.Repeat("0a", 32), strings.Repeat("ff", 32)}, Lists: true, Mode: Observe}
			d.Classes = append(d.Classes, Class{Name: "zeta", CheckinIntervalMS: 1001})
		}),
	} {
		raw := d.Encode()
		p, err := Parse(raw)
		if err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		if !bytes.Equal(p.Encode(), raw) || p.Hash() != HashOf(raw) {
			t.Errorf("%s\nparses and prints as\n%s", raw, p.Encode())
		}
		if dir, changes := Compare(d, p); dir != Unchanged {
			t.Errorf("parsed document differs: %v", changes)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	good := string(quiet(t).Encode())
	edit := func(old, new string) string {
		s := strings.Replace(good, old, new, 1)
		if s == good {
			t.Fatalf("fixture: %q is not in %s", old, good)
		}
		return s
	}
	for name, raw := range map[string]string{
		"nothing":            "",
		"no object":          "[]",
		"null":               "null",
		"trailing newline":   good + "\n",
		"trailing data":      good + "{}",
		"leading space":      " " + good,
		"inner space":        edit(`":`, `": `),
		"duplicate field":    edit(`{"artefact"`, `{"number":1,"artefact"`),
		"duplicate at end":   strings.TrimSuffix(good, "}") + `,"number":1}`,
		"unknown field":      edit(`{"artefact"`, `{"aaa":1,"artefact"`),
		"absent field":       edit(`"delay_ms":86400000,`, ``),
		"field of null":      edit(`"delay_ms":86400000`, `"delay_ms":null`),
		"another case":       edit(`"delay_ms"`, `"Delay_ms"`),
		"escaped name":       edit(`"delay_ms"`, `"\u0064elay_ms"`),
		"exponent":           edit(`"threshold":3`, `"threshold":3e0`),
		"fraction":           edit(`"threshold":3`, `"threshold":3.0`),
		"negative":           edit(`"threshold":3`, `"threshold":-3`),
		"zero threshold":     edit(`"threshold":3`, `"threshold":0`),
		"unknown mode":       edit(`"mode":"off"`, `"mode":"sometimes"`),
		"mode as number":     edit(`"mode":"off"`, `"mode":0`),
		"null classes":       edit(`"classes":[{"checkin_interval_ms":10000,"name":"standard"}]`, `"classes":null`),
		"no classes":         edit(`"classes":[{"checkin_interval_ms":10000,"name":"standard"}]`, `"classes":[]`),
		"fast check-ins":     edit(`"checkin_interval_ms":10000`, `"checkin_interval_ms":999`),
		"time without ms":    edit(`00:00:00.000Z`, `00:00:00Z`),
		"time with offset":   edit(`00:00:00.000Z`, `00:00:00.000+00:00`),
		"number 2 alone":     edit(`"number":1`, `"number":2`),
		"approval":           edit(`{"artefact"`, `{"approval":{},"artefact"`),
		"key ids not sorted": edit(`"keys":[]`, `"keys":["`+strings.Repeat("ff", 32)+`","`+strings.Repeat("0a", 32)+`"]`),
		"bad name":           edit(`"chain":"main"`, `"chain":"Main"`),
		"too long":           strings.Repeat(" ", MaxDocument) + good,
	} {
		d, err := Parse([]byte(raw))
		if err == nil {
			t.Errorf("%s: accepted as %s", name, d.Encode())
		} else if !errors.Is(err, ErrSyntax) && !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v is of no family", name, err)
		}
		if name == "approval" && !strings.Contains(err.Error(), "approval is not served") {
			t.Errorf("approval: refused by another reason: %v", err)
		}
	}
}

// TestFieldsIsTheOnlyTable holds the table to the document's own shape: every
// JSON leaf has one row, at its place, and rows set and get what they name.
func TestFieldsIsTheOnlyTable(t *testing.T) {
	var leaves []string
	var walk func(prefix string, typ reflect.Type)
	walk = func(prefix string, typ reflect.Type) {
		for f := range typ.Fields() {
			name := prefix + f.Tag.Get("json")
			switch {
			case f.Type.Kind() == reflect.Struct:
				walk(name+".", f.Type)
			case name == "classes":
				leaves = append(leaves, name, "classes[].checkin_interval_ms")
			default:
				leaves = append(leaves, name)
			}
		}
	}
	walk("", reflect.TypeFor[wire]())
	var rows []string
	for _, f := range Fields() {
		rows = append(rows, f.Name)
		if f.Doc == "" || f.Unit == "" {
			t.Errorf("%s has no unit or no words", f.Name)
		}
		if f.set == nil {
			continue
		}
		d := quiet(t)
		for _, v := range []int64{f.Min, f.Max, f.Default} {
			f.set(d, v)
			if f.get(d) != v {
				t.Errorf("%s: set %d, got %d", f.Name, v, f.get(d))
			}
		}
		if f.Default < f.Min || f.Default > f.Max {
			t.Errorf("%s: default is out of bounds", f.Name)
		}
	}
	if !slices.Equal(leaves, rows) {
		t.Errorf("table has\n%v, the document\n%v", rows, leaves)
	}
	if !slices.IsSorted(rows) {
		t.Errorf("not in the order of RFC 8785: %v", rows)
	}
}

func TestValidateReportsEveryProblem(t *testing.T) {
	if err := Default("main", epoch).Validate(genesis); err != nil {
		t.Fatalf("the draft does not fit: %v", err)
	}
	for name, c := range map[string]struct {
		edit   func(*Document)
		fields []string
	}{
		"witness as young as an anchor": {func(d *Document) { d.Witness.MaxAgeMS = 2000 + 1000 + 2000 + 1000 }, []string{"witness.max_age_ms"}},
		"guard younger than witness":    {func(d *Document) { d.GuardMaxAgeMS = d.Witness.MaxAgeMS + d.EvaluationPeriodMS - 1 }, []string{"guard_max_age_ms"}},
		"gap below the period":          {func(d *Document) { d.MaxGapMS = d.EvaluationPeriodMS + 1999 }, []string{"max_gap_ms"}},
		"gap as long as the lease":      {func(d *Document) { d.MaxGapMS = d.Lease.DurationMS }, []string{"max_gap_ms"}},
		"window below threshold":        {func(d *Document) { d.DeadVote.WindowMS = 29_999 }, []string{"dead_vote.window_ms"}},
		"monitors without keys":         {func(d *Document) { d.Monitors.Mode = Observe }, []string{"monitors.keys"}},
		"group of three":                {func(d *Document) { d.Groups.MinSize = 3 }, []string{"groups.min_size"}},
		"dwell within the gap":          {func(d *Document) { d.Engine.Mode, d.Engine.DwellMS = Enforce, d.MaxGapMS }, []string{"engine.dwell_ms"}},
		"two at once":                   {func(d *Document) { d.Groups.MinSize, d.DeadVote.WindowMS = 3, 1 }, []string{"groups.min_size", "dead_vote.window_ms"}},
	} {
		d := quiet(t)
		c.edit(d)
		err := d.Validate(genesis)
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, f := range c.fields {
			if !strings.Contains(err.Error(), f+":") {
				t.Errorf("%s: %v does not name %s", name, err, f)
			}
		}
	}
}

func TestUnknownSemanticsIsReadAndNotJudged(t *testing.T) {
	t.Attr("invariant", "E7")
	raw := []byte(`{"chain":"main","new":{"rule":[1,"x"]},"number":1,"previous":null,"semantics":2}`)
	d, err := Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(d.Encode(), raw) {
		t.Errorf("prints as %s", d.Encode())
	}
	e, ok := errors.AsType[*SemanticsError](d.Supported())
	if !ok || e.Semantics != 2 || !strings.Contains(e.Error(), "cannot judge") {
		t.Errorf("Supported: %v", d.Supported())
	}
	if err := d.Validate(genesis); err != nil {
		t.Errorf("refused, so that the old policy would rule on: %v", err)
	}
	if dir, _ := Compare(quiet(t), d); dir != Loosening {
		t.Errorf("direction %v", dir)
	}
	for _, bad := range []string{
		`{"chain":"main","number":1,"previous":null,"semantics":2} `,
		`{"number":1,"chain":"main","previous":null,"semantics":2}`,
		`{"chain":"main","number":1,"number":1,"previous":null,"semantics":2}`,
		`{"chain":"main","number":1,"semantics":2}`,
		`{"chain":"main","number":1,"previous":null}`,
		`{"chain":"M","number":1,"previous":null,"semantics":2}`,
	} {
		if _, err := Parse([]byte(bad)); err == nil {
			t.Errorf("accepted %s", bad)
		}
	}
}

// FuzzParse: whatever is accepted prints as it was read (malleability), is
// within bounds, and stays so.
func FuzzParse(f *testing.F) {
	f.Add(quiet(f).Encode())
	f.Add(Default("x", epoch.Add(time.Millisecond)).Encode())
	f.Add(successor(f, quiet(f)).Encode())
	f.Add([]byte(`{"chain":"main","number":1,"previous":null,"semantics":2}`))
	f.Add([]byte(`{"chain":"main","number":1,"previous":null,"semantics":1}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := Parse(raw)
		if err != nil {
			if !errors.Is(err, ErrSyntax) && !errors.Is(err, ErrInvalid) {
				t.Fatalf("%v is of no family", err)
			}
			return
		}
		if !bytes.Equal(d.Encode(), raw) {
			t.Fatalf("%q prints as %q", raw, d.Encode())
		}
		if d.Supported() == nil && d.bounds() != nil {
			t.Fatalf("accepted out of bounds: %v", d.bounds())
		}
		_ = d.Validate(genesis)
		Compare(quiet(t), d)
	})
}
