package voprf

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/haltlog/haltlog/internal/group"
)

// sharings are the shapes that the tests run.
func sharings() [][2]int { return [][2]int{{1, 1}, {1, 3}, {2, 2}, {2, 3}, {3, 5}} }

func share(tb testing.TB, key *PrivateKey, t, n int) (Set, []*Share) {
	tb.Helper()
	s, err := Deal(key, t, n)
	if err != nil {
		tb.Fatal(err)
	}
	set := Set{Version: 1, PublicKey: key.Public().Bytes(), T: t, N: n, Commitments: s.Commitments}
	if err := set.Validate(); err != nil {
		tb.Fatal(err)
	}
	return set, s.Shares
}

// subsets are all subsets of size t of 1…n.
func subsets(t, n int) (out [][]int) {
	var walk func(from int, chosen []int)
	walk = func(from int, chosen []int) {
		if len(chosen) == t {
			out = append(out, slices.Clone(chosen))
			return
		}
		for i := from; i <= n; i++ {
			walk(i+1, append(chosen, i))
		}
	}
	walk(1, nil)
	return out
}

// TestRFCSubsets: the RFC's evaluations and outputs come of every t-subset of
// holders, for each vector of mode VOPRF.
func TestRFCSubsets(t *testing.T) {
	t.Attr("invariant", "VO1")
	t.Attr("invariant", "VO7")
	vectors := 0
	for _, suite := range rfcSuites(t) {
		if suite.Mode != ModeVOPRF {
			continue
		}
		key, err := ParsePrivateKey(unhex(t, suite.SkSm))
		if err != nil {
			t.Fatal(err)
		}
		for _, shape := range sharings() {
			set, shares := share(t, key, shape[0], shape[1])
			for _, v := range suite.Vectors {
				vectors++
				blinded, want := unhexAll(t, v.BlindedElement), unhexAll(t, v.EvaluationElement)
				answers := make([][]*group.Element, len(shares))
				for i, s := range shares {
					evaluated, proof, err := NewShareEvaluator(s).Evaluate(blinded)
					if err != nil {
						t.Fatal(err)
					}
					pk, err := set.HolderKey(i + 1)
					if err != nil {
						t.Fatal(err)
					}
					elements, err := decodeAll(blinded)
					if err != nil {
						t.Fatal(err)
					}
					if answers[i], err = verifyAnswer(pk, elements, blinded, append(join(evaluated), proof...)); err != nil {
						t.Fatalf("%v, holder %d: %v", shape, i+1, err)
					}
				}
				for _, subset := range subsets(shape[0], shape[1]) {
					weights, err := lagrange(subset)
					if err != nil {
						t.Fatal(err)
					}
					for e := range want {
						var terms []*group.Element
						for _, i := range subset {
							terms = append(terms, answers[i-1][e])
						}
						z, err := group.VarTimeMultiMul(weights, terms)
						if err != nil || !bytes.Equal(z.Bytes(), want[e]) {
							t.Errorf("%v, holders %v, element %d: %x, want %x", shape, subset, e, z.Bytes(), want[e])
						}
					}
				}
			}
		}
	}
	if vectors != 3*len(sharings()) {
		t.Errorf("%d vectors", vectors)
	}
}

// askHolders has holders answer a query; lie changes an answer.
func askHolders(tb testing.TB, q *Query, shares []*Share, lie func(holder int, response []byte) []byte) map[int][][]byte {
	tb.Helper()
	out := make(map[int][][]byte)
	for _, s := range shares {
		for _, request := range q.Requests() {
			r, err := NewShareEvaluator(s).Answer(request)
			if err != nil {
				tb.Fatal(err)
			}
			if lie != nil {
				r = lie(s.Index(), r)
			}
			out[s.Index()] = append(out[s.Index()], r)
		}
	}
	return out
}

func prints(n int) (out [][]byte) {
	for i := range n {
		out = append(out, fmt.Appendf(nil, "fingerprint %d", i))
	}
	return out
}

// TestCombine: every t-subset gives the labels of the key itself; fewer give none.
func TestCombine(t *testing.T) {
	t.Attr("invariant", "VO7")
	key := GenerateKey()
	xs := prints(5)
	for _, shape := range sharings() {
		set, shares := share(t, key, shape[0], shape[1])
		q, err := NewQuery(key.Public(), xs)
		if err != nil {
			t.Fatal(err)
		}
		all := askHolders(t, q, shares, nil)
		for size := range shape[1] + 1 {
			for _, subset := range subsets(size, shape[1]) {
				some := make(map[int][][]byte)
				for _, i := range subset {
					some[i] = all[i]
				}
				labels, lies, err := q.Combine(set, some)
				if size < shape[0] {
					if !errors.Is(err, ErrFewAnswers) || labels != nil {
						t.Errorf("%v, holders %v: %v", shape, subset, err)
					}
					continue
				}
				if err != nil || len(lies) != 0 {
					t.Fatalf("%v, holders %v: %v %v", shape, subset, lies, err)
				}
				for i, l := range labels {
					if want, err := key.Label(xs[i]); err != nil || l != want {
						t.Errorf("%v, holders %v: label %d differs", shape, subset, i)
					}
				}
			}
		}
	}
}

