package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

// TestTrained: a network that was trained, back under other names in 4 bits,
// has two hits in either sketch, and one that is not it has none.
func TestTrained(t *testing.T) {
	t.Attr("invariant", "F7")
	m, other := trained(1), trained(2)
	r := source(1, 1)
	get := func(name string, m model) scanned {
		for _, d := range disguises() {
			if d.name == name {
				s, err := scan(d, r, m)
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
		}
		t.Fatalf("no disguise %q", name)
		return scanned{}
	}
	listed := get("renamed", m)
	var none [2]map[fingerprint.Fingerprint]bool
	for _, name := range []string{"re-sharded", "BF16", "int4, blocks of 32", "int4, blocks of 128", "GGUF Q4_0", "GGUF Q4_K"} {
		o := compare(listed, get(name, m), none)
		for i, f := range o.family {
			if f.hits < 2 {
				t.Errorf("%s: %d hits in %s", name, f.hits, familyNames()[i])
			}
		}
	}
	if o := compare(listed, get("rows permuted, GGUF Q4_0", m), none); o.family[1].hits < 2 {
		t.Errorf("permuted rows: %d hits in bandp", o.family[1].hits)
	}
	for _, name := range []string{"renamed", "GGUF Q4_0"} {
		if o := compare(listed, get(name, other), none); o.family[0].hits+o.family[1].hits > 0 {
			t.Errorf("an unrelated network, %s, has hits: %+v", name, o)
		}
	}
}

func TestInterval(t *testing.T) {
	for _, c := range []struct {
		k, n   int
		lo, hi float64
	}{
		{0, 10, 0, 0.3085}, {10, 10, 0.6915, 1}, {5, 10, 0.1871, 0.8129}, {48, 48, 0.9260, 1},
	} {
		lo, hi := interval(c.k, c.n)
		if math.Abs(lo-c.lo) > 1e-4 || math.Abs(hi-c.hi) > 1e-4 {
			t.Errorf("%d of %d: %.4f to %.4f, want %.4f to %.4f", c.k, c.n, lo, hi, c.lo, c.hi)
		}
	}
}

// TestPage: a small run gives a whole page and pictures that parse, the same
// with any number of workers.
func TestPage(t *testing.T) {
	if testing.Short() {
		t.Skip("scans some hundred small models")
	}
	var pages [][]byte
	for _, workers := range []int{1, 2} {
		r, err := measureWith(1, workers, disguises()[:3], families()[3:])
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, r.page())
		for _, picture := range [][]byte{r.recallPicture(), r.bitsPicture(), r.chancePicture()} {
			d := xml.NewDecoder(bytes.NewReader(picture))
			for {
				if _, err := d.Token(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if !bytes.Equal(pages[0], pages[1]) {
		t.Error("the page depends on the number of workers")
	}
	if strings.Contains(string(pages[0]), "NaN") {
		t.Error("a figure of nothing")
	}
}
