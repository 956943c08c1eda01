package blacklist

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

// present is the epoch that names everything there is.
func (s *Set) present() Epoch { return s.EpochAt(1, 0, ^uint64(0)) }

// tensors returns entries of tensors only.
func tensors(list ...Label) []Entry {
	var out []Entry
	for _, l := range list {
		out = append(out, Entry{fingerprint.Tensor, l})
	}
	return out
}

// listing publishes entries for a run whose artefact, halt and listing are at
// consecutive indices from at.
func listing(s *Set, run string, at uint64, entries []Entry) Listing {
	a := NewArtefact(entries)
	l := Listing{Index: at + 2, Run: run, Halt: at + 1, KeyVersion: 1, Artefact: at, Root: a.Root(), Count: a.Count()}
	l.Labels, l.Excluded = s.Publish(entries)
	return l
}

func mustList(t testing.TB, s *Set, l Listing) {
	t.Helper()
	if err := s.List(l); err != nil {
		t.Fatal(err)
	}
}

func statuses(s *Set, k fingerprint.Kind, l Label) string {
	var out strings.Builder
	for _, r := range s.Lookup(k, l) {
		fmt.Fprintf(&out, "%s:%s ", r.Run, r.Status)
	}
	return out.String()
}

// TestListingCompleteness: whatever is not exactly the escrowed labels is
// refused and changes nothing.
func TestListingCompleteness(t *testing.T) {
	t.Attr("invariant", "B3")
	entries := append(tensors(labels(0, 6)...), Entry{fingerprint.Manifest, label(6)})
	base := NewSet()
	base.Allow(AllowList{Kind: fingerprint.Tensor, Labels: []Label{label(2)}, Reason: "mask"})
	for name, change := range map[string]func(*Listing){
		"label outside the root": func(l *Listing) { l.Labels[0].Label = label(9) },
		"other kind":             func(l *Listing) { l.Labels[0].Kind = fingerprint.Manifest },
		"label missing":          func(l *Listing) { l.Labels = l.Labels[1:] },
		"label more":             func(l *Listing) { l.Labels = append(l.Labels, Published{7, fingerprint.Tensor, label(9)}) },
		"number twice":           func(l *Listing) { l.Labels[1].Number = 0 },
		"number beyond":          func(l *Listing) { l.Labels[len(l.Labels)-1].Number = 7 },
		"out of order":           func(l *Listing) { l.Labels[0], l.Labels[1] = l.Labels[1], l.Labels[0] },
		"no reason":              func(l *Listing) { l.Excluded[0].Reason = "" },
		"other leaf":             func(l *Listing) { l.Excluded[0].Leaf[0] ^= 1 },
		"excluded and published": func(l *Listing) { l.Excluded[0].Number = 0 },
		"root":                   func(l *Listing) { l.Root[0] ^= 1 },
		"count":                  func(l *Listing) { l.Count++ },
		"nothing":                func(l *Listing) { l.Labels, l.Excluded = nil, nil },
	} {
		s := base.Clone()
		l := listing(s, "run-1", 10, entries)
		if len(l.Excluded) != 1 || !s.Excuses(l.Excluded[0]) {
			t.Fatal("the allow-list does not excuse")
		}
		change(&l)
		if err := s.List(l); !errors.Is(err, ErrListing) {
			t.Errorf("%s: %v", name, err)
		}
		if statuses(s, fingerprint.Tensor, label(0)) != "" || len(s.present().Parts) != 0 {
			t.Errorf("%s changed the set", name)
		}
	}
	s := base.Clone()
	mustList(t, s, listing(s, "run-1", 10, entries))
	if err := s.List(listing(s, "run-1", 20, entries)); !errors.Is(err, ErrListed) {
		t.Errorf("listed twice: %v", err)
	}
	for x, want := range map[Exclusion]bool{
		{2, ReasonAllowList, ArtefactLeaf(2, fingerprint.Tensor, label(2))}:   true,
		{2, "because", ArtefactLeaf(2, fingerprint.Tensor, label(2))}:         false,
		{3, ReasonAllowList, ArtefactLeaf(3, fingerprint.Tensor, label(3))}:   false,
		{2, ReasonAllowList, ArtefactLeaf(2, fingerprint.Manifest, label(2))}: false,
	} {
		if s.Excuses(x) != want {
			t.Errorf("excuses %+v: %v", x, !want)
		}
	}
	// A run that escrowed nothing is listed with nothing.
	mustList(t, s, Listing{Index: 40, Run: "run-2", Halt: 39})
}

