package voprf

import (
	"errors"
	"slices"
	"testing"

	"github.com/haltlog/haltlog/internal/group"
)

// prove has the first t holders prove what stands in the rotation, whatever it is.
func (r *rotated) prove(tb testing.TB, offset uint64) {
	tb.Helper()
	r.partials = nil
	for _, s := range r.deltas[:len(r.Delta)] {
		p, err := r.Prove(s, offset, r.old, r.fresh)
		if err != nil {
			tb.Fatal(err)
		}
		r.partials = append(r.partials, p)
	}
}

// TestRotationEquations: each equation is wrong alone, with all holders' proofs made
// anew for what is wrong: nobody is honest but the verifier.
func TestRotationEquations(t *testing.T) {
	t.Attr("invariant", "VO10")
	for _, shape := range [][2]int{{1, 1}, {2, 3}} {
		good := rotate(t, shape[0], shape[1])
		stranger := func() Label { return Label(GenerateKey().Public().Bytes()) }
		// Every partial proof holds; the sum is not Z.
		for name, change := range map[string]func(*rotated){
			"first label":    func(r *rotated) { r.fresh[0] = stranger() },
			"last label":     func(r *rotated) { r.fresh[4] = stranger() },
			"label stays":    func(r *rotated) { r.fresh[2] = r.old[2] },
			"swapped":        func(r *rotated) { r.fresh[0], r.fresh[1] = r.fresh[1], r.fresh[0] },
			"label negated":  func(r *rotated) { r.fresh[0] = Label(element(t, r.fresh[0]).Neg().Bytes()) },
			"opposite sums":  opposite(t),
			"next key":       func(r *rotated) { r.To = keyed(r.To, GenerateKey()) },
			"key and labels": func(r *rotated) { r.To = keyed(r.To, GenerateKey()); r.fresh[0] = stranger() },
		} {
			r := *good
			r.old, r.fresh = slices.Clone(good.old), slices.Clone(good.fresh)
			change(&r)
			r.prove(t, 7)
			if err := r.VerifyLabels(7, r.old, r.fresh, r.partials); !errors.Is(err, ErrRotation) {
				t.Errorf("%v, %s: %v", shape, name, err)
			}
		}
	}
	// The sum is Z; two partials are not Δ_i·M, by what cancels out.
	r := rotate(t, 2, 3)
	weights, err := lagrange([]int{1, 2})
	if err != nil {
		t.Fatal(err)
	}
	inverses, err := group.InvertAll(weights)
	if err != nil {
		t.Fatal(err)
	}
	x := group.MulBase(group.RandomScalar())
	b, err := r.batch(7, r.old, r.fresh)
	if err != nil {
		t.Fatal(err)
	}
	for i, add := range []*group.Element{x.Mul(inverses[0]), x.Mul(inverses[1]).Neg()} {
		z := b.m.Mul(r.deltas[i].key.k).Add(add)
		proof, err := b.pair(i+1, r.deltas[i].key.public.element, z).prove(r.deltas[i].key.k, system())
		if err != nil {
			t.Fatal(err)
		}
		r.partials[i] = RotationPartial{i + 1, z.Bytes(), proof}
	}
	if err := r.VerifyLabels(7, r.old, r.fresh, r.partials); !errors.Is(err, ErrRotation) {
		t.Errorf("partials that cancel out: %v", err)
	}
	// Holders of another factor, all proofs and the sum being theirs.
	other := rotate(t, 2, 3)
	r = rotate(t, 2, 3)
	r.deltas = other.deltas
	r.prove(t, 7)
	if err := r.VerifyLabels(7, r.old, r.fresh, r.partials); !errors.Is(err, ErrRotation) {
		t.Errorf("holders of another factor: %v", err)
	}
}

// opposite changes two labels so that a sum without weights would not notice.
func opposite(tb testing.TB) func(*rotated) {
	return func(r *rotated) {
		x := group.MulBase(group.RandomScalar())
		r.fresh[0] = Label(element(tb, r.fresh[0]).Add(x).Bytes())
		r.fresh[1] = Label(element(tb, r.fresh[1]).Sub(x).Bytes())
	}
}

