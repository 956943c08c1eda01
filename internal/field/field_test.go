package field

import (
	"crypto/rand"
	"errors"
	"math/big"
	"testing"

	"github.com/haltlog/haltlog/internal/group"
)

func order() *big.Int {
	l, _ := new(big.Int).SetString("27742317777372353535851937790883648493", 10)
	return l.Add(l, new(big.Int).Lsh(big.NewInt(1), 252))
}

func toBig(x Element) *big.Int {
	b := x.Bytes()
	for i := range 16 {
		b[i], b[31-i] = b[31-i], b[i]
	}
	return new(big.Int).SetBytes(b[:])
}

func fromBig(t testing.TB, v *big.Int) Element {
	t.Helper()
	var b [32]byte
	v.FillBytes(b[:])
	for i := range 16 {
		b[i], b[31-i] = b[31-i], b[i]
	}
	x, err := Decode(b[:])
	if err != nil {
		t.Fatalf("%x: %v", b, err)
	}
	return x
}

// edges are where limbs and the order carry.
func edges(t testing.TB) []Element {
	l := order()
	var out []Element
	for _, v := range []*big.Int{
		big.NewInt(0), big.NewInt(1), big.NewInt(2), new(big.Int).Sub(l, big.NewInt(1)), new(big.Int).Sub(l, big.NewInt(2)), new(big.Int).Rsh(l, 1),
		new(big.Int).Lsh(big.NewInt(1), 64), new(big.Int).Lsh(big.NewInt(1), 128), new(big.Int).Lsh(big.NewInt(1), 192), new(big.Int).Lsh(big.NewInt(1), 252),
		new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 252), big.NewInt(1)), new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 128), big.NewInt(1)),
	} {
		out = append(out, fromBig(t, v))
	}
	for range 60 {
		v, err := rand.Int(rand.Reader, l)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fromBig(t, v))
	}
	return out
}

// TestAgainstBig holds every operation against math/big, edges with edges.
func TestAgainstBig(t *testing.T) {
	l := order()
	mod := func(v *big.Int) *big.Int { return v.Mod(v, l) }
	all := edges(t)
	for i, x := range all {
		for j, y := range all {
			a, b := toBig(x), toBig(y)
			for name, c := range map[string]struct {
				got  Element
				want *big.Int
			}{
				"add": {x.Add(&y), mod(new(big.Int).Add(a, b))},
				"sub": {x.Sub(&y), mod(new(big.Int).Sub(a, b))},
				"mul": {x.Mul(&y), mod(new(big.Int).Mul(a, b))},
				"dot": {Dot2(&x, &y, &y, &y), mod(new(big.Int).Add(new(big.Int).Mul(a, b), new(big.Int).Mul(b, b)))},
			} {
				if toBig(c.got).Cmp(c.want) != 0 {
					t.Fatalf("%s of %d and %d: %v, want %v", name, i, j, toBig(c.got), c.want)
				}
				// FD2: one representation.
				if c.got != fromBig(t, c.want) {
					t.Fatalf("%s of %d and %d is not reduced", name, i, j)
				}
			}
		}
		neg := x.Neg()
		if sum := x.Add(&neg); !sum.IsZero() {
			t.Errorf("x − x is %v", toBig(sum))
		}
		inv, err := x.Inverse()
		if x.IsZero() {
			if !errors.Is(err, ErrZero) {
				t.Errorf("1/0: %v", err)
			}
		} else if p := x.Mul(&inv); err != nil || p != One() {
			t.Errorf("x/x is %v: %v", toBig(p), err)
		}
	}
	for _, v := range []uint64{0, 1, 1 << 63} {
		if toBig(FromUint64(v)).Uint64() != v {
			t.Errorf("%d is %v", v, toBig(FromUint64(v)))
		}
	}
}

// TestDecode: FD3, and the same bytes as the group library's scalars.
func TestDecode(t *testing.T) {
	l := order()
	for _, v := range []*big.Int{l, new(big.Int).Add(l, big.NewInt(1)), new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1))} {
		var b [32]byte
		v.FillBytes(b[:])
		for i := range 16 {
			b[i], b[31-i] = b[31-i], b[i]
		}
		if _, err := Decode(b[:]); !errors.Is(err, ErrNotCanonical) {
			t.Errorf("%v: %v", v, err)
		}
	}
	for _, n := range []int{0, 31, 33} {
		if _, err := Decode(make([]byte, n)); !errors.Is(err, ErrNotCanonical) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	for range 50 {
		s, u := group.RandomScalar(), group.RandomScalar()
		x, err := Decode(s.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		y, err := Decode(u.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if p := x.Mul(&y).Bytes(); string(p[:]) != string(s.Mul(u).Bytes()) {
			t.Fatal("the group library's product differs")
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(make([]byte, 32))
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := Decode(b)
		if err != nil {
			return
		}
		if again := x.Bytes(); string(again[:]) != string(b) {
			t.Errorf("%x is printed as %x", b, again)
		}
	})
}

func BenchmarkMul(b *testing.B) {
	x, y := FromUint64(3), FromUint64(1<<63)
	for b.Loop() {
		x = x.Mul(&y)
	}
}

func BenchmarkDot2(b *testing.B) {
	x, y := FromUint64(3), FromUint64(1<<63)
	for b.Loop() {
		x = Dot2(&x, &y, &y, &x)
	}
}

// BenchmarkGroupScalar is the same product with the group library's scalars.
func BenchmarkGroupScalar(b *testing.B) {
	x, y := group.RandomScalar(), group.RandomScalar()
	for b.Loop() {
		x = x.Mul(y)
	}
}
