package fingerprint

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// blockHalves are the places of the F16 fields of a block.
func blockHalves(d Dtype) []int {
	switch d {
	case Q4_1, Q5_1, Q4_K, Q5_K:
		return []int{0, 2}
	case Q2_K:
		return []int{80, 82}
	case Q3_K:
		return []int{108}
	case Q6_K:
		return []int{208}
	}
	return []int{0}
}

// randomBlocks returns n blocks of pseudo-random bytes whose F16 fields are
// finite, the same as testdata/blocks.py makes.
func randomBlocks(d Dtype, n int) []byte {
	_, size := d.Block()
	b := make([]byte, n*size)
	x := uint64(1)
	for i := range b {
		x = x*6364136223846793005 + 1442695040888963407
		b[i] = byte(x >> 56)
	}
	for i := range n {
		for _, h := range blockHalves(d) {
			b[i*size+h+1] &= 0xbf
		}
	}
	return b
}

// TestDequantise holds every block format against an independent
// implementation in another language: testdata/blocks.py prints these digests.
func TestDequantise(t *testing.T) {
	t.Attr("invariant", "F5")
	for d, want := range map[Dtype]string{
		Q4_0: "3ef0d3296ae54113061ecd2cae8ad3ddd595e579f4f277ed6a4660aa59abc01c",
		Q4_1: "f34a5564c784eef48bb41aa68e5ba682b96bb2f73661a9884b12517feb5ec6d2",
		Q5_0: "585c5362b83eb1ef9dea26a9b9be47ccbf7fb8ebe75f1b7017806dd8feeebce0",
		Q5_1: "8dba97118adf451be27f9af552af90d7343c11e7a489c186c3f065878c21d671",
		Q8_0: "bc0f260c3cbd7e4ee81c277dae87137f2bb37e5ce85d8e3cd740a49f542675c0",
		Q2_K: "1134c9fc72a3e7679b2b9367a71cf65bd0936c2f92142c05fa69341c31fd3aa2",
		Q3_K: "a86b71614a8603c6b5af2f190c047b5ccbbb10bbd31116971111911744ba61e3",
		Q4_K: "b8c8e2dffaacfaf94f038fa46dc113faab1b0aabfa40e4636fd131721434ceff",
		Q5_K: "bce88929e67abac5225dd19a317948a6bcf3dc62af121c9abfae74ee6b618b9d",
		Q6_K: "1ff818bdce2c14125b7b1dbc9e26fcfb926ab86a9b341cc20c6d68d6489f3a68",
	} {
		got := sha256.Sum256(float32s(nil, Decode(nil, randomBlocks(d, 64), d)))
		if hex.EncodeToString(got[:]) != want {
			t.Errorf("%v: %x, want %s", d, got, want)
		}
	}
}

// TestDequantiseByHand: blocks small enough to be read.
func TestDequantiseByHand(t *testing.T) {
	t.Attr("invariant", "F5")
	for _, c := range []struct {
		name  string
		d     Dtype
		fill  func(b []byte)
		place int
		want  float32
	}{
		{"Q4_0: low nibble of byte 3 is element 3", Q4_0, func(b []byte) { b[1], b[2+3] = 0x3c, 0x0f }, 3, 7},
		{"Q4_0: high nibble of byte 3 is element 19", Q4_0, func(b []byte) { b[1], b[2+3] = 0x3c, 0xf0 }, 19, 7},
		{"Q4_0: nibble 0 is −8", Q4_0, func(b []byte) { b[1] = 0x40 }, 0, -16},
		{"Q4_1: minimum", Q4_1, func(b []byte) { b[1], b[3], b[4] = 0x3c, 0x40, 0x05 }, 0, 7},
		{"Q5_0: fifth bit", Q5_0, func(b []byte) { b[1], b[2+2] = 0x3c, 1 }, 16, 0},
		{"Q5_1: fifth bit", Q5_1, func(b []byte) { b[1], b[4] = 0x3c, 1<<7 }, 7, 16},
		{"Q8_0: signed", Q8_0, func(b []byte) { b[1], b[2+31] = 0x3c, 0x80 }, 31, -128},
		{"Q2_K: scale less minimum", Q2_K, func(b []byte) { b[0], b[16], b[81], b[83] = 0x21, 3, 0x3c, 0x3c }, 0, 3 - 2},
		{"Q3_K: third bit unset", Q3_K, func(b []byte) { b[96], b[104], b[109] = 1, 2, 0x3c }, 0, -4},
		{"Q3_K: third bit set", Q3_K, func(b []byte) { b[0], b[32], b[96], b[104], b[109] = 1, 3, 1, 2, 0x3c }, 0, 3},
		{"Q4_K: sixth bits of scale 4", Q4_K, func(b []byte) { b[1], b[4], b[16+64] = 0x3c, 0xc0, 1 }, 128, 48},
		{"Q4_K: minimum of group 0", Q4_K, func(b []byte) { b[3], b[8] = 0x3c, 63 }, 31, -63},
		{"Q5_K: fifth bit of group 7", Q5_K, func(b []byte) { b[1], b[15], b[16] = 0x3c, 1, 1<<7 }, 224, 16},
		{"Q6_K: signed scale", Q6_K, func(b []byte) { b[0], b[192], b[209] = 1, 0xff, 0x3c }, 0, 31},
	} {
		_, size := c.d.Block()
		b := make([]byte, size)
		c.fill(b)
		if got := Decode(nil, b, c.d)[c.place]; got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestHalf: every F16 is the number that the slow decoder says.
func TestHalf(t *testing.T) {
	for h := range uint32(1 << 16) {
		got := half([]byte{byte(h), byte(h >> 8)})
		want := formatF16.decode(uint64(h))
		if float64(got) != want && (got == got || want == want) || got == 0 && math.Signbit(float64(got)) != (h>>15 == 1) {
			t.Fatalf("%04x: %v, want %v", h, got, want)
		}
	}
}

// TestDecode: every plain format's elements as float32.
func TestDecode(t *testing.T) {
	for d := BOOL; d <= F64; d++ {
		src := make([]byte, 64*d.Size())
		r := rand.New(rand.NewPCG(uint64(d), 0))
		for i := range src {
			src[i] = byte(r.Uint32())
		}
		want := make([]float32, 64)
		for i := range want {
			v := d.number(d.bits(src, i))
			want[i] = float32(v.f)
			switch {
			case v.wide && v.neg:
				want[i] = float32(int64(-v.mag))
			case v.wide:
				want[i] = float32(v.mag)
			}
		}
		same := cmp.Comparer(func(a, b float32) bool { return a == b || a != a && b != b })
		if diff := cmp.Diff(want, Decode(nil, src, d), same); diff != "" {
			t.Errorf("%v: %s", d, diff)
		}
	}
	wide := binary.LittleEndian.AppendUint64(nil, 1<<63)
	if got := Decode(nil, wide, I64)[0]; got != -1<<63 {
		t.Errorf("I64: %v", got)
	}
	if got := Decode(nil, wide, U64)[0]; got != 1<<63 {
		t.Errorf("U64: %v", got)
	}
}
