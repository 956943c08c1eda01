package policy

import (
	"slices"
	"strings"
	"testing"
)

func TestCompareByTheDeclaredDirection(t *testing.T) {
	t.Attr("invariant", "E4")
	base := quiet(t, func(d *Document) {
		d.DeadVote.Threshold = 5
		d.Monitors.Keys = []string{strings.Repeat("0a", 32), strings.Repeat("ff", 32)}
	})
	for _, c := range []struct {
		edit  func(*Document)
		want  Direction
		words []string
	}{
		{func(*Document) {}, Unchanged, nil},
		{func(d *Document) { d.DeadVote.Threshold = 3 }, Tightening, []string{"tightens: dead-vote threshold 5 → 3"}},
		{func(d *Document) { d.DeadVote.Threshold = 6 }, Loosening, []string{"loosens: dead-vote threshold 5 → 6"}},
		{func(d *Document) { d.DeadVote.Threshold, d.DelayMS = 3, 1000 }, Loosening, []string{"tightens: dead-vote threshold 5 → 3", "loosens: delay 24h0m0s → 1s"}},
		{func(d *Document) { d.DeadVote.WindowMS = 60_000 }, Loosening, []string{"loosens: dead-vote window 0s → 1m0s"}},
		{func(d *Document) { d.Lease.Mode = Enforce }, Tightening, []string{"tightens: lease mode off → enforce"}},
		{func(d *Document) { d.Life.Lists = true }, Tightening, []string{"tightens: life lists no → yes"}},
		{func(d *Document) { d.Groups.Appointed = false }, Tightening, []string{"tightens: groups appointed yes → no"}},
		{func(d *Document) { d.Expires = d.Expires.Add(1) }, Unchanged, nil},
		{func(d *Document) { d.Expires = d.Expires.AddDate(0, 0, 1) }, Loosening, []string{"loosens: expires 2026-01-02T00:00:00.000Z → 2026-01-03T00:00:00.000Z"}},
		{func(d *Document) { d.Classes[0].CheckinIntervalMS = 5000 }, Tightening, []string{"tightens: class standard checkin-interval 10s → 5s"}},
		{func(d *Document) { d.Classes = append(d.Classes, Class{5000, "z"}) }, Loosening, []string{"loosens: class z checkin-interval none → 5s"}},
		{func(d *Document) { d.Classes[0].Name = "z" }, Loosening, []string{"loosens: class standard checkin-interval 10s → none", "loosens: class z checkin-interval none → 10s"}},
		{func(d *Document) { d.Monitors.Keys = d.Monitors.Keys[:1] }, Loosening, nil},
		{func(d *Document) { d.Monitors.Keys = slices.Insert(d.Monitors.Keys, 1, strings.Repeat("bb", 32)) }, Tightening, nil},
		{func(d *Document) { d.Semantics = 2 }, Loosening, nil},
		{func(d *Document) { d.Chain = "other" }, Loosening, nil},
	} {
		got, changes := Compare(base, successor(t, base, c.edit))
		var words []string
		for _, x := range changes {
			words = append(words, x.String())
		}
		if got != c.want || c.words != nil && !slices.Equal(words, c.words) {
			t.Errorf("%v %q, want %v %q", got, words, c.want, c.words)
		}
	}
	if got, _ := Compare(nil, base); got != Loosening {
		t.Errorf("against nothing: %v", got)
	}
}

// TestEveryFieldHasAWorkingDirection moves each field alone, both ways.
func TestEveryFieldHasAWorkingDirection(t *testing.T) {
	t.Attr("invariant", "E4")
	for id, f := range fieldTable {
		if f.set == nil || f.Direction == Identity {
			continue
		}
		low, high := quiet(t), quiet(t)
		f.set(low, max(f.Min, 1)) // 1: the dead vote's window of 0 is no length
		f.set(high, f.Max)
		if f.Max == 1 {
			f.set(low, 0)
		}
		up, _ := Compare(low, high)
		down, _ := Compare(high, low)
		want := map[Rule][2]Direction{LowerTights: {Loosening, Tightening}, HigherTights: {Tightening, Loosening}, Never: {Loosening, Loosening}}[f.Direction]
		if up != want[0] || down != want[1] {
			t.Errorf("field %d %s (%v): up %v, down %v", id, f.Name, f.Direction, up, down)
		}
	}
}