// TestLiars: each holder that lies is named, in each way to lie, with evidence that
// is judged offline; the others' labels stand as long as t are good.
func TestLiars(t *testing.T) {
	t.Attr("invariant", "VO2")
	t.Attr("invariant", "VO7")
	key := GenerateKey()
	set, shares := share(t, key, 2, 4)
	xs := prints(3)
	q, err := NewQuery(key.Public(), xs)
	if err != nil {
		t.Fatal(err)
	}
	stranger := GenerateKey()
	lies := map[string]func(holder int, r []byte) []byte{
		"element":      func(_ int, r []byte) []byte { return slices.Concat(group.Generator().Bytes(), r[32:]) },
		"elements":     func(_ int, r []byte) []byte { return slices.Concat(r[32:64], r[:32], r[64:]) },
		"challenge":    func(_ int, r []byte) []byte { return flip(r, len(r)-64) },
		"response":     func(_ int, r []byte) []byte { return flip(r, len(r)-32) },
		"identity":     func(_ int, r []byte) []byte { return slices.Concat(make([]byte, 32), r[32:]) },
		"short":        func(_ int, r []byte) []byte { return r[32:] },
		"nothing else": func(_ int, r []byte) []byte { return r[:1] },
		"other key": func(int, []byte) []byte {
			b, err := NewEvaluator(stranger).Answer(q.Requests()[0])
			if err != nil {
				t.Fatal(err)
			}
			return b
		},
		"other share": func(holder int, _ []byte) []byte {
			b, err := NewShareEvaluator(shares[holder%4]).Answer(q.Requests()[0])
			if err != nil {
				t.Fatal(err)
			}
			return b
		},
	}
	for name, lie := range lies {
		for liars := 1; liars <= 3; liars++ {
			answers := askHolders(t, q, shares, func(holder int, r []byte) []byte {
				if holder <= liars {
					return lie(holder, r)
				}
				return r
			})
			labels, blamed, err := q.Combine(set, answers)
			if (err == nil) != (liars <= 2) || err != nil && !errors.Is(err, ErrFewAnswers) {
				t.Fatalf("%s, %d liars: %v", name, liars, err)
			}
			for i, l := range labels {
				if want, err := key.Label(xs[i]); err != nil || l != want {
					t.Errorf("%s, %d liars: label %d differs", name, liars, i)
				}
			}
			var named []int
			for _, m := range blamed {
				named = append(named, m.Index)
				if err := m.Verify(set); err != nil {
					t.Errorf("%s: evidence against holder %d: %v", name, m.Index, err)
				}
			}
			if want := []int{1, 2, 3}[:liars]; !slices.Equal(named, want) {
				t.Errorf("%s: %v are named of %v", name, named, want)
			}
		}
	}
	// Nobody is blamed for a right answer, for none, or for a request that is none.
	answers := askHolders(t, q, shares[:1], nil)
	for name, c := range map[string]struct {
		m    *Misanswer
		want error
	}{
		"right":       {&Misanswer{1, q.Requests()[0], answers[1][0]}, ErrRight},
		"none":        {&Misanswer{1, q.Requests()[0], nil}, ErrRight},
		"bad request": {&Misanswer{1, []byte("x"), answers[1][0]}, ErrEncoding},
		"no request":  {&Misanswer{1, nil, answers[1][0]}, ErrBatch},
		"no holder":   {&Misanswer{5, q.Requests()[0], answers[1][0]}, ErrSet},
		"no set":      {&Misanswer{0, q.Requests()[0], answers[1][0]}, ErrSet},
	} {
		if err := c.m.Verify(set); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The same answer under another holder's name is a lie of that name: the
	// evidence binds to the holder by the signature that travels with it.
	if err := (&Misanswer{2, q.Requests()[0], answers[1][0]}).Verify(set); err != nil {
		t.Errorf("another holder's answer: %v", err)
	}
}

func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 1
	return b
}

