package group

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"testing"

	"filippo.io/edwards25519"
	"github.com/gtank/ristretto255"
	"pgregory.net/rapid"
)

func order() *big.Int {
	n, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	return n
}

// littleEndian writes n in 32 bytes.
func littleEndian(n *big.Int) []byte {
	b := n.FillBytes(make([]byte, 32))
	for i := range 16 {
		b[i], b[31-i] = b[31-i], b[i]
	}
	return b
}

func random(tb testing.TB, n int) ([]*Scalar, []*Element) {
	tb.Helper()
	s, e := make([]*Scalar, n), make([]*Element, n)
	for i := range n {
		s[i], e[i] = RandomScalar(), MulBase(RandomScalar())
	}
	return s, e
}

func TestDecodeIsStrict(t *testing.T) {
	t.Attr("invariant", "GA1")
	good := Generator().Bytes()
	if want := "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"; hex.EncodeToString(good) != want {
		t.Errorf("generator %x (RFC 9496, appendix A.1)", good)
	}
	// RFC 9496, appendix A.2: bad encodings of each kind.
	bad := []string{
		// Non-canonical field encodings.
		"00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		// Negative field elements.
		"0100000000000000000000000000000000000000000000000000000000000000",
		"01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"ed57ffd8c914fb201471d1c3d245ce3c746fcbe63a3679d51b6a516ebebe0e20",
		"c34c4e1826e5d403b78e246e88aa051c36ccf0aafebffe137d148a2bf9104562",
		// Non-square x².
		"26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
		"4eac077a713c57b4f4397629a4145982c661f48044dd3f96427d40b147d9742f",
		// Negative x·y.
		"3eb858e78f5a7254d8c9731174a94f76755fd3941c0ac93735c07ba14579630e",
		"a45fdc55c76448c049a1ab33f17023edfb2be3581e9c7aade8a6125215e04220",
		// s = −1, which causes y = 0.
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	}
	for _, s := range bad {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		if e, err := DecodeElement(b); e != nil || !errors.Is(err, ErrNotCanonical) {
			t.Errorf("%s: %v", s, err)
		}
	}
	if e, err := DecodeElement(make([]byte, 32)); e != nil || !errors.Is(err, ErrIdentity) {
		t.Errorf("identity: %v", err)
	}
	for _, b := range [][]byte{nil, {}, good[:31], append(bytes.Clone(good), 0)} {
		if e, err := DecodeElement(b); e != nil || !errors.Is(err, ErrLength) {
			t.Errorf("element of %d bytes: %v", len(b), err)
		}
		if s, err := DecodeScalar(b); s != nil || !errors.Is(err, ErrLength) {
			t.Errorf("scalar of %d bytes: %v", len(b), err)
		}
	}
	for name, n := range map[string]*big.Int{
		"the order":     order(),
		"order plus 1":  new(big.Int).Add(order(), big.NewInt(1)),
		"2^253":         new(big.Int).Lsh(big.NewInt(1), 253),
		"largest":       new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1)),
		"2^255 + small": new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(5)),
	} {
		if s, err := DecodeScalar(littleEndian(n)); s != nil || !errors.Is(err, ErrNotCanonical) {
			t.Errorf("scalar %s: %v", name, err)
		}
	}
	last := littleEndian(new(big.Int).Sub(order(), big.NewInt(1)))
	if s, err := DecodeScalar(last); err != nil || !bytes.Equal(s.Bytes(), last) {
		t.Errorf("order minus 1: %v", err)
	}
	if s, err := DecodeSecretScalar(make([]byte, 32)); s != nil || !errors.Is(err, ErrZero) {
		t.Errorf("secret zero: %v", err)
	}
	if s, err := DecodeSecretScalar(bytes.Repeat([]byte{255}, 32)); s != nil || !errors.Is(err, ErrNotCanonical) {
		t.Errorf("secret not canonical: %v", err)
	}
	if s, err := DecodeSecretScalar(last); err != nil || s.IsZero() {
		t.Errorf("secret: %v", err)
	}
}

