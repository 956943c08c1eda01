package blacklist

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/blacklist/polynomial"
	"pgregory.net/rapid"
)

// allAt is every label of a part that was published below a log size, by a plain
// look at the listings.
func allAt(list []Listing, p Part, version, from, to uint64) []Label {
	first := make(map[Label]uint64)
	for _, l := range list {
		for _, y := range l.Labels {
			if _, ok := first[y.Label]; !ok && l.KeyVersion == version && p.Holds(y.Kind, y.Label) {
				first[y.Label] = l.Index
			}
		}
	}
	var out []Label
	for y, at := range first {
		if from <= at && at < to {
			out = append(out, y)
		}
	}
	return sortedLabels(out)
}

// TestEpochModel holds epochs against what plain lists of all labels give: every
// hash, the parts that stand in them and no other, the state document, and every
// object by its hash, also of earlier deltas; in a set that is asked at each epoch
// and in one that is asked in the end.
func TestEpochModel(t *testing.T) {
	t.Attr("invariant", "B1")
	t.Attr("invariant", "B6")
	pool := labels(0, 40)
	kinds := []fingerprint.Kind{fingerprint.Manifest, fingerprint.Tensor}
	rapid.Check(t, func(t *rapid.T) {
		set, idle := NewSet(), NewSet()
		var listings []Listing
		state := State{}
		index, number, last := uint64(10), uint64(0), uint64(0)
		deltas := make(map[Hash][]byte)
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			for range rapid.IntRange(0, 2).Draw(t, "listings") {
				var entries []Entry
				for _, i := range rapid.SliceOfN(rapid.IntRange(0, len(pool)-1), 1, 8).Draw(t, "labels") {
					entries = append(entries, Entry{rapid.SampledFrom(kinds).Draw(t, "kind"), pool[i]})
				}
				l := listing(set, fmt.Sprint("run-", index), index, entries)
				l.KeyVersion = rapid.Uint64Range(1, 2).Draw(t, "version")
				index += 3
				listings = append(listings, l)
				if err := errors.Join(set.List(l), idle.List(l)); err != nil {
					t.Fatal(err)
				}
			}
			size := rapid.Uint64Range(max(last, index-4), index).Draw(t, "size")
			number++
			from := set.From()
			if from != last {
				t.Fatalf("deltas begin at %d, want %d", from, last)
			}
			e := set.EpochAt(number, from, size)
			if err := e.Validate(); err != nil {
				t.Fatal(err)
			}
			next, err := state.With(number, size, e)
			if err != nil {
				t.Fatal(err)
			}
			named := 0
			for _, p := range next.Parts {
				all := allAt(listings, p.Part, p.KeyVersion, 0, size)
				more := allAt(listings, p.Part, p.KeyVersion, last, size)
				i := slices.IndexFunc(e.Parts, func(q PartEpoch) bool { return q.Part == p.Part && q.KeyVersion == p.KeyVersion })
				if (i >= 0) != (len(more) > 0) {
					t.Fatalf("%v has %d new labels, and stands in the epoch: %v", p.Part, len(more), i >= 0)
				}
				if i < 0 {
					continue
				}
				named++
				want := map[string]Hash{
					CommitFull: FullList{p.Part, p.KeyVersion, all}.Hash(), CommitRoot: NewTree(all...).Root(),
					CommitLookup:     NewLookupList(p.Part, p.KeyVersion, all).Hash(),
					CommitPolynomial: polynomial.New(NewTree(all...).Scalars()).Hash(),
					CommitDeltaFull:  Delta{p.Part, p.KeyVersion, last, size, more}.Hash(), CommitDeltaRoot: NewTree(more...).Root(),
					CommitDeltaLookup:     NewLookupList(p.Part, p.KeyVersion, more).Hash(),
					CommitDeltaPolynomial: polynomial.New(NewTree(more...).Scalars()).Hash(),
				}
				for _, c := range e.Parts[i].Commitments {
					if c.Hash != want[c.Name] {
						t.Fatalf("%v under key version %d: %s is another", p.Part, p.KeyVersion, c.Name)
					}
				}
				deltas[want[CommitDeltaFull]] = Delta{p.Part, p.KeyVersion, last, size, more}.Marshal()
			}
			if named != len(e.Parts) {
				t.Fatal("the epoch names a part that there is not")
			}
			state, last = next, size
			set.Commit(number, size, e)
			idle.Commit(number, size, e)
			for _, s := range []*Set{set, idle.Clone()} {
				objects(t, s, e, state)
			}
		}
		for h, want := range deltas {
			for _, s := range []*Set{set, idle} {
				if got, ok := s.Object(h); !ok || !bytes.Equal(got, want) {
					t.Fatal("a delta of an earlier epoch is gone")
				}
			}
		}
		if got := set.EpochAt(number, 0, last).State; got != state.Hash() || idle.EpochAt(number, 0, last).State != got {
			t.Fatal("the state depends on who asked when")
		}
	})
}

