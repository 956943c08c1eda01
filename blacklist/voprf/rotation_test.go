package voprf

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/haltlog/haltlog/internal/group"
)

// rotated is a rotation that was carried out by t of n holders.
type rotated struct {
	Rotation
	deltas     []*Share // of Δ
	shares     []*Share // of the next key
	old, fresh []Label
	partials   []RotationPartial
}

func rotate(tb testing.TB, t, n int) *rotated {
	tb.Helper()
	keys, seals := holders(n)
	from, shares := generate(tb, "labels", 1, t, keys, seals)
	factor, deltas := generate(tb, "rotate-delta", 2, t, keys, seals)
	// The next key, by 2t − 1 holders.
	var dealings []*Dealing
	for i := range 2*t - 1 {
		d, err := NewProductDealing(ceremony("rotate-key", 2, t, seals), shares[i], deltas[i])
		if err != nil {
			tb.Fatal(err)
		}
		if err := d.VerifyProduct(from.Commitments, factor.Commitments); err != nil {
			tb.Fatal(err)
		}
		dealings = append(dealings, d)
	}
	commitments, err := Product(dealings)
	if err != nil {
		tb.Fatal(err)
	}
	r := &rotated{deltas: deltas, Rotation: Rotation{
		From: from, Delta: factor.Commitments,
		To: Set{Version: 2, PublicKey: commitments[0], T: t, N: n, Commitments: commitments},
	}}
	for i, k := range keys {
		s, err := ProductShare(commitments, portions(tb, dealings, i+1, k))
		if err != nil {
			tb.Fatal(err)
		}
		r.shares = append(r.shares, s)
	}
	for range 5 {
		r.old = append(r.old, Label(group.MulBase(group.RandomScalar()).Bytes()))
	}
	// Labels under the next key: each holder evaluates under its share of Δ, as it
	// evaluates a query.
	var answers [][][]byte
	for _, s := range deltas[:t] {
		evaluated, _, err := NewShareEvaluator(s).Evaluate(bytesOf(r.old))
		if err != nil {
			tb.Fatal(err)
		}
		answers = append(answers, evaluated)
	}
	indices := make([]int, t)
	for i := range indices {
		indices[i] = i + 1
	}
	weights, err := lagrange(indices)
	if err != nil {
		tb.Fatal(err)
	}
	for l := range r.old {
		var terms []*group.Element
		for _, a := range answers {
			e, err := group.DecodeElement(a[l])
			if err != nil {
				tb.Fatal(err)
			}
			terms = append(terms, e)
		}
		y, err := group.VarTimeMultiMul(weights, terms)
		if err != nil {
			tb.Fatal(err)
		}
		r.fresh = append(r.fresh, Label(y.Bytes()))
	}
	for _, s := range deltas[:t] {
		p, err := r.Prove(s, 7, r.old, r.fresh)
		if err != nil {
			tb.Fatal(err)
		}
		r.partials = append(r.partials, p)
	}
	return r
}