// TestMultiplesOfGenerator is RFC 9496, appendix A.1, in part.
func TestMultiplesOfGenerator(t *testing.T) {
	for n, want := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76",
		"6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919",
		"94741f5d5d52755ece4f23f044ee27d5d1ea1e2bd196b462166b16152a9d0259",
	} {
		if got := hex.EncodeToString(MulBase(ScalarFromUint64(uint64(n))).Bytes()); got != want {
			t.Errorf("%d·G = %s", n, got)
		}
	}
}

func TestZeroValueIsUnusable(t *testing.T) {
	t.Attr("invariant", "GA2")
	var e Element
	var s Scalar
	g, one := Generator(), ScalarFromUint64(1)
	for name, call := range map[string]func(){
		"Element.Bytes":      func() { e.Bytes() },
		"Element.Equal":      func() { e.Equal(g) },
		"Element.Equal arg":  func() { g.Equal(&e) },
		"Element.IsIdentity": func() { e.IsIdentity() },
		"Element.Add":        func() { e.Add(g) },
		"Element.Add arg":    func() { g.Add(&e) },
		"Element.Add nil":    func() { g.Add(nil) },
		"Element.Sub":        func() { e.Sub(g) },
		"Element.Sub arg":    func() { g.Sub(&e) },
		"Element.Neg":        func() { e.Neg() },
		"Element.Mul":        func() { e.Mul(one) },
		"Element.Mul arg":    func() { g.Mul(&s) },
		"MulBase":            func() { MulBase(&s) },
		"VarTimeMulBaseAdd":  func() { e.VarTimeMulBaseAdd(one, one) },
		"VarTime… first":     func() { g.VarTimeMulBaseAdd(&s, one) },
		"VarTime… second":    func() { g.VarTimeMulBaseAdd(one, &s) },
		"MultiMul scalar":    func() { _, _ = MultiMul([]*Scalar{&s}, []*Element{g}) },
		"MultiMul element":   func() { _, _ = VarTimeMultiMul([]*Scalar{one}, []*Element{&e}) },
		"Scalar.Bytes":       func() { s.Bytes() },
		"Scalar.Equal":       func() { one.Equal(&s) },
		"Scalar.IsZero":      func() { s.IsZero() },
		"Scalar.Add":         func() { one.Add(&s) },
		"Scalar.Sub":         func() { s.Sub(one) },
		"Scalar.Neg":         func() { s.Neg() },
		"Scalar.Mul":         func() { one.Mul(&s) },
		"Scalar.Mul nil":     func() { one.Mul(nil) },
		"Scalar.Invert":      func() { _, _ = s.Invert() },
		"InvertAll":          func() { _, _ = InvertAll([]*Scalar{one, &s}) },
		"SelectScalar":       func() { SelectScalar(1, &s, one) },
		"LookupScalar":       func() { LookupScalar([]*Scalar{one, &s}, 0) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s took a zero value", name)
				}
			}()
			call()
		}()
	}
}

func TestZeroIsNotInverted(t *testing.T) {
	t.Attr("invariant", "GA3")
	zero, one := ScalarFromUint64(0), ScalarFromUint64(1)
	if s, err := zero.Invert(); s != nil || !errors.Is(err, ErrZero) {
		t.Errorf("invert zero: %v", err)
	}
	if list, err := InvertAll([]*Scalar{one, one, zero, one}); list != nil || !errors.Is(err, ErrZero) {
		t.Errorf("invert a list with zero: %v", err)
	}
	for n := range 20 {
		list, _ := random(t, n)
		inverses, err := InvertAll(list)
		if err != nil || len(inverses) != n {
			t.Fatalf("%d: %v", n, err)
		}
		for i := range list {
			single, err := list[i].Invert()
			if err != nil || !inverses[i].Equal(single) || !inverses[i].Mul(list[i]).Equal(one) {
				t.Errorf("inverse %d of %d: %v", i, n, err)
			}
		}
	}
}

