package blacklist

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"pgregory.net/rapid"
)

// under returns the i-th test label as another key version would have it.
func under(version uint64, i int) Label { return label(i + 1000*int(version)) }

// TestRotation: the rotated labels are in the list under the new version, with
// the same halts, and what is said of a label under either version, before or
// after, holds under both.
func TestRotation(t *testing.T) {
	t.Attr("invariant", "B4")
	t.Attr("invariant", "B7")
	for name, c := range map[string]struct {
		before, after func(s *Set)
		want          Status
	}{
		"nothing": {want: Active},
		"struck before": {before: func(s *Set) {
			mustStrike(t, s, under(1, 0))
		}, want: Struck},
		"struck after, by the old name": {after: func(s *Set) {
			mustStrike(t, s, under(1, 0))
		}, want: Struck},
		"struck after, by the new name": {after: func(s *Set) {
			mustStrike(t, s, under(2, 0))
		}, want: Struck},
		"contested before": {before: func(s *Set) {
			mustContest(t, s, under(1, 0))
		}, want: Contested},
		"contested after, by the old name": {after: func(s *Set) {
			mustContest(t, s, under(1, 0))
		}, want: Contested},
		"contested after, by the new name": {after: func(s *Set) {
			mustContest(t, s, under(2, 0))
		}, want: Contested},
		"allowed before": {before: func(s *Set) {
			s.Allow(AllowList{Kind: fingerprint.Tensor, Labels: []Label{under(1, 0)}, Reason: "mask"})
		}, want: Allow},
		"allowed before, by the new name": {before: func(s *Set) {
			s.Allow(AllowList{Kind: fingerprint.Tensor, Labels: []Label{under(2, 0)}, Reason: "mask"})
		}, want: Allow},
		"allowed after, by the old name": {after: func(s *Set) {
			s.Allow(AllowList{Kind: fingerprint.Tensor, Labels: []Label{under(1, 0)}, Reason: "mask"})
		}, want: Allow},
		"allowed after, by the new name": {after: func(s *Set) {
			s.Allow(AllowList{Kind: fingerprint.Tensor, Labels: []Label{under(2, 0)}, Reason: "mask"})
		}, want: Allow},
		"of another kind": {after: func(s *Set) {
			s.Allow(AllowList{Kind: fingerprint.Manifest, Labels: []Label{under(1, 0)}, Reason: "mask"})
		}, want: Active},
	} {
		for _, twice := range []bool{false, true} {
			s := NewSet()
			mustList(t, s, listing(s, "run-1", 10, tensors(under(1, 0), under(1, 1))))
			if c.before != nil {
				c.before(s)
			}
			if twice {
				// The model came back, and was listed under the new key before the
				// rotation was known.
				l := listing(s, "run-2", 20, tensors(under(2, 0)))
				l.KeyVersion = 2
				if len(l.Excluded) > 0 {
					continue // the allow-list had named it
				}
				mustList(t, s, l)
			}
			if err := s.Rotate(Rotation{Index: 30, From: 1, To: 2, Labels: []Label{under(2, 0), under(2, 1)}}); err != nil {
				t.Fatal(err)
			}
			if c.after != nil {
				c.after(s)
			}
			old, now := s.Lookup(fingerprint.Tensor, under(1, 0)), s.Lookup(fingerprint.Tensor, under(2, 0))
			if diff := cmp.Diff(old, now); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			if now[0].Run != "run-1" || now[0].Halt != 11 || now[0].KeyVersion != 1 || now[0].Status != c.want {
				t.Errorf("%s: %+v", name, now)
			}
			if twice && (len(now) != 2 || now[1].Run != "run-2") {
				t.Errorf("%s: %+v", name, now)
			}
			if got := statuses(s, fingerprint.Tensor, under(2, 1)); got != "run-1:active " {
				t.Errorf("%s: the other label is %s", name, got)
			}
			e := s.EpochAt(1, 0, 40)
			if len(e.Parts) != 2 || e.Parts[0].Count != 2 || e.Parts[1].Count != 2 {
				t.Errorf("%s: %+v", name, e.Parts)
			}
		}
	}
}

func mustStrike(t *testing.T, s *Set, l Label) {
	t.Helper()
	if err := s.Strike(Strike{Kind: fingerprint.Tensor, Label: l, Reason: "mistake"}); err != nil {
		t.Error(err)
	}
}

