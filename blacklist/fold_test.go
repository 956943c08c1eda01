package blacklist

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"pgregory.net/rapid"
)

// naive answers from the whole history, by the rules as they are written.
type naive struct {
	listings []Listing
	allowed  map[Label]string
	struck   map[Label]string
	contests []Contest
	lapsed   map[uint64]bool
}

func (n *naive) lookup(l Label) []Record {
	var out []Record
	for _, x := range n.listings {
		if !slices.ContainsFunc(x.Labels, func(p Published) bool { return p.Label == l }) {
			continue
		}
		r := Record{Run: x.Run, Halt: x.Halt, Listing: x.Index, KeyVersion: x.KeyVersion, Status: Active}
		for _, c := range n.contests {
			if c.Label == l && c.Run != x.Run && c.Artefact < x.Artefact && !n.lapsed[c.Index] {
				r.Status = Contested
				r.Contests = append(r.Contests, c.Index)
			}
		}
		if why, ok := n.allowed[l]; ok {
			r.Status, r.Reason = Allow, why
		}
		if why, ok := n.struck[l]; ok {
			r.Status, r.Reason = Struck, why
		}
		out = append(out, r)
	}
	return out
}

// TestSetModel holds the fold against the naive model after every event, and a
// clone taken before each event against what it was.
func TestSetModel(t *testing.T) {
	t.Attr("invariant", "B4")
	pool := labels(0, 6)
	rapid.Check(t, func(t *rapid.T) {
		s, n := NewSet(), &naive{allowed: map[Label]string{}, struck: map[Label]string{}, lapsed: map[uint64]bool{}}
		for i := range rapid.IntRange(1, 25).Draw(t, "events") {
			index := uint64(10 + i)
			l := rapid.SampledFrom(pool).Draw(t, "label")
			before, was := s.Clone(), s.Lookup(fingerprint.Tensor, l)
			switch rapid.IntRange(0, 4).Draw(t, "event") {
			case 0:
				var entries []Entry
				for _, j := range rapid.SliceOfN(rapid.IntRange(0, 5), 1, 4).Draw(t, "labels") {
					entries = append(entries, Entry{fingerprint.Tensor, pool[j]})
				}
				x := listing(s, fmt.Sprint("run-", rapid.IntRange(0, 3).Draw(t, "run")), 0, entries)
				x.Index, x.Halt, x.Artefact = index, index-1, rapid.Uint64Range(0, 9).Draw(t, "artefact")
				if s.List(x) == nil {
					n.listings = append(n.listings, x)
				}
			case 1:
				s.Allow(AllowList{index, fingerprint.Tensor, []Label{l}, "allowed"})
				n.allowed[l] = "allowed"
			case 2:
				if s.Strike(Strike{index, fingerprint.Tensor, l, "struck"}) == nil {
					n.struck[l] = "struck"
				}
			case 3:
				c := Contest{index, fmt.Sprint("run-", rapid.IntRange(0, 3).Draw(t, "by")), rapid.Uint64Range(0, 9).Draw(t, "at"), fingerprint.Tensor, l}
				if s.Contest(c) == nil {
					n.contests = append(n.contests, c)
				}
			case 4:
				at := uint64(10 + rapid.IntRange(0, i).Draw(t, "contest"))
				s.Lapse(at)
				n.lapsed[at] = true
			}
			for _, l := range pool {
				if diff := cmp.Diff(n.lookup(l), s.Lookup(fingerprint.Tensor, l)); diff != "" {
					t.Fatal(diff)
				}
			}
			if diff := cmp.Diff(was, before.Lookup(fingerprint.Tensor, l)); diff != "" {
				t.Fatal("a clone changed: ", diff)
			}
		}
		if err := s.present().Validate(); err != nil {
			t.Fatal(err)
		}
	})
}