// TestDirtyReceiver is CVE-2026-26958: before edwards25519 v1.1.1,
// MultiScalarMult added its product to what the receiver held. The library is
// asked itself, and so are our sums, whose chunks would show it.
func TestDirtyReceiver(t *testing.T) {
	t.Attr("invariant", "GA5")
	for _, n := range []int{0, 1, 2, 3, 17} {
		scalars, elements := random(t, n)
		s, e := make([]*ristretto255.Scalar, n), make([]*ristretto255.Element, n)
		ps, pe := make([]*edwards25519.Scalar, n), make([]*edwards25519.Point, n)
		want := Generator().Sub(Generator())
		for i := range n {
			s[i], e[i] = &scalars[i].r, &elements[i].r
			var err error
			if ps[i], err = edwards25519.NewScalar().SetCanonicalBytes(scalars[i].Bytes()); err != nil {
				t.Fatal(err)
			}
			pe[i] = edwards25519.NewGeneratorPoint()
			pe[i].ScalarBaseMult(ps[i])
			want = want.Add(elements[i].Mul(scalars[i]))
		}
		fresh := ristretto255.NewIdentityElement().MultiScalarMult(s, e)
		dirty := ristretto255.NewGeneratorElement().MultiScalarMult(s, e)
		varTime := ristretto255.NewGeneratorElement().VarTimeMultiScalarMult(s, e)
		if fresh.Equal(dirty) != 1 || fresh.Equal(varTime) != 1 || fresh.Equal(&want.r) != 1 {
			t.Errorf("%d terms: the receiver enters the product", n)
		}
		clean := edwards25519.NewIdentityPoint().MultiScalarMult(ps, pe)
		used := edwards25519.NewGeneratorPoint().MultiScalarMult(ps, pe)
		usedVarTime := edwards25519.NewGeneratorPoint().VarTimeMultiScalarMult(ps, pe)
		if clean.Equal(used) != 1 || clean.Equal(usedVarTime) != 1 {
			t.Errorf("%d terms: the point's receiver enters the product", n)
		}
	}
}

func TestMultiMulIsTheSum(t *testing.T) {
	t.Attr("invariant", "GA5")
	for _, n := range []int{0, 1, 2, 5, multiChunk - 1, multiChunk, multiChunk + 1} {
		scalars, elements := random(t, n)
		want := Generator().Sub(Generator())
		for i := range n {
			want = want.Add(elements[i].Mul(scalars[i]))
		}
		for name, product := range map[string]func([]*Scalar, []*Element) (*Element, error){"constant": MultiMul, "variable": VarTimeMultiMul} {
			if got, err := product(scalars, elements); err != nil || !got.Equal(want) {
				t.Errorf("%s time, %d terms: %v", name, n, err)
			}
			if _, err := product(scalars, append(elements, Generator())); !errors.Is(err, ErrMismatch) {
				t.Errorf("%s time, lists of %d and %d: %v", name, n, n+1, err)
			}
		}
	}
}

// TestGroupLaws holds the arithmetic to big integers: every element here is a
// known multiple of the generator.
func TestGroupLaws(t *testing.T) {
	t.Attr("invariant", "GA4")
	number := rapid.Custom(func(t *rapid.T) *big.Int {
		edge := []*big.Int{new(big.Int), big.NewInt(1), big.NewInt(2), new(big.Int).Sub(order(), big.NewInt(1)), new(big.Int).Rsh(order(), 1)}
		if i := rapid.IntRange(0, 2*len(edge)).Draw(t, "edge"); i < len(edge) {
			return edge[i]
		}
		b := rapid.SliceOfN(rapid.Byte(), 40, 40).Draw(t, "bytes")
		return new(big.Int).Mod(new(big.Int).SetBytes(b), order())
	})
	scalar := func(t *rapid.T, n *big.Int) *Scalar {
		s, err := DecodeScalar(littleEndian(new(big.Int).Mod(n, order())))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := number.Draw(t, "a"), number.Draw(t, "b"), number.Draw(t, "c")
		sa, sb, sc := scalar(t, a), scalar(t, b), scalar(t, c)
		sum, difference, product := new(big.Int).Add(a, b), new(big.Int).Sub(a, b), new(big.Int).Mul(a, b)
		for name, pair := range map[string][2]*Scalar{
			"a+b": {sa.Add(sb), scalar(t, sum)},
			"a-b": {sa.Sub(sb), scalar(t, difference)},
			"a·b": {sa.Mul(sb), scalar(t, product)},
			"-a":  {sa.Neg(), scalar(t, new(big.Int).Neg(a))},
		} {
			if !pair[0].Equal(pair[1]) || !bytes.Equal(pair[0].Bytes(), pair[1].Bytes()) {
				t.Fatalf("%s", name)
			}
		}
		ga, gb := MulBase(sa), MulBase(sb)
		point := func(n *big.Int) *Element { return MulBase(scalar(t, n)) }
		triple := new(big.Int).Add(c, new(big.Int).Mul(b, a))
		for name, pair := range map[string][2]*Element{
			"A+B":     {ga.Add(gb), point(sum)},
			"A-B":     {ga.Sub(gb), point(difference)},
			"-A":      {ga.Neg(), point(new(big.Int).Neg(a))},
			"b·A":     {ga.Mul(sb), point(product)},
			"c·G+b·A": {ga.VarTimeMulBaseAdd(sc, sb), point(triple)},
		} {
			if !pair[0].Equal(pair[1]) || !bytes.Equal(pair[0].Bytes(), pair[1].Bytes()) {
				t.Fatalf("%s", name)
			}
		}
		if ga.IsIdentity() != (a.Sign() == 0) || sa.IsZero() != (a.Sign() == 0) {
			t.Fatal("identity")
		}
		if !ga.IsIdentity() {
			again, err := DecodeElement(ga.Bytes())
			if err != nil || !again.Equal(ga) {
				t.Fatal(err)
			}
		}
	})
}