// TestFewShares: t − 1 shares say nothing of the key. Whatever they are, each key
// has a polynomial through them: the one that is found here has their values.
func TestFewShares(t *testing.T) {
	t.Attr("invariant", "VO8")
	_, shares := share(t, GenerateKey(), 3, 5)
	known := shares[1:3]
	for range 5 {
		other := GenerateKey()
		// f through (0, k), (2, k_2), (3, k_3), by Lagrange at 2 and 3: its value at
		// each known place is the known share, whatever k is.
		points := map[int]*group.Scalar{0: other.k}
		for _, s := range known {
			points[s.Index()] = s.key.k
		}
		at := func(x int) *group.Scalar {
			sum := group.ScalarFromUint64(0)
			for a, v := range points {
				n, d := group.ScalarFromUint64(1), group.ScalarFromUint64(1)
				for b := range points {
					if a != b {
						n = n.Mul(group.ScalarFromUint64(uint64(x)).Sub(group.ScalarFromUint64(uint64(b))))
						d = d.Mul(group.ScalarFromUint64(uint64(a)).Sub(group.ScalarFromUint64(uint64(b))))
					}
				}
				inverse, err := d.Invert()
				if err != nil {
					t.Fatal(err)
				}
				sum = sum.Add(v.Mul(n).Mul(inverse))
			}
			return sum
		}
		// Its shares combine to that key, and two of them are the known ones.
		whole := []int{2, 3, 5}
		weights, err := lagrange(whole)
		if err != nil {
			t.Fatal(err)
		}
		k := group.ScalarFromUint64(0)
		for i, x := range whole {
			k = k.Add(weights[i].Mul(at(x)))
		}
		if !k.Equal(other.k) || !at(2).Equal(known[0].key.k) || !at(3).Equal(known[1].key.k) {
			t.Error("two shares rule a key out")
		}
	}
}

// TestShares: each holder's share fits the commitments, and no other does.
func TestShares(t *testing.T) {
	key := GenerateKey()
	for _, shape := range sharings() {
		set, shares := share(t, key, shape[0], shape[1])
		for i, s := range shares {
			pk, err := set.HolderKey(i + 1)
			if err != nil || s.Verify(set.Commitments) != nil || !bytes.Equal(pk.Bytes(), s.Key().Public().Bytes()) || s.Index() != i+1 {
				t.Errorf("%v: share %d: %v", shape, i+1, err)
			}
			again, err := ParseShare(s.Bytes())
			if err != nil || again.Index() != s.Index() || !bytes.Equal(again.Bytes(), s.Bytes()) {
				t.Errorf("%v: share %d is read as %v: %v", shape, i+1, again, err)
			}
			if text := fmt.Sprintf("%v %+v %x %s", s, s, s, s); bytes.Contains([]byte(text), fmt.Appendf(nil, "%x", s.key.Bytes())) {
				t.Errorf("a share prints its secret: %s", text)
			}
			wrong := &Share{s.index, newPrivateKey(s.key.k.Add(group.ScalarFromUint64(1)))}
			if err := wrong.Verify(set.Commitments); !errors.Is(err, ErrShare) {
				t.Errorf("%v: a wrong share: %v", shape, err)
			}
			if shape[0] > 1 {
				moved := &Share{s.index + 1, s.key}
				if err := moved.Verify(set.Commitments); !errors.Is(err, ErrShare) {
					t.Errorf("%v: a share at another place: %v", shape, err)
				}
			}
		}
		for _, i := range []int{-1, 0, shape[1] + 1} {
			if _, err := set.HolderKey(i); !errors.Is(err, ErrSet) {
				t.Errorf("%v: holder %d: %v", shape, i, err)
			}
		}
	}
	for _, bad := range [][2]int{{0, 1}, {2, 1}, {1, 256}, {-1, 3}} {
		if _, err := Deal(key, bad[0], bad[1]); !errors.Is(err, ErrSet) {
			t.Errorf("%v: %v", bad, err)
		}
	}
	for _, bad := range [][]int{{1, 1}, {0, 1}, {256}} {
		if _, err := lagrange(bad); !errors.Is(err, ErrSet) {
			t.Errorf("%v: %v", bad, err)
		}
	}
	other, err := NewQuery(GenerateKey().Public(), prints(1))
	if err != nil {
		t.Fatal(err)
	}
	set, shares := share(t, key, 2, 3)
	if _, _, err := other.Combine(set, askHolders(t, other, shares, nil)); !errors.Is(err, ErrKeyOfSet) {
		t.Errorf("another key's query: %v", err)
	}
	one, err := NewQuery(key.Public(), prints(1))
	if err != nil {
		t.Fatal(err)
	}
	all := askHolders(t, one, shares, nil)
	if _, err := one.Labels(all[1]); !errors.Is(err, ErrProof) {
		t.Errorf("one holder's answer taken for the set's: %v", err)
	}
	all[4] = all[1]
	delete(all, 1)
	delete(all, 2)
	if _, _, err := one.Combine(set, maps.Clone(all)); !errors.Is(err, ErrSet) {
		t.Errorf("a holder of no place: %v", err)
	}
}

func FuzzParseShare(f *testing.F) {
	_, shares := share(f, GenerateKey(), 2, 3)
	f.Add(shares[0].Bytes())
	f.Add(make([]byte, ShareSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ParseShare(b)
		if err == nil && !bytes.Equal(s.Bytes(), b) {
			t.Error("two encodings")
		}
	})
}
