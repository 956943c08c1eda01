package blacklist

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"pgregory.net/rapid"
)

// inPart returns n labels of a part.
func inPart(p Part, n int) []Label {
	var out []Label
	for i := 0; len(out) < n; i++ {
		if l := label(i); p.Holds(p.Kind, l) {
			out = append(out, l)
		}
	}
	return sortedLabels(out)
}

func TestLookupList(t *testing.T) {
	t.Attr("invariant", "B1")
	for _, p := range []Part{{Kind: fingerprint.Tensor}, {Kind: fingerprint.Tensor, Prefix: "10"}} {
		for _, n := range []int{0, 1, 2, 100} {
			in := inPart(p, n)
			l := NewLookupList(p, 3, in)
			raw := l.Marshal()
			got, err := ParseLookupList(raw)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Marshal(), raw) || !slices.Equal(got.Values, l.Values) || len(l.Values) != n {
				t.Errorf("%v: %d labels: not an inverse", p, n)
			}
			for i := range 150 {
				if y := label(i); got.Contains(y) != slices.Contains(in, y) {
					t.Errorf("%v: %d labels: label %d", p, n, i)
				}
			}
		}
	}
	good := NewLookupList(Part{Kind: fingerprint.Tensor}, 3, labels(0, 5)).Marshal()
	for name, b := range map[string][]byte{
		"empty":           nil,
		"truncated":       good[:len(good)-1],
		"trailing":        append(slices.Clone(good), 0),
		"other format":    bytes.Replace(good, []byte("lookup"), []byte("full"), 1),
		"other parameter": bytes.Replace(good, []byte("\n61\n"), []byte("\n60\n"), 1),
		"other count":     bytes.Replace(good, []byte("\n5\n"), []byte("\n4\n"), 1),
		"long count":      bytes.Replace(good, []byte("\n5\n"), []byte("\n18446744073709551615\n"), 1),
		"padding":         append(slices.Clone(good[:len(good)-1]), good[len(good)-1]|1),
		"ones for ever":   append([]byte("haltlog/blacklist/lookup/v1\ntensor/-\n3\n1\n63\n"), bytes.Repeat([]byte{0xff}, 64)...),
	} {
		if _, err := ParseLookupList(b); !errors.Is(err, ErrList) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRice holds the coding against any values that a part may have, its first
// and its last one included.
func TestRice(t *testing.T) {
	t.Attr("invariant", "B1")
	rapid.Check(t, func(t *rapid.T) {
		p := Part{fingerprint.Tensor, prefixString(rapid.Uint32Range(0, 15).Draw(t, "prefix"), 4)}
		low := p.floor()
		high := low | ^uint64(0)>>4
		values := rapid.SliceOfNDistinct(rapid.OneOf(rapid.Uint64Range(low, high), rapid.Just(low), rapid.Just(high), rapid.Uint64Range(high-5, high)), 0, 20, rapid.ID).Draw(t, "values")
		slices.Sort(values)
		l := LookupList{p, 1, values}
		got, err := ParseLookupList(l.Marshal())
		if err != nil || !slices.Equal(got.Values, values) {
			t.Fatal(err, got.Values)
		}
	})
}

// TestLookupSize: splitting a kind costs a lookup list nothing, and a million
// labels take the bits that they are said to.
func TestLookupSize(t *testing.T) {
	p := Part{fingerprint.Tensor, "010101"}
	var values []uint64
	for i := range uint64(15625) {
		// Evenly spread hashes of the part, with a step that no power of two divides.
		values = append(values, p.floor()|i*0x9e3779b97f4a7c15>>6)
	}
	slices.Sort(values)
	per := 8 * float64(len(LookupList{p, 1, values}.Marshal())) / float64(len(values))
	if math.Abs(per-46) > 0.5 {
		t.Errorf("%.2f bits per label", per)
	}
}

func TestDelta(t *testing.T) {
	t.Attr("invariant", "B1")
	p := Part{Kind: fingerprint.Tensor, Prefix: "1"}
	in := inPart(p, 6)
	d := Delta{p, 2, 10, 20, in[:2]}
	got, err := ParseDelta(d.Marshal())
	if err != nil || !bytes.Equal(got.Marshal(), d.Marshal()) || got.Hash() != d.Hash() {
		t.Fatal("not an inverse: ", err)
	}
	swapped := Delta{p, 2, 10, 20, []Label{in[1], in[0]}}
	other := Delta{Part{Kind: fingerprint.Tensor, Prefix: "0"}, 2, 10, 20, in[:2]}
	for name, b := range map[string][]byte{
		"empty":           nil,
		"full list":       FullList{p, 2, in}.Marshal(),
		"out of order":    swapped.Marshal(),
		"of another part": other.Marshal(),
		"sizes":           Delta{p, 2, 20, 10, in[:2]}.Marshal(),
		"trailing":        append(d.Marshal(), 0),
		"truncated":       d.Marshal()[:40],
		"leading zero":    bytes.Replace(d.Marshal(), []byte("\n10\n"), []byte("\n010\n"), 1),
	} {
		if _, err := ParseDelta(b); !errors.Is(err, ErrList) {
			t.Errorf("%s: %v", name, err)
		}
	}

	next := Delta{p, 2, 20, 30, in[2:]}
	joined, err := Join(d, next)
	if err != nil || joined.From != 10 || joined.To != 30 || !slices.Equal(joined.Labels, in) {
		t.Errorf("%+v %v", joined, err)
	}
	for name, list := range map[string][]Delta{
		"none": nil, "gap": {d, {p, 2, 21, 30, nil}}, "order": {next, d}, "twice": {d, {p, 2, 20, 30, in[:1]}},
		"key version": {d, {p, 3, 20, 30, nil}},
	} {
		if _, err := Join(list...); !errors.Is(err, ErrList) {
			t.Errorf("%s: %v", name, err)
		}
	}
	full := FullList{p, 2, in[:2]}
	if got, err := full.With(next); err != nil || !slices.Equal(got.Labels, in) {
		t.Error(err)
	}
	if _, err := full.With(d); !errors.Is(err, ErrList) {
		t.Error("a label is added twice")
	}
	if _, err := full.With(Delta{Part: p, KeyVersion: 3}); !errors.Is(err, ErrList) {
		t.Error("a delta of another key version")
	}
	parts, err := FullList{p, 2, in}.Split(3)
	if err != nil || len(parts) != 4 {
		t.Fatal(err)
	}
	n := 0
	for _, f := range parts {
		if _, err := ParseFullList(f.Marshal()); err != nil {
			t.Error(err)
		}
		n += len(f.Labels)
	}
	if n != len(in) {
		t.Errorf("%d labels after the split", n)
	}
	if _, err := full.Split(0); !errors.Is(err, ErrPart) {
		t.Error("parts are joined")
	}
}

func FuzzLookupList(f *testing.F) {
	f.Add(NewLookupList(Part{Kind: fingerprint.Tensor}, 3, labels(0, 5)).Marshal())
	f.Add(NewLookupList(Part{Kind: fingerprint.Manifest}, 3, nil).Marshal())
	p := Part{Kind: fingerprint.Tensor, Prefix: "0110"}
	f.Add(LookupList{p, 1 << 63, []uint64{p.floor(), p.floor() | ^uint64(0)>>4}}.Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := ParseLookupList(b)
		if err != nil {
			return
		}
		if !bytes.Equal(l.Marshal(), b) {
			t.Fatal("lookup list is malleable")
		}
		for i, v := range l.Values {
			if v < l.Part.floor() || i > 0 && l.Values[i-1] >= v {
				t.Fatal("values out of order or of another part")
			}
		}
	})
}

func FuzzDelta(f *testing.F) {
	f.Add(Delta{Part{Kind: fingerprint.Manifest}, 1, 0, 9, sortedLabels(labels(0, 3))}.Marshal())
	f.Add(Delta{Part: Part{Kind: fingerprint.Tensor, Prefix: "01"}}.Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		if d, err := ParseDelta(b); err == nil && !bytes.Equal(d.Marshal(), b) {
			t.Fatal("delta is malleable")
		}
	})
}
