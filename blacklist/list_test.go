package blacklist

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

func fullList(n int) FullList {
	return FullList{Part{Kind: fingerprint.Manifest}, 7, NewTree(labels(0, n)...).Labels()}
}

func TestFullList(t *testing.T) {
	t.Attr("invariant", "B1")
	for _, n := range []int{0, 1, 20} {
		want := fullList(n)
		got, err := ParseFullList(want.Marshal())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Marshal(), want.Marshal()) || got.Hash() != want.Hash() {
			t.Error("not an inverse")
		}
		for i := range 22 {
			if got.Contains(label(i)) != (i < n) {
				t.Errorf("%d labels: label %d", n, i)
			}
		}
	}
	good := fullList(3)
	swapped := fullList(3)
	slices.Reverse(swapped.Labels)
	twice := fullList(3)
	twice.Labels[1] = twice.Labels[0]
	notElement := fullList(3)
	notElement.Labels[2] = Label(bytes.Repeat([]byte{0xff}, 32))
	identity := fullList(3)
	identity.Labels[0] = Label{}
	other := good
	other.Part = PartOf(fingerprint.Tensor, label(0), 1)
	other.Labels = NewTree(labels(0, 12)...).Labels()
	for name, b := range map[string][]byte{
		"out of order":     swapped.Marshal(),
		"twice":            twice.Marshal(),
		"not an element":   notElement.Marshal(),
		"identity":         identity.Marshal(),
		"of another part":  other.Marshal(),
		"truncated":        good.Marshal()[:len(good.Marshal())-1],
		"trailing":         append(good.Marshal(), 0),
		"other magic":      bytes.Replace(good.Marshal(), []byte("v1"), []byte("v2"), 1),
		"leading zero":     bytes.Replace(good.Marshal(), []byte("\n7\n"), []byte("\n07\n"), 1),
		"signed":           bytes.Replace(good.Marshal(), []byte("\n7\n"), []byte("\n+7\n"), 1),
		"count":            bytes.Replace(good.Marshal(), []byte("\n3\n"), []byte("\n2\n"), 1),
		"count that wraps": bytes.Replace(good.Marshal(), []byte("\n3\n"), []byte("\n576460752303423491\n"), 1),
		"carriage return":  bytes.Replace(good.Marshal(), []byte("\n7\n"), []byte("\r\n7\n"), 1),
		"empty":            nil,
	} {
		if _, err := ParseFullList(b); !errors.Is(err, ErrList) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzFullList(f *testing.F) {
	f.Add(fullList(0).Marshal())
	f.Add(fullList(3).Marshal())
	p := PartOf(fingerprint.Tensor, label(0), 9)
	f.Add(FullList{p, 1 << 63, []Label{label(0)}}.Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		if l, err := ParseFullList(b); err == nil && !bytes.Equal(l.Marshal(), b) {
			t.Fatal("full list is malleable")
		}
	})
}

func TestPart(t *testing.T) {
	for _, s := range []string{"manifest/-", "tensor/-", "tensor/0", "tensor/0110", "band-0/-", "band-15/01", "bandp-3/000111"} {
		p, err := ParsePart(s)
		if err != nil || p.String() != s {
			t.Errorf("%s: %v %v", s, p, err)
		}
	}
	for _, s := range []string{"", "manifest", "manifest/", "manifest/0", "tensor/", "tensor/2", "tensor/--", "tensor/0-", "band/-", "Tensor/-", "tensor/0/1", "band-16/-", "band-07/-", "band-7/0000000", "tensor/00000000000000000"} {
		if _, err := ParsePart(s); !errors.Is(err, ErrPart) {
			t.Errorf("%q: %v", s, err)
		}
	}
	// Every label lies in exactly one part at every split, and a longer prefix
	// only cuts its part in two.
	for i := range 20 {
		l := label(i)
		last := ""
		for n := range MaxPrefix + 1 {
			p := PartOf(fingerprint.Tensor, l, n)
			if len(p.Prefix) != n || p.Prefix[:max(0, n-1)] != last || !p.Holds(fingerprint.Tensor, l) || p.Holds(fingerprint.Manifest, l) {
				t.Fatalf("label %d: part %v after %q", i, p, last)
			}
			last = p.Prefix
		}
	}
	for count, want := range map[uint64]int{0: 0, PartTarget: 0, PartTarget + 1: 1, 2*PartTarget + 1: 1, 2*PartTarget + 2: 2, ^uint64(0): MaxPrefix} {
		if got := PrefixBits(fingerprint.Tensor, count); got != want {
			t.Errorf("%d labels are split by %d bits, want %d", count, got, want)
		}
	}
	if PrefixBits(fingerprint.Manifest, 1<<20) != 0 {
		t.Error("manifests are split")
	}
	if got := PrefixBits(fingerprint.Band(3), PartTarget+1); got != 1 {
		t.Errorf("a band is split by %d bits", got)
	}
	if got := PrefixBits(fingerprint.BandP(3), ^uint64(0)); got != MaxBandPrefix {
		t.Errorf("a band is split by %d bits at most", got)
	}
}

func FuzzPart(f *testing.F) {
	f.Add("tensor/0101")
	f.Add("manifest/-")
	f.Fuzz(func(t *testing.T, s string) {
		if p, err := ParsePart(s); err == nil && p.String() != s {
			t.Fatal("part is malleable")
		}
	})
}

func TestParseLabel(t *testing.T) {
	want := label(1)
	if l, err := ParseLabel(want[:]); err != nil || l != want {
		t.Error(err)
	}
	for _, b := range [][]byte{nil, make([]byte, 32), bytes.Repeat([]byte{0xff}, 32), make([]byte, 33)} {
		if _, err := ParseLabel(b); !errors.Is(err, ErrLabel) {
			t.Errorf("%x: %v", b, err)
		}
	}
}

// TestOpen: a list is read by the hash that an epoch commits to, and nothing else is.
func TestOpen(t *testing.T) {
	t.Attr("invariant", "B1")
	s := NewSet()
	mustList(t, s, listing(s, "run-1", 10, tensors(label(1), label(2), label(3))))
	p := s.EpochAt(1, 0, 20).Parts[0]
	full := FullList{Part: p.Part, KeyVersion: p.KeyVersion, Labels: NewTree(label(1), label(2), label(3)).Labels()}
	raw := full.Marshal()
	got, err := p.Open(raw)
	if err != nil || !slices.Equal(got.Labels, full.Labels) {
		t.Fatal(err)
	}
	for name, change := range map[string]func(PartEpoch, []byte) (PartEpoch, []byte){
		"a label":       func(p PartEpoch, b []byte) (PartEpoch, []byte) { b[len(b)-1]++; return p, b },
		"short":         func(p PartEpoch, b []byte) (PartEpoch, []byte) { return p, b[:len(b)-32] },
		"long":          func(p PartEpoch, b []byte) (PartEpoch, []byte) { return p, append(b, b[len(b)-32:]...) },
		"header":        func(p PartEpoch, b []byte) (PartEpoch, []byte) { b[0]++; return p, b },
		"another count": func(p PartEpoch, b []byte) (PartEpoch, []byte) { p.Count--; return p, b },
		"another part":  func(p PartEpoch, b []byte) (PartEpoch, []byte) { p.Part.Kind = fingerprint.Band(1); return p, b },
		"no commitment": func(p PartEpoch, b []byte) (PartEpoch, []byte) { p.Commitments = nil; return p, b },
	} {
		q, b := change(p, bytes.Clone(raw))
		if _, err := q.Open(b); !errors.Is(err, ErrProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
