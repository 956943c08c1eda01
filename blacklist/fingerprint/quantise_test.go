package fingerprint

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

// bellValues returns n pseudo-random values, roughly Gaussian, the same as
// testdata/quantise.py makes.
func bellValues(n int) []float32 {
	out := make([]float32, n)
	x := uint64(1)
	for i := range out {
		sum := int64(-3 << 23)
		for range 3 {
			x = x*6364136223846793005 + 1442695040888963407
			sum += int64(x >> 40)
		}
		out[i] = float32(sum) * (1.0 / (1 << 28))
	}
	return out
}

// TestQuantise holds the quantisers against independent ones in another
// language: testdata/quantise.py prints these digests.
func TestQuantise(t *testing.T) {
	for d, want := range map[Dtype]string{
		Q2_K: "b90b32055d56adaaa9dfc4ccaf6947bdd607d33233146564df0fcfe2bf95814f",
		Q3_K: "67771beacf981885305706eff2bd3562d0012d66d95cff712d2aded544a25a51",
		Q4_0: "1d3e7d2f67f13622908e6154624441b365892c419bbce51ab210c593f4c36389",
		Q4_1: "c6981d9f242d0190d20e0a562758c2a60df9279114d7f5a44df69563261e114b",
		Q5_0: "43b315525fe0cf62db252dab78a09bc99861e15361eafc63000434fe880396e7",
		Q5_1: "2bb2310775d6bd0bf10cbff7cb7e8c323af1ec254c91787781062d5c3afcb821",
		Q8_0: "dee6a862cc544170a85072a8b57154eebfd5f15b383719372df9b45f6b71c48e",
		Q4_K: "27f15216888d396534b7004363edafd109d60c20d5f7c8d1bb7097b59e71117f",
		Q5_K: "a6eeb2c40ab1b74ed82a45f5ebc34b3c803424066c4d24b30bac0987f374cba0",
		Q6_K: "96348e65cd692a200fc5343e9288562a6297ee60330afeb5cd96bd326d0d5802",
	} {
		b, err := Quantise(nil, d, bellValues(4096))
		if err != nil {
			t.Fatal(err)
		}
		if got := sha256.Sum256(b); hex.EncodeToString(got[:]) != want {
			t.Errorf("%v: %x, want %s", d, got, want)
		}
	}
}

// TestQuantiseError: there and back, each format errs by what its bits allow.
func TestQuantiseError(t *testing.T) {
	x := bellValues(1 << 14)
	var power float64
	for _, v := range x {
		power += float64(v) * float64(v)
	}
	for _, c := range []struct {
		d     Dtype
		limit float64 // relative root mean square error
	}{{Q2_K, 0.40}, {Q3_K, 0.20}, {Q4_0, 0.12}, {Q4_1, 0.10}, {Q4_K, 0.09}, {Q5_0, 0.06}, {Q5_1, 0.05}, {Q5_K, 0.05}, {Q6_K, 0.03}, {Q8_0, 0.008}, {BF16, 0.003}, {F16, 0.0003}, {F32, 0}, {F64, 0}} {
		b, err := Quantise(nil, c.d, x)
		if err != nil {
			t.Fatal(err)
		}
		var sum float64
		for i, v := range Decode(nil, b, c.d) {
			sum += float64(v-x[i]) * float64(v-x[i])
		}
		got := math.Sqrt(sum / power)
		if got > c.limit || got < c.limit/3 {
			t.Errorf("%v errs by %.4f, limit %.4f", c.d, got, c.limit)
		}
	}
}

// TestQuantiseEdges: zeros stay zeros, constants and outliers stay finite.
func TestQuantiseEdges(t *testing.T) {
	for d := Q4_0; d <= Q6_K; d++ {
		for name, fill := range map[string]func(i int) float32{
			"zeros":    func(int) float32 { return 0 },
			"constant": func(int) float32 { return -0.25 },
			"outlier": func(i int) float32 {
				if i == 7 {
					return 1000
				}
				return float32(i%5) * 1e-3
			},
			"tiny": func(i int) float32 { return float32(i) * 1e-40 },
		} {
			x := make([]float32, superBlock)
			for i := range x {
				x[i] = fill(i)
			}
			b, err := Quantise(nil, d, x)
			if err != nil {
				t.Fatal(err)
			}
			top, _ := extreme(x)
			for i, v := range Decode(nil, b, d) {
				// 1e-6: what is below the range of an F16 scale is 0.
				if !(math.Abs(float64(v-x[i])) <= 0.3*math.Abs(float64(top))+1e-6) {
					t.Fatalf("%v, %s: element %d is %v, was %v", d, name, i, v, x[i])
				}
			}
		}
		x := make([]float32, superBlock)
		x[3] = float32(math.NaN())
		if _, err := Quantise(nil, d, x); !errors.Is(err, ErrTensor) {
			t.Errorf("%v of NaN: %v", d, err)
		}
		if _, err := Quantise(nil, d, x[:31]); !errors.Is(err, ErrTensor) {
			t.Errorf("%v of half a block: %v", d, err)
		}
	}
	if _, err := Quantise(nil, I8, make([]float32, 32)); !errors.Is(err, ErrTensor) {
		t.Errorf("I8: %v", err)
	}
}

// TestRounding: to F16 and BF16, to nearest even, against a search.
func TestRounding(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 0))
	for range 200000 {
		f := math.Float32frombits(r.Uint32())
		if r.IntN(2) == 0 { // in the range of F16
			f = float32(math.Ldexp(r.Float64()-0.5, r.IntN(44)-26))
		}
		for _, c := range []struct {
			m    minifloat
			bits uint64
		}{{formatF16, uint64(toHalf(f))}, {formatBF16, uint64(toBrain(f))}} {
			got := c.m.decode(c.bits)
			if f != f {
				if got == got {
					t.Fatalf("%v becomes %v", f, got)
				}
				continue
			}
			// No neighbour is nearer, and of two as near the even one was taken.
			for _, n := range []uint64{c.bits - 1, c.bits + 1} {
				other := c.m.decode(n)
				if other != other || math.IsInf(other, 0) || math.IsInf(got, 0) {
					continue
				}
				a, b := math.Abs(got-float64(f)), math.Abs(other-float64(f))
				if b < a && n>>15 == c.bits>>15 || b == a && c.bits&1 == 1 {
					t.Fatalf("%v becomes %x (%v), not %x (%v)", f, c.bits, got, n, other)
				}
			}
		}
	}
	for f, want := range map[float32]uint16{65519: 0x7bff, 65520: 0x7c00, 5.9604645e-08: 1, 2.9802322e-08: 0, 2.9802326e-08: 1, -1: 0xbc00} {
		if got := toHalf(f); got != want {
			t.Errorf("%v: %04x, want %04x", f, got, want)
		}
	}
}