func TestSelect(t *testing.T) {
	t.Attr("invariant", "GA4")
	scalars, _ := random(t, 9)
	if !SelectScalar(1, scalars[0], scalars[1]).Equal(scalars[0]) || !SelectScalar(0, scalars[0], scalars[1]).Equal(scalars[1]) {
		t.Error("SelectScalar")
	}
	encoded := make([][]byte, len(scalars))
	for i, s := range scalars {
		encoded[i] = s.Bytes()
	}
	for i, s := range scalars {
		out := make([]byte, 32)
		LookupBytes(out, encoded, i)
		if !LookupScalar(scalars, i).Equal(s) || !bytes.Equal(out, encoded[i]) {
			t.Errorf("lookup %d", i)
		}
	}
	for _, i := range []int{-1, len(scalars)} {
		for name, call := range map[string]func(){
			"LookupScalar": func() { LookupScalar(scalars, i) },
			"LookupBytes":  func() { LookupBytes(make([]byte, 32), encoded, i) },
		} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s of %d", name, i)
					}
				}()
				call()
			}()
		}
	}
}

// TestResultsShareNothing: an operation leaves its operands as they were.
func TestResultsShareNothing(t *testing.T) {
	a, b := MulBase(ScalarFromUint64(3)), MulBase(ScalarFromUint64(5))
	x, y := ScalarFromUint64(3), ScalarFromUint64(5)
	before := fmt.Sprintf("%x %x %x %x", a.Bytes(), b.Bytes(), x.Bytes(), y.Bytes())
	a.Add(b)
	a.Sub(b)
	a.Neg()
	a.Mul(x)
	a.VarTimeMulBaseAdd(x, y)
	x.Add(y)
	x.Sub(y)
	x.Neg()
	x.Mul(y)
	if _, err := InvertAll([]*Scalar{x, y}); err != nil {
		t.Fatal(err)
	}
	if after := fmt.Sprintf("%x %x %x %x", a.Bytes(), b.Bytes(), x.Bytes(), y.Bytes()); after != before {
		t.Error("an operand changed")
	}
	Generator().Add(a)
	if !Generator().Equal(MulBase(ScalarFromUint64(1))) {
		t.Error("the generator changed")
	}
}

func TestRandomScalar(t *testing.T) {
	if RandomScalar().Equal(RandomScalar()) {
		t.Error("the same twice")
	}
	// Zero is drawn again; a source that ends is an error.
	source := append(make([]byte, 64), bytes.Repeat([]byte{1}, 64)...)
	s, err := ReadScalar(bytes.NewReader(source))
	if err != nil || s.IsZero() {
		t.Errorf("after zero: %v", err)
	}
	if _, err := ReadScalar(bytes.NewReader(source[:100])); err == nil {
		t.Error("a scalar of a source that ended")
	}
	if _, err := ScalarFromUniform(make([]byte, 63)); !errors.Is(err, ErrLength) {
		t.Errorf("63 bytes: %v", err)
	}
}