func mustContest(t *testing.T, s *Set, l Label) {
	t.Helper()
	c := Contest{Index: 25, Run: "earlier", Artefact: 1, Kind: fingerprint.Tensor, Label: l}
	if err := errors.Join(s.CheckContest(c), s.Contest(c)); err != nil {
		t.Error(err)
	}
}

// TestRotationFollows: offsets follow one another in an order that only grows,
// over several statements and several key versions.
func TestRotationFollows(t *testing.T) {
	t.Attr("invariant", "B7")
	s := NewSet()
	mustList(t, s, listing(s, "run-1", 10, append(tensors(under(1, 2), under(1, 0)), Entry{fingerprint.Manifest, under(1, 2)})))
	want := append(tensors(under(1, 2), under(1, 0)), Entry{fingerprint.Manifest, under(1, 2)})
	if diff := cmp.Diff(want, s.Order(1, 0, 9)); diff != "" {
		t.Error(diff)
	}
	for name, r := range map[string]Rotation{
		"offset": {From: 1, To: 2, Offset: 1, Labels: []Label{under(2, 2)}},
		"more":   {From: 1, To: 2, Labels: []Label{under(2, 2), under(2, 0), under(2, 1), under(2, 3)}},
		"back":   {From: 2, To: 1},
		"itself": {From: 1, To: 1},
		"none":   {From: 3, To: 4, Labels: []Label{under(4, 0)}},
	} {
		if err := s.Rotate(r); !errors.Is(err, ErrRotation) {
			t.Errorf("%s: %v", name, err)
		}
	}
	rotate := func(from, to, offset uint64, index uint64, list ...Label) {
		t.Helper()
		if err := s.Rotate(Rotation{Index: index, From: from, To: to, Offset: offset, Labels: list}); err != nil {
			t.Fatal(err)
		}
	}
	rotate(1, 2, 0, 20, under(2, 2))
	rotate(1, 2, 1, 21, under(2, 0), under(2, 2)) // the manifest's has the same bytes, and is another kind
	// A late listing under the old key, again with a label that is there.
	mustList(t, s, listing(s, "run-2", 30, tensors(under(1, 5), under(1, 0))))
	s.Commit(1, 40, s.EpochAt(1, 0, 40))
	if got := s.Ordered(1) - s.Rotated(1, 2); got != 1 {
		t.Fatalf("%d labels are left", got)
	}
	rotate(1, 2, 3, 41, under(2, 5))
	rotate(2, 3, 0, 50, under(3, 2), under(3, 0), under(3, 2), under(3, 5))
	for i, want := range map[int]string{2: "run-1:active ", 0: "run-1:active run-2:active ", 5: "run-2:active "} {
		for version := range uint64(4) {
			got := statuses(s, fingerprint.Tensor, under(version, i))
			if version == 0 {
				want, got = "", statuses(s, fingerprint.Tensor, under(9, i))
			}
			if version > 0 && got != map[int]string{2: "run-1:active ", 0: "run-1:active run-2:active ", 5: "run-2:active "}[i] || version == 0 && got != want {
				t.Errorf("label %d under key version %d: %q", i, version, got)
			}
		}
	}
	if got := s.Order(3, 1, 2); len(got) != 2 || got[0] != (Entry{fingerprint.Tensor, under(3, 0)}) || got[1] != (Entry{fingerprint.Manifest, under(3, 2)}) {
		t.Errorf("%+v", got)
	}
	// The epoch's delta is what the rotations brought.
	e := s.EpochAt(2, s.From(), 60)
	if err := e.Validate(); err != nil {
		t.Fatal(err)
	}
	var versions []uint64
	for _, p := range e.Parts {
		versions = append(versions, p.KeyVersion)
	}
	if !slices.Equal(versions, []uint64{3, 2, 3}) {
		t.Errorf("parts under key versions %v", versions)
	}
}