// TestStatuses: strike, contest and allow-list change the answer and remove
// nothing.
func TestStatuses(t *testing.T) {
	t.Attr("invariant", "B4")
	s := NewSet()
	x := label(0)
	mustList(t, s, listing(s, "run-1", 10, tensors(x, label(1))))
	mustList(t, s, listing(s, "run-2", 20, tensors(x, label(2))))
	before := s.present()
	check := func(want string) {
		t.Helper()
		if got := statuses(s, fingerprint.Tensor, x); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if diff := cmp.Diff(before, s.present()); diff != "" {
			t.Error(diff)
		}
	}
	check("run-1:active run-2:active ")
	// Contests by the run itself, and by one that escrowed later, say nothing.
	for _, c := range []Contest{
		{Index: 28, Run: "run-1", Artefact: 1, Kind: fingerprint.Tensor, Label: label(1)},
		{Index: 29, Run: "run-9", Artefact: 11, Kind: fingerprint.Tensor, Label: label(1)},
	} {
		if err := s.CheckContest(c); !errors.Is(err, ErrNotEarlier) {
			t.Errorf("%+v: %v", c, err)
		}
		if err := s.Contest(c); err != nil {
			t.Error(err)
		}
		if got := statuses(s, fingerprint.Tensor, label(1)); got != "run-1:active " {
			t.Errorf("%+v: %s", c, got)
		}
	}
	if err := s.Contest(Contest{Index: 30, Run: "run-9", Kind: fingerprint.Manifest, Label: x}); !errors.Is(err, ErrNotListed) {
		t.Errorf("contest of what is not listed: %v", err)
	}
	// run-9 escrowed x between the two: only the later one is in doubt.
	if err := s.Contest(Contest{Index: 31, Run: "run-9", Artefact: 15, Kind: fingerprint.Tensor, Label: x}); err != nil {
		t.Fatal(err)
	}
	check("run-1:active run-2:contested ")
	clone := s.Clone()
	mustList(t, clone, listing(clone, "run-3", 40, tensors(x)))
	if got := statuses(clone, fingerprint.Tensor, x); got != "run-1:active run-2:contested run-3:contested " {
		t.Errorf("listed again: %q", got)
	}
	clone = s.Clone()
	s.Lapse(31)
	check("run-1:active run-2:active ")
	if got := statuses(clone, fingerprint.Tensor, x); got != "run-1:active run-2:contested " {
		t.Errorf("clone: %q", got)
	}
	s.Allow(AllowList{Kind: fingerprint.Tensor, Labels: []Label{x}, Reason: "public base"})
	check("run-1:allowed run-2:allowed ")
	if err := s.Strike(Strike{Kind: fingerprint.Tensor, Label: x, Reason: "mistake"}); err != nil {
		t.Fatal(err)
	}
	check("run-1:struck run-2:struck ")
	if r := s.Lookup(fingerprint.Tensor, x)[0]; r.Reason != "mistake" || r.Halt != 11 || r.Listing != 12 {
		t.Errorf("%+v", r)
	}
	if err := s.Strike(Strike{Kind: fingerprint.Tensor, Label: label(8)}); !errors.Is(err, ErrNotListed) {
		t.Errorf("strike of what is not listed: %v", err)
	}
	if s.Lookup(fingerprint.Tensor, label(8)) != nil {
		t.Error("something is listed under a label that is not")
	}
}

