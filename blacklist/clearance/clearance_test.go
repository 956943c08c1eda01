package clearance

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/blacklist/polynomial"
	"github.com/haltlog/haltlog/internal/group"
)

// label is a label of a test: an element with a known logarithm.
func label(i uint64) blacklist.Label {
	return blacklist.Label(group.MulBase(group.HashToScalar("haltlog/test/clearance-label", binary.BigEndian.AppendUint64(nil, i))).Bytes())
}

// listOf is a list of the first n labels of the tests, in the order of a full list.
func listOf(n int) []blacklist.Label {
	list := make([]blacklist.Label, n)
	for i := range list {
		list[i] = label(uint64(i))
	}
	slices.SortFunc(list, func(a, b blacklist.Label) int { return slices.Compare(a[:], b[:]) })
	return list
}

func polynomialOf(list []blacklist.Label) *polynomial.Polynomial {
	var roots [][32]byte
	for _, l := range list {
		roots = append(roots, blacklist.ScalarOf(l))
	}
	return polynomial.New(roots)
}

// statement is one of a full list.
func statement(list []blacklist.Label) *Statement {
	part := blacklist.Part{Kind: fingerprint.Tensor}
	return &Statement{
		Origin: "log.example/clearance", Size: 1000, KeyVersion: 1, Part: part,
		ListHash: blacklist.FullList{Part: part, KeyVersion: 1, Labels: list}.Hash(), Polynomial: polynomialOf(list),
	}
}

// fresh is a label that no list of the tests holds.
func fresh() blacklist.Label { return label(1 << 40) }

func mustProve(t testing.TB, st *Statement, s *Secret) []byte {
	t.Helper()
	proof, err := Prove(st, s)
	if err != nil {
		t.Fatal(err)
	}
	return proof
}

// TestComplete: an unlisted label is proven clear of lists of every shape, and a
// listed one of none.
func TestComplete(t *testing.T) {
	t.Attr("invariant", "BG1")
	for _, n := range []int{0, 1, 2, 3, 4, 6, 7, 8, 15, 16, 31, 100} {
		list := listOf(n)
		st := statement(list)
		c0, secret := Commit(fresh())
		proof := mustProve(t, st, secret)
		if len(proof) != Size(st.Polynomial.D()) {
			t.Errorf("%d labels: %d bytes", n, len(proof))
		}
		if err := Verify(st, c0, proof); err != nil {
			t.Errorf("%d labels: %v", n, err)
		}
		for _, l := range list {
			_, secret := Commit(l)
			if _, err := Prove(st, secret); !errors.Is(err, ErrListed) {
				t.Fatalf("%d labels: a listed one: %v", n, err)
			}
		}
	}
}

// TestFolds holds both folds against the definition, term by term.
func TestFolds(t *testing.T) {
	for _, d := range []int{0, 1, 2, 4} {
		a, err := randoms(2<<d, systemRandom())
		if err != nil {
			t.Fatal(err)
		}
		drawn, err := randoms(2*(d+1)+1, systemRandom())
		if err != nil {
			t.Fatal(err)
		}
		u, f, x := drawn[:d+1], drawn[d+1:2*d+2], drawn[2*d+2]
		phi := make([]*group.Scalar, d+1)
		want := group.ScalarFromUint64(0)
		for j := range phi {
			phi[j] = f[j].Add(x.Mul(u[j]))
		}
		for i, c := range a {
			term := c
			for j := range phi {
				if i>>j&1 == 1 {
					term = term.Mul(phi[j])
				} else {
					term = term.Mul(x)
				}
			}
			want = want.Add(term)
		}
		if got := toScalar(foldAt(toFields(a), toField(x), toFields(phi))); !got.Equal(want) {
			t.Errorf("d = %d: foldAt differs", d)
		}
		// δ(x), by Horner's rule, is the same value.
		delta := toScalars(foldPolynomial(toFields(a), toFields(u), toFields(f)))
		if len(delta) != d+2 {
			t.Fatalf("d = %d: %d coefficients", d, len(delta))
		}
		got := group.ScalarFromUint64(0)
		for _, c := range slices.Backward(delta) {
			got = got.Mul(x).Add(c)
		}
		if !got.Equal(want) {
			t.Errorf("d = %d: foldPolynomial differs", d)
		}
	}
}

// TestTop: the highest coefficient is P(u), for u_j = u^(2^j): zero for roots alone.
func TestTop(t *testing.T) {
	list := listOf(20)
	p := polynomialOf(list)
	for i, l := range append(list, fresh()) {
		powers := []*group.Scalar{scalarOf(l)}
		for range p.D() {
			last := powers[len(powers)-1]
			powers = append(powers, last.Mul(last))
		}
		f, err := randoms(p.D()+1, systemRandom())
		if err != nil {
			t.Fatal(err)
		}
		delta := foldPolynomial(p.Coefficients(), toFields(powers), toFields(f))
		// P(u) = ∏(u − u_i)
		want := group.ScalarFromUint64(1)
		for _, r := range list {
			want = want.Mul(scalarOf(l).Sub(scalarOf(r)))
		}
		for i := range uint64(2<<p.D() - 1 - len(list)) {
			pad := polynomial.Pad(i)
			s, err := group.DecodeScalar(pad[:])
			if err != nil {
				t.Fatal(err)
			}
			want = want.Mul(scalarOf(l).Sub(s))
		}
		if !toScalar(delta[p.D()+1]).Equal(want) || delta[p.D()+1].IsZero() != (i < len(list)) {
			t.Errorf("label %d: P(u) differs", i)
		}
	}
}

// TestUnlinkable: two clearances of one label share no 32 bytes.
func TestUnlinkable(t *testing.T) {
	st := statement(listOf(30))
	seen := make(map[[32]byte]bool)
	for range 2 {
		c0, secret := Commit(fresh())
		for chunk := range slices.Chunk(append(c0[:], mustProve(t, st, secret)...), 32) {
			if seen[[32]byte(chunk)] {
				t.Errorf("%x stands in both", chunk)
			}
			seen[[32]byte(chunk)] = true
		}
	}
}

// TestOpening: r_0 opens a commitment to its label alone.
func TestOpening(t *testing.T) {
	c0, secret := Commit(fresh())
	again, err := Open(fresh(), secret.Blind())
	if err != nil || again.Commitment() != c0 {
		t.Errorf("%v", err)
	}
	if other, err := Open(label(7), secret.Blind()); err != nil || other.Commitment() == c0 {
		t.Errorf("another label opens it: %v", err)
	}
	for _, b := range [][]byte{nil, make([]byte, 31), slices.Repeat([]byte{0xff}, 32)} {
		if _, err := Open(fresh(), b); !errors.Is(err, ErrFormat) {
			t.Errorf("%x: %v", b, err)
		}
	}
}

func polynomialOfRoots(roots [][32]byte) *polynomial.Polynomial { return polynomial.New(roots) }