// TestRotationModel: whatever is listed, rotated and marked in whatever order,
// a label answers as if all its names were one.
func TestRotationModel(t *testing.T) {
	t.Attr("invariant", "B7")
	rapid.Check(t, func(t *rapid.T) {
		s := NewSet()
		type fact struct{ listings, contests []uint64 }
		facts := make(map[int]*fact) // by label, over both versions
		names := make(map[int][]uint64)
		name := func(i int, version uint64) {
			if facts[i] == nil {
				facts[i] = &fact{}
			}
			if !slices.Contains(names[i], version) {
				names[i] = append(names[i], version)
			}
		}
		var order []int // under version 1
		done := 0
		for step := range rapid.IntRange(1, 20).Draw(t, "steps") {
			index := uint64(100 + 10*step)
			i := rapid.IntRange(0, 5).Draw(t, "label")
			switch rapid.IntRange(0, 3).Draw(t, "event") {
			case 0, 1:
				// Under the new version only what was rotated: before, nobody can
				// know that the two are one.
				version := uint64(1)
				if slices.Contains(order[:done], i) && rapid.Bool().Draw(t, "new") {
					version = 2
				}
				e := tensors(under(version, i))
				l := listing(s, fmt.Sprint("run-", index), index, e)
				l.KeyVersion = version
				if err := s.List(l); err != nil {
					t.Fatal(err)
				}
				if version == 1 && !slices.Contains(order, i) {
					order = append(order, i)
				}
				name(i, version)
				facts[i].listings = append(facts[i].listings, l.Index)
			case 2:
				n := rapid.IntRange(0, len(order)-done).Draw(t, "labels")
				r := Rotation{Index: index, From: 1, To: 2, Offset: uint64(done)}
				for _, i := range order[done : done+n] {
					r.Labels = append(r.Labels, under(2, i))
					name(i, 2)
				}
				if err := s.Rotate(r); err != nil {
					t.Fatal(err)
				}
				done += n
			case 3:
				if len(names[i]) == 0 {
					continue
				}
				v := rapid.SampledFrom(names[i]).Draw(t, "version")
				if err := s.Contest(Contest{Index: index, Run: "earlier", Kind: fingerprint.Tensor, Label: under(v, i)}); err != nil {
					t.Fatal(err)
				}
				facts[i].contests = append(facts[i].contests, index)
			}
			for i, f := range facts {
				for _, v := range names[i] {
					got := s.Lookup(fingerprint.Tensor, under(v, i))
					var listings []uint64
					for _, r := range got {
						listings = append(listings, r.Listing)
						if !slices.Equal(r.Contests, f.contests) {
							t.Fatalf("label %d under %d: contests %v, want %v", i, v, r.Contests, f.contests)
						}
					}
					if !slices.Equal(listings, f.listings) {
						t.Fatalf("label %d under %d: listings %v, want %v", i, v, listings, f.listings)
					}
				}
			}
		}
	})
}

// TestAsked: a key version is left out of what a model is asked under from the size
// at which a newer one holds all of its labels, and comes back with the next label
// that is listed under it alone.
func TestAsked(t *testing.T) {
	t.Attr("invariant", "B7")
	s := NewSet()
	asked := func(size uint64, want ...uint64) {
		t.Helper()
		if got := s.EpochAt(1, 0, size).Asked; !slices.Equal(got, want) {
			t.Errorf("at %d: asked under %v, want %v", size, got, want)
		}
	}
	rotate := func(index, from, to, offset uint64, labels ...Label) {
		t.Helper()
		if err := s.Rotate(Rotation{Index: index, From: from, To: to, Offset: offset, Labels: labels}); err != nil {
			t.Fatal(err)
		}
	}
	asked(1)
	mustList(t, s, listing(s, "run-1", 10, tensors(under(1, 0), under(1, 1))))
	asked(20, 1)
	rotate(30, 1, 2, 0, under(2, 0))
	asked(40, 1, 2)
	rotate(50, 1, 2, 1, under(2, 1))
	asked(60, 2)
	// What is said of an earlier size does not change.
	asked(50, 1, 2)
	asked(20, 1)
	// A run that escrowed under the old key is halted late.
	mustList(t, s, listing(s, "run-2", 70, tensors(under(1, 2))))
	asked(80, 1, 2)
	rotate(90, 1, 2, 2, under(2, 2))
	asked(100, 2)
	// In steps: the first version's labels are in the third by way of the second.
	rotate(110, 2, 3, 0, under(3, 0), under(3, 1), under(3, 2))
	asked(120, 3)
	if got := s.Clone().EpochAt(1, 0, 120).Asked; !slices.Equal(got, []uint64{3}) {
		t.Errorf("a copy: %v", got)
	}
}