// TestRotation: labels under the next key are the old ones times one factor, in
// every shape of sharing, and the next key's holders make the same ones.
func TestRotation(t *testing.T) {
	t.Attr("invariant", "VO10")
	for _, shape := range [][2]int{{1, 1}, {1, 3}, {2, 3}, {3, 5}} {
		r := rotate(t, shape[0], shape[1])
		if err := r.VerifyLabels(7, r.old, r.fresh, r.partials); err != nil {
			t.Errorf("%v: %v", shape, err)
		}
		delta, next := secret(t, r.deltas[:shape[0]]...), secret(t, r.shares[len(r.shares)-shape[0]:]...)
		if !bytes.Equal(next.Public().Bytes(), r.To.PublicKey) {
			t.Errorf("%v: the next key's holders hold another", shape)
		}
		pk, err := group.DecodeElement(r.From.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(pk.Mul(delta.k).Bytes(), r.To.PublicKey) {
			t.Errorf("%v: pk′ is not Δ·pk", shape)
		}
		for i, l := range r.old {
			again, err := l.Rotate(delta.Bytes())
			if err != nil || again != r.fresh[i] {
				t.Errorf("%v: label %d: %v", shape, i, err)
			}
		}
	}
}

// TestRotationLies: each label, key, partial and input of the proof is wrong alone.
func TestRotationLies(t *testing.T) {
	t.Attr("invariant", "VO10")
	good := rotate(t, 2, 3)
	other := rotate(t, 2, 3)
	stranger := func() []byte { return GenerateKey().Public().Bytes() }
	for name, change := range map[string]func(r *rotated, offset *uint64){
		"new label":      func(r *rotated, _ *uint64) { r.fresh[3] = Label(stranger()) },
		"old label":      func(r *rotated, _ *uint64) { r.old[3] = Label(stranger()) },
		"labels swapped": func(r *rotated, _ *uint64) { r.fresh[0], r.fresh[1] = r.fresh[1], r.fresh[0] },
		"both swapped": func(r *rotated, _ *uint64) {
			r.fresh[0], r.fresh[1], r.old[0], r.old[1] = r.fresh[1], r.fresh[0], r.old[1], r.old[0]
		},
		"identity":        func(r *rotated, _ *uint64) { r.fresh[0] = Label{} },
		"one fewer":       func(r *rotated, _ *uint64) { r.old, r.fresh = r.old[:4], r.fresh[:4] },
		"offset":          func(_ *rotated, offset *uint64) { *offset = 8 },
		"next version":    func(r *rotated, _ *uint64) { r.To.Version = 3 },
		"same version":    func(r *rotated, _ *uint64) { r.To.Version = 1 },
		"next key":        func(r *rotated, _ *uint64) { r.To = other.To },
		"old key":         func(r *rotated, _ *uint64) { r.From = other.From },
		"another Δ":       func(r *rotated, _ *uint64) { r.Delta = other.Delta },
		"Δ's coefficient": func(r *rotated, _ *uint64) { r.Delta[1] = stranger() },
		"partial's Z":     func(r *rotated, _ *uint64) { r.partials[0].Z = stranger() },
		"partial's proof": func(r *rotated, _ *uint64) { r.partials[0].Proof = flip(r.partials[0].Proof, 1) },
		"response":        func(r *rotated, _ *uint64) { r.partials[0].Proof = flip(r.partials[0].Proof, 33) },
		"partial's place": func(r *rotated, _ *uint64) { r.partials[0].Index = 3 },
		"partial twice":   func(r *rotated, _ *uint64) { r.partials[1] = r.partials[0] },
		"too few":         func(r *rotated, _ *uint64) { r.partials = r.partials[:1] },
		"another's":       func(r *rotated, _ *uint64) { r.partials[0] = other.partials[0] },
	} {
		r, offset := *good, uint64(7)
		r.old, r.fresh, r.partials, r.Delta = slices.Clone(r.old), slices.Clone(r.fresh), slices.Clone(r.partials), slices.Clone(r.Delta)
		change(&r, &offset)
		if err := r.VerifyLabels(offset, r.old, r.fresh, r.partials); !errors.Is(err, ErrRotation) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := good.VerifyLabels(7, good.old, good.fresh[:4], good.partials); !errors.Is(err, ErrBatch) {
		t.Errorf("%v", err)
	}
	if err := good.VerifyLabels(7, nil, nil, good.partials); !errors.Is(err, ErrBatch) {
		t.Errorf("%v", err)
	}
}

// TestPublicRotation: a published Δ is held against its commitment, keys and labels.
func TestPublicRotation(t *testing.T) {
	t.Attr("invariant", "VO10")
	r := rotate(t, 1, 1)
	delta := r.deltas[0].key.Bytes()
	if err := r.VerifyPublic(delta, 0, r.old, r.fresh); err != nil {
		t.Fatal(err)
	}
	if err := r.VerifyPublic(GenerateKey().Bytes(), 0, r.old, r.fresh); !errors.Is(err, ErrRotation) {
		t.Errorf("another Δ: %v", err)
	}
	if err := r.VerifyPublic(make([]byte, 32), 0, r.old, r.fresh); !errors.Is(err, ErrEncoding) {
		t.Errorf("zero: %v", err)
	}
	wrong := slices.Clone(r.fresh)
	wrong[0] = r.old[0]
	if err := r.VerifyPublic(delta, 0, r.old, wrong); !errors.Is(err, ErrRotation) {
		t.Errorf("a label: %v", err)
	}
	key := *r
	key.To.PublicKey = GenerateKey().Public().Bytes()
	key.To.Commitments = [][]byte{key.To.PublicKey}
	if err := key.VerifyPublic(delta, 0, r.old, r.fresh); !errors.Is(err, ErrRotation) {
		t.Errorf("the next key: %v", err)
	}
}

// TestProductLies: who deals anything but the product of its shares is out.
func TestProductLies(t *testing.T) {
	t.Attr("invariant", "VO10")
	keys, seals := holders(3)
	from, shares := generate(t, "labels", 1, 2, keys, seals)
	factor, deltas := generate(t, "rotate-delta", 2, 2, keys, seals)
	c := ceremony("rotate-key", 2, 2, seals)
	good, err := NewProductDealing(c, shares[0], deltas[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := good.VerifyProduct(from.Commitments, factor.Commitments); err != nil {
		t.Fatal(err)
	}
	random, err := NewDealing(c, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	stranger := &Share{1, GenerateKey()}
	wrongKey, err := NewProductDealing(c, stranger, deltas[0])
	if err != nil {
		t.Fatal(err)
	}
	wrongFactor, err := NewProductDealing(c, shares[0], stranger)
	if err != nil {
		t.Fatal(err)
	}
	zero, err := NewZeroDealing(c, 1)
	if err != nil {
		t.Fatal(err)
	}
	moved := *good
	moved.Dealer = 2
	proof := *good
	proof.Possession = flip(proof.Possession, 0)
	first := *good
	first.Commitments = slices.Clone(good.Commitments)
	first.Commitments[0] = GenerateKey().Public().Bytes()
	for name, d := range map[string]*Dealing{
		"anything": random, "another key": wrongKey, "another factor": wrongFactor, "zero": zero, "another dealer": &moved, "proof": &proof, "first commitment": &first,
	} {
		if err := d.VerifyProduct(from.Commitments, factor.Commitments); !errors.Is(err, ErrDealing) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := good.VerifyProduct(factor.Commitments, from.Commitments); !errors.Is(err, ErrDealing) {
		t.Errorf("key and factor swapped: %v", err)
	}
	if _, err := NewProductDealing(c, shares[0], deltas[1]); !errors.Is(err, ErrDealing) {
		t.Errorf("shares of two holders: %v", err)
	}
	three, err := NewProductDealing(ceremony("rotate-key", 2, 3, seals), shares[0], deltas[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := three.VerifyProduct(from.Commitments, factor.Commitments); !errors.Is(err, ErrDealing) {
		t.Errorf("another threshold: %v", err)
	}
	sealed := *good
	sealed.Shares = slices.Clone(good.Shares)
	sealed.Shares[1] = good.Shares[0]
	if err := sealed.VerifyProduct(from.Commitments, factor.Commitments); !errors.Is(err, ErrDealing) {
		t.Errorf("another's sealed share: %v", err)
	}
	// Key or factor shared with another threshold than the ceremony's, and nothing else
	// wrong: 2t − 1 dealings would not be their product.
	single, singles := generate(t, "labels", 1, 1, keys, seals)
	fewer, err := NewProductDealing(c, singles[0], deltas[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := fewer.VerifyProduct(single.Commitments, factor.Commitments); !errors.Is(err, ErrDealing) {
		t.Errorf("a key of another threshold: %v", err)
	}
	if fewer, err = NewProductDealing(c, deltas[0], singles[0]); err != nil {
		t.Fatal(err)
	}
	if err := fewer.VerifyProduct(factor.Commitments, single.Commitments); !errors.Is(err, ErrDealing) {
		t.Errorf("a factor of another threshold: %v", err)
	}
	second, err := NewProductDealing(c, shares[1], deltas[1])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Product([]*Dealing{good, second}); !errors.Is(err, ErrDealing) {
		t.Errorf("two of three: %v", err)
	}
	for name, list := range map[string][]*Dealing{"too few": {good, good}, "twice": {good, good, good}, "none": nil} {
		if _, err := Product(list); !errors.Is(err, ErrDealing) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
