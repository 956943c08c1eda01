package fold_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/group"
	"github.com/haltlog/haltlog/log"
)

func randomLabel() blacklist.Label {
	return blacklist.Label(group.MulBase(group.RandomScalar()).Bytes())
}

// TestLargestEpoch: an epoch of as many parts as one may have, each with all
// commitments, fits one whole.
func TestLargestEpoch(t *testing.T) {
	names, _ := blacklist.Required(blacklist.Semantics)
	st := &log.Epoch{Origin: strings.Repeat("o", log.MaxOrigin), Number: log.MaxInteger, Size: log.MaxInteger, Semantics: blacklist.Semantics, State: &log.Hash{1}}
	for i := range log.MaxEpochParts {
		p := log.EpochPart{Kind: log.LabelTensor, Prefix: fmt.Sprintf("%012b", i), KeyVersion: log.MaxInteger, Count: blacklist.MaxPartLabels}
		for _, n := range names {
			p.Commitments = append(p.Commitments, log.Commitment{Name: n})
		}
		st.Parts = append(st.Parts, p)
	}
	key := foldtest.NewKey(t, "engine")
	leaf, err := log.Seal(st, key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.Split(leaf, key); err != nil {
		t.Fatal(err)
	}
}

// TestEpochOfBands: parts of bands go into the statement by family and index, in
// its order, and come back as they were.
func TestEpochOfBands(t *testing.T) {
	set := blacklist.NewSet()
	entries := []blacklist.Entry{{Kind: fingerprint.Manifest, Label: randomLabel()}}
	for _, k := range fingerprint.Kinds()[1:] {
		entries = append(entries, blacklist.Entry{Kind: k, Label: randomLabel()})
	}
	publish(t, set, 10, entries)
	st := fold.EpochOf(set, "log.example/x", 1, 20)
	if len(st.Parts) != 34 || st.Parts[2].Kind != log.LabelBand || st.Parts[2].Band != 2 || st.Parts[26].Kind != log.LabelBandP || st.Parts[26].Band != 10 {
		t.Fatalf("%+v", st.Parts)
	}
	if err := st.Validate(); err != nil {
		t.Fatal(err)
	}
	e := fold.Epoch(st)
	if diff := cmp.Diff(set.EpochAt(1, 0, 20), e); diff != "" {
		t.Error(diff)
	}
	if _, err := (blacklist.State{}).With(1, 20, e); err != nil {
		t.Error(err)
	}
}

func publish(t *testing.T, set *blacklist.Set, at uint64, entries []blacklist.Entry) {
	t.Helper()
	a := blacklist.NewArtefact(entries)
	l := blacklist.Listing{Index: at, Run: fmt.Sprint("run-", at), Halt: at - 1, KeyVersion: 1, Root: a.Root(), Count: a.Count()}
	l.Labels, l.Excluded = set.Publish(entries)
	if err := set.List(l); err != nil {
		t.Fatal(err)
	}
}

// TestEpochInSteps: where more changed than one statement holds, epochs follow
// one another until everything is committed to.
func TestEpochInSteps(t *testing.T) {
	set, whole := blacklist.NewSet(), blacklist.NewSet()
	for i := range 6 {
		// Each listing changes three parts, two of them its own.
		at := uint64(10 * (i + 1))
		entries := []blacklist.Entry{
			{Kind: fingerprint.Tensor, Label: randomLabel()}, {Kind: fingerprint.Band(i), Label: randomLabel()}, {Kind: fingerprint.BandP(i), Label: randomLabel()},
		}
		publish(t, set, at, entries)
		publish(t, whole, at, entries)
	}
	var sizes []uint64
	for number, size := uint64(1), uint64(0); size < 70; number++ {
		st := fold.DraftWithin(5, set, "log.example/x", number, 70).Statement()
		if len(st.Parts) > 5 || st.Size <= size {
			t.Fatalf("%d parts up to %d, behind %d", len(st.Parts), st.Size, size)
		}
		size = st.Size
		sizes = append(sizes, size)
		set.Commit(st.Number, st.Size, fold.Epoch(st))
	}
	if len(sizes) != 3 {
		t.Errorf("epochs of sizes %v", sizes)
	}
	if got, want := set.EpochAt(9, 0, 70).State, whole.EpochAt(9, 0, 70).State; got != want {
		t.Error("steps lead elsewhere")
	}
}