func TestRefuses(t *testing.T) {
	t.Attr("invariant", "E5")
	s := NewSet()
	m := label(0)
	mustList(t, s, listing(s, "run-1", 10, []Entry{{fingerprint.Manifest, m}, {fingerprint.Tensor, label(1)}}))
	if !s.Refuses(m) || s.Refuses(label(1)) || s.Refuses(label(2)) {
		t.Error("only the manifest of a halted run is refused")
	}
	if err := s.Strike(Strike{Kind: fingerprint.Manifest, Label: m, Reason: "mistake"}); err != nil || s.Refuses(m) {
		t.Error("a struck manifest is refused", err)
	}
}

func TestJudge(t *testing.T) {
	rec := func(run string, halt uint64, st Status) Record { return Record{Run: run, Halt: halt, Status: st} }
	tensor := func(n uint64, r ...Record) Hit { return Hit{Kind: fingerprint.Tensor, Elements: n, Records: r} }
	manifest := func(r ...Record) Hit { return Hit{Kind: fingerprint.Manifest, Records: r} }
	for name, c := range map[string]struct {
		hits []Hit
		want Verdict
	}{
		"nothing":                        {nil, Clear},
		"no records":                     {[]Hit{tensor(100)}, Clear},
		"manifest":                       {[]Hit{manifest(rec("a", 1, Active))}, Listed},
		"manifest, struck":               {[]Hit{manifest(rec("a", 1, Struck))}, Clear},
		"manifest, contested":            {[]Hit{manifest(rec("a", 1, Contested))}, Lead},
		"half":                           {[]Hit{tensor(30, rec("a", 1, Active)), tensor(20, rec("a", 1, Active))}, Listed},
		"one short of half":              {[]Hit{tensor(30, rec("a", 1, Active)), tensor(19, rec("a", 1, Active))}, Lead},
		"half, of two halts":             {[]Hit{tensor(30, rec("a", 1, Active)), tensor(30, rec("b", 2, Active))}, Lead},
		"half, partly contested":         {[]Hit{tensor(30, rec("a", 1, Active)), tensor(30, rec("a", 1, Contested))}, Lead},
		"half, partly struck":            {[]Hit{tensor(30, rec("a", 1, Active)), tensor(30, rec("a", 1, Struck))}, Lead},
		"all struck":                     {[]Hit{tensor(100, rec("a", 1, Struck))}, Clear},
		"all allowed":                    {[]Hit{tensor(100, rec("a", 1, Allow))}, Clear},
		"one tensor of two halts":        {[]Hit{tensor(50, rec("a", 1, Active), rec("b", 2, Active))}, Listed},
		"under two key versions":         {[]Hit{tensor(25, rec("a", 1, Active), rec("a", 1, Active))}, Lead},
		"contested here, active there":   {[]Hit{tensor(60, rec("a", 1, Contested), rec("b", 2, Active))}, Listed},
		"more than its own parameters":   {[]Hit{tensor(^uint64(0), rec("a", 1, Active))}, Listed},
		"listed for one, lead for other": {[]Hit{tensor(60, rec("a", 1, Active)), tensor(1, rec("b", 2, Active))}, Listed},
	} {
		if got := Judge(100, c.hits); got.Verdict != c.want {
			t.Errorf("%s: %s, want %s", name, got.Verdict, c.want)
		}
	}
	for v, code := range map[Verdict]int{Clear: 0, Lead: 0, Listed: 3} {
		if v.ExitCode() != code {
			t.Errorf("%s exits with %d", v, v.ExitCode())
		}
	}
	got := Judge(100, []Hit{
		tensor(10, rec("b", 2, Active)), tensor(10, rec("a", 1, Active)), tensor(10, rec("a", 1, Contested)),
		tensor(10, rec("a", 1, Struck)), manifest(rec("b", 2, Active)),
	})
	want := Answer{Listed, []Match{
		{Run: "a", Halt: 1, Tensors: 1, Elements: 10, Contested: 1, Struck: 1},
		{Run: "b", Halt: 2, Manifest: true, Tensors: 1, Elements: 10},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestEpoch: the same listings in any order give the same epoch, built at once
// or step by step, across the point where a kind is split.
func TestEpoch(t *testing.T) {
	t.Attr("invariant", "B1")
	const n = PartTarget + 2
	all := labels(0, n)
	step, once := NewSet(), NewSet()
	var last Epoch
	for i, chunk := range slices.Collect(slices.Chunk(all, n/3+1)) {
		mustList(t, step, listing(step, fmt.Sprint("run-", i), uint64(10*i), tensors(chunk...)))
		last = step.present()
		if err := last.Validate(); err != nil {
			t.Fatal(err)
		}
	}
	reversed := slices.Clone(all)
	slices.Reverse(reversed)
	for i, chunk := range slices.Collect(slices.Chunk(reversed, MaxArtefactLabels)) {
		mustList(t, once, listing(once, fmt.Sprint("one-", i), uint64(10*i), tensors(chunk...)))
	}
	if diff := cmp.Diff(last, once.present()); diff != "" {
		t.Error(diff)
	}
	if len(last.Parts) != 2 {
		t.Fatalf("%d parts", len(last.Parts))
	}
	for _, l := range all[:9] {
		p, ok := last.Find(fingerprint.Tensor, 1, l)
		tree, ok2 := step.Tree(p.Part, 1)
		if !ok || !ok2 {
			t.Fatal("label without its part")
		}
		proof, _ := tree.Prove(l)
		root, _ := p.Hash(CommitRoot)
		if err := proof.Verify(root, p.Count, l); err != nil {
			t.Error(err)
		}
		full := FullList{p.Part, 1, tree.Labels()}
		if err := p.Check(full); err != nil {
			t.Error(err)
		}
		full.Labels = full.Labels[1:]
		if p.Check(full) == nil {
			t.Error("a shorter list passes")
		}
	}
	if _, ok := step.Tree(Part{Kind: fingerprint.Tensor}, 1); ok {
		t.Error("a part of another split exists")
	}
	if _, ok := step.Tree(Part{Kind: fingerprint.Tensor, Prefix: "0"}, 2); ok {
		t.Error("a part of another key version exists")
	}
}

func TestEpochValidate(t *testing.T) {
	s := NewSet()
	mustList(t, s, listing(s, "run", 10, []Entry{{fingerprint.Manifest, label(0)}, {fingerprint.Tensor, label(1)}}))
	if err := s.present().Validate(); err != nil {
		t.Fatal(err)
	}
	if err := NewSet().present().Validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Epoch){
		"semantics":          func(e *Epoch) { e.Semantics = 3 },
		"order":              func(e *Epoch) { slices.Reverse(e.Parts) },
		"twice":              func(e *Epoch) { e.Parts[1] = e.Parts[0] },
		"commitment missing": func(e *Epoch) { e.Parts[0].Commitments = e.Parts[0].Commitments[:1] },
		"commitment more": func(e *Epoch) {
			e.Parts[0].Commitments = append(e.Parts[0].Commitments, Commitment{Name: "zzz"})
		},
		"commitments swapped": func(e *Epoch) { slices.Reverse(e.Parts[0].Commitments) },
		"kind":                func(e *Epoch) { e.Parts[0].Part.Kind = "band" },
		"other names":         func(e *Epoch) { e.Semantics = 2 },
		"split in two ways": func(e *Epoch) {
			*e = s.present()
			e.Parts = append(e.Parts, e.Parts[1])
			e.Parts[2].Part.Prefix = "0"
		},
		"kind of later semantics": func(e *Epoch) { e.Parts[0].Part.Kind = kindOf(0) },
		"prefix":                  func(e *Epoch) { e.Parts[1].Part.Prefix = "0" },
		"bucket missing":          func(e *Epoch) { e.Parts[1].Count = PartTarget + 1 },
		"too many labels":         func(e *Epoch) { e.Parts[1].Count = MaxPartLabels + 1 },
	} {
		e := s.DraftAt(1, 0, 20).First()
		change(&e)
		if err := e.Validate(); !errors.Is(err, ErrEpoch) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