// objects asks for everything that an epoch commits to.
func objects(t *rapid.T, s *Set, e Epoch, state State) {
	hashes := []Hash{e.State}
	for _, p := range append(slices.Clone(e.Parts), state.Parts...) {
		for _, c := range p.Commitments {
			if c.Name != CommitRoot && c.Name != CommitDeltaRoot {
				hashes = append(hashes, c.Hash)
			}
		}
	}
	for _, h := range hashes {
		if b, ok := s.Object(h); !ok || sha256.Sum256(b) != h {
			t.Fatalf("no object %x", h)
		}
	}
	if _, ok := s.Object(Hash{1}); ok {
		t.Fatal("an object of no hash")
	}
	l, _, size, ok := s.Committed()
	if !ok || size != state.Size {
		t.Fatal("another size is committed")
	}
	for _, p := range state.Parts {
		tree, ok := l.Tree(p.Part, p.KeyVersion)
		if root, _ := p.Hash(CommitRoot); !ok || tree.Root() != root || tree.Count() != p.Count {
			t.Fatalf("the committed tree of %v is another", p.Part)
		}
	}
}

// TestEpochSplit: where a kind is split anew, all of its parts stand in the
// epoch, the ones before are gone from the state, and their deltas stay.
func TestEpochSplit(t *testing.T) {
	t.Attr("invariant", "B6")
	s := NewSet()
	all := labels(0, PartTarget+5)
	mustList(t, s, listing(s, "run-1", 10, tensors(all[:PartTarget]...)))
	mustList(t, s, listing(s, "other", 13, []Entry{{fingerprint.Manifest, all[0]}}))
	one := s.EpochAt(1, 0, 20)
	s.Commit(1, 20, one)
	first, err := State{}.With(1, 20, one)
	if err != nil {
		t.Fatal(err)
	}
	mustList(t, s, listing(s, "run-2", 30, tensors(all[PartTarget:]...)))
	two := s.EpochAt(2, s.From(), 40)
	second, err := first.With(2, 40, two)
	if err != nil {
		t.Fatal(err)
	}
	s.Commit(2, 40, two)
	if len(two.Parts) != 2 || len(second.Parts) != 3 || two.Parts[0].Count+two.Parts[1].Count != PartTarget+5 {
		t.Fatalf("%d parts changed, %d in all", len(two.Parts), len(second.Parts))
	}
	d, _ := one.Parts[1].Hash(CommitDeltaFull)
	raw, ok := s.Object(d)
	old, err := ParseDelta(raw)
	if !ok || err != nil || len(old.Labels) != PartTarget {
		t.Error("the delta of the whole part is gone: ", err)
	}
	full, _ := one.Parts[1].Hash(CommitFull)
	if _, ok := s.Object(full); ok {
		t.Error("the list before the split is served")
	}
	// A client that keeps lists follows the split.
	list, err := FullList{one.Parts[1].Part, 1, old.Labels}.Split(1)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range two.Parts {
		h, _ := p.Hash(CommitDeltaFull)
		raw, _ := s.Object(h)
		d, err := ParseDelta(raw)
		if err != nil || p.CheckDelta(d) != nil {
			t.Fatal(err)
		}
		next, err := list[i].With(d)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Check(next); err != nil {
			t.Error(err)
		}
	}
}

// TestEpochCost: an update computes nothing of a part that does not change.
func TestEpochCost(t *testing.T) {
	t.Attr("invariant", "B6")
	s := NewSet()
	all := labels(0, PartTarget+9)
	mustList(t, s, listing(s, "run-1", 10, tensors(all[:MaxArtefactLabels]...)))
	mustList(t, s, listing(s, "run-2", 20, tensors(all[MaxArtefactLabels:]...)))
	s.Commit(1, 30, s.EpochAt(1, 0, 30))
	before := s.Present()
	var one []Label
	for i := len(all); len(one) == 0; i++ {
		if l := label(i); bucket(l, 1) == 1 {
			one = append(one, l)
		}
	}
	mustList(t, s, listing(s, "run-3", 40, tensors(one...)))
	e := s.EpochAt(2, s.From(), 50)
	if len(e.Parts) != 1 || e.Parts[0].Part.Prefix != "1" {
		t.Fatalf("%d parts", len(e.Parts))
	}
	k := shelf{fingerprint.Tensor, 1}
	old, now := before.shelves[k].parts, s.Present().shelves[k].parts
	if old[0] != now[0] || old[1] == now[1] {
		t.Error("another part was made anew")
	}
	if now[1].base.sums != nil || now[1].base.tree != nil {
		t.Error("the part's past is kept")
	}
	if old[1].made.sums == nil {
		t.Error("nothing to build upon")
	}
}