func element(tb testing.TB, l Label) *group.Element {
	tb.Helper()
	e, err := group.DecodeElement(l[:])
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// keyed is a set with another key.
func keyed(s Set, k *PrivateKey) Set {
	s.PublicKey = k.Public().Bytes()
	s.Commitments = slices.Clone(s.Commitments)
	s.Commitments[0] = s.PublicKey
	return s
}

// TestRotationAnyHolders: whichever t holders prove, and in whatever order.
func TestRotationAnyHolders(t *testing.T) {
	t.Attr("invariant", "VO10")
	r := rotate(t, 2, 3)
	for _, pick := range [][]int{{1, 2}, {2, 1}, {1, 3}, {3, 2}} {
		var partials []RotationPartial
		for _, i := range pick {
			p, err := r.Prove(r.deltas[i-1], 7, r.old, r.fresh)
			if err != nil {
				t.Fatal(err)
			}
			partials = append(partials, p)
		}
		if err := r.VerifyLabels(7, r.old, r.fresh, partials); err != nil {
			t.Errorf("%v: %v", pick, err)
		}
	}
}

// TestRotationTranscript: the weights are of everything that the proof is about, so
// that nothing can be chosen after them.
func TestRotationTranscript(t *testing.T) {
	t.Attr("invariant", "VO10")
	good := rotate(t, 2, 3)
	seen := map[string]string{}
	for name, change := range map[string]func(r *rotated, offset *uint64){
		"nothing":       func(*rotated, *uint64) {},
		"old version":   func(r *rotated, _ *uint64) { r.From.Version, r.To.Version = 2, 3 },
		"next version":  func(r *rotated, _ *uint64) { r.To.Version = 3 },
		"old key":       func(r *rotated, _ *uint64) { r.From = keyed(r.From, GenerateKey()) },
		"next key":      func(r *rotated, _ *uint64) { r.To = keyed(r.To, GenerateKey()) },
		"first Δ":       func(r *rotated, _ *uint64) { r.Delta[0] = GenerateKey().Public().Bytes() },
		"last Δ":        func(r *rotated, _ *uint64) { r.Delta[1] = GenerateKey().Public().Bytes() },
		"offset":        func(_ *rotated, offset *uint64) { *offset++ },
		"old label":     func(r *rotated, _ *uint64) { r.old[4] = Label(GenerateKey().Public().Bytes()) },
		"new label":     func(r *rotated, _ *uint64) { r.fresh[4] = Label(GenerateKey().Public().Bytes()) },
		"fewer labels":  func(r *rotated, _ *uint64) { r.old, r.fresh = r.old[:4], r.fresh[:4] },
		"sides swapped": func(r *rotated, _ *uint64) { r.old, r.fresh = r.fresh, r.old },
		"order":         func(r *rotated, _ *uint64) { slices.Reverse(r.old); slices.Reverse(r.fresh) },
	} {
		r, offset := *good, uint64(7)
		r.old, r.fresh, r.Delta = slices.Clone(r.old), slices.Clone(r.fresh), slices.Clone(r.Delta)
		change(&r, &offset)
		b, err := r.batch(offset, r.old, r.fresh)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if before, ok := seen[string(b.statement)]; ok {
			t.Errorf("%s and %s have the same weights", name, before)
		}
		seen[string(b.statement)] = name
	}
	// What is out before there are weights.
	for _, version := range []uint64{0, 1} {
		r := *good
		r.To.Version = version
		if _, err := r.Prove(r.deltas[0], 7, r.old, r.fresh); !errors.Is(err, ErrRotation) && !errors.Is(err, ErrSet) {
			t.Errorf("to version %d: %v", version, err)
		}
	}
	many := make([]Label, MaxBatch)
	if _, err := good.batch(7, many, many); !errors.Is(err, ErrBatch) || errors.Is(err, ErrRotation) {
		t.Errorf("%d labels and the keys: %v", MaxBatch, err)
	}
	third, err := good.Prove(good.deltas[2], 7, good.old, good.fresh)
	if err != nil {
		t.Fatal(err)
	}
	if err := good.VerifyLabels(7, good.old, good.fresh, append(slices.Clone(good.partials), third)); !errors.Is(err, ErrRotation) {
		t.Errorf("a partial too many: %v", err)
	}
}