// TestFirstSemantics: logs of the first semantics are judged as they were.
func TestFirstSemantics(t *testing.T) {
	t.Attr("invariant", "B1")
	s := NewSet()
	mustList(t, s, listing(s, "run-1", 10, append(tensors(labels(0, 3)...), Entry{fingerprint.Manifest, label(7)}, Entry{kindOf(3), label(8)})))
	e := s.DraftAt(1, 0, 20).First()
	if err := e.Validate(); err != nil {
		t.Fatal(err)
	}
	if len(e.Parts) != 2 || e.Parts[0].Count != 1 || e.Parts[1].Count != 3 || e.State != (Hash{}) {
		t.Errorf("%+v", e)
	}
	for _, p := range e.Parts {
		tree, _ := s.Tree(p.Part, 1)
		if err := p.Check(FullList{p.Part, 1, tree.Labels()}); err != nil {
			t.Error(err)
		}
	}
	// What follows it names every part.
	s.Commit(1, 20, e)
	if s.From() != 0 {
		t.Errorf("deltas begin at %d", s.From())
	}
	if e := s.EpochAt(2, s.From(), 30); len(e.Parts) != 3 {
		t.Errorf("%d parts", len(e.Parts))
	}
}

func sampleState() State {
	s := NewSet()
	e := append(tensors(labels(0, 3)...), Entry{fingerprint.Manifest, label(7)})
	l := Listing{Index: 12, Run: "run-1", Halt: 11, KeyVersion: 1, Root: NewArtefact(e).Root(), Count: 4}
	l.Labels, _ = s.Publish(e)
	if err := s.List(l); err != nil {
		panic(err)
	}
	return s.DraftAt(3, 0, 20).State()
}

func TestState(t *testing.T) {
	t.Attr("invariant", "B1")
	good := sampleState()
	raw := good.Marshal()
	got, err := ParseState(raw)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(good, got); diff != "" || !bytes.Equal(got.Marshal(), raw) {
		t.Error("not an inverse: ", diff)
	}
	for name, b := range map[string][]byte{
		"empty":        nil,
		"truncated":    raw[:len(raw)-1],
		"trailing":     append(slices.Clone(raw), '\n'),
		"upper case":   bytes.ToUpper(raw),
		"order":        reversed(good).Marshal(),
		"part missing": bytes.Replace(raw, []byte("tensor/- 1 3"), []byte("tensor/0 1 3"), 1),
		"count":        bytes.Replace(raw, []byte("\n20\n2\n"), []byte("\n20\n1\n"), 1),
		"more parts":   bytes.Replace(raw, []byte("\n20\n2\n"), []byte("\n20\n900000000000\n"), 1),
		"two spaces":   bytes.Replace(raw, []byte("- 1 3"), []byte("-  1 3"), 1),
	} {
		if _, err := ParseState(b); !errors.Is(err, ErrList) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// An epoch whose parts do not give its state is refused.
	s := NewSet()
	mustList(t, s, listing(s, "run-1", 10, tensors(label(0))))
	for name, change := range map[string]func(*Epoch){
		"state":     func(e *Epoch) { e.State[0] ^= 1 },
		"part":      func(e *Epoch) { e.Parts[0].Commitments[4].Hash[0] ^= 1 },
		"nothing":   func(e *Epoch) { e.Parts = nil },
		"semantics": func(e *Epoch) { e.Semantics = 1 },
	} {
		e := s.EpochAt(1, 0, 20)
		change(&e)
		if _, err := (State{}).With(1, 20, e); !errors.Is(err, ErrEpoch) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func reversed(s State) State {
	s.Parts = slices.Clone(s.Parts)
	slices.Reverse(s.Parts)
	return s
}

func FuzzState(f *testing.F) {
	f.Add(sampleState().Marshal())
	f.Add(State{}.Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := ParseState(b); err == nil && !bytes.Equal(s.Marshal(), b) {
			t.Fatal("state is malleable")
		}
	})
}

// TestCheckAsked: an epoch cannot say that nobody has to be asked under the newest
// key version that holds labels, or that somebody has under one that holds none.
func TestCheckAsked(t *testing.T) {
	t.Attr("invariant", "B7")
	state := State{Parts: []PartEpoch{
		{Part: Part{Kind: fingerprint.Manifest}, KeyVersion: 1, Count: 2},
		{Part: Part{Kind: fingerprint.Manifest}, KeyVersion: 2, Count: 1},
		{Part: Part{Kind: fingerprint.Manifest}, KeyVersion: 3},
	}}
	for _, c := range []struct {
		asked []uint64
		ok    bool
	}{
		{[]uint64{1, 2}, true},
		{[]uint64{2}, true},
		{[]uint64{1}, false},
		{nil, false},
		{[]uint64{2, 3}, false},
		{[]uint64{2, 4}, false},
	} {
		if err := state.CheckAsked(c.asked); (err == nil) != c.ok || (err != nil && !errors.Is(err, ErrEpoch)) {
			t.Errorf("%v: %v", c.asked, err)
		}
	}
	if err := (State{}).CheckAsked(nil); err != nil {
		t.Errorf("an empty list: %v", err)
	}
}
