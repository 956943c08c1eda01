package fingerprint

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/zeebo/blake3"
)

// compressBlake3 is the compression function of BLAKE3 as its paper states it:
// the first half of the output.
func compressBlake3(cv [8]uint32, block []byte, counter uint64, flags uint32) [8]uint32 {
	var m [16]uint32
	for i := range m {
		m[i] = binary.LittleEndian.Uint32(append(slices.Clone(block), make([]byte, 64-len(block))...)[4*i:])
	}
	iv := blake3IV
	v := [16]uint32{
		cv[0], cv[1], cv[2], cv[3], cv[4], cv[5], cv[6], cv[7],
		iv[0], iv[1], iv[2], iv[3], uint32(counter), uint32(counter >> 32), uint32(len(block)), flags,
	}
	mix := func(a, b, c, d int, x, y uint32) {
		v[a] += v[b] + x
		v[d] = bits.RotateLeft32(v[d]^v[a], -16)
		v[c] += v[d]
		v[b] = bits.RotateLeft32(v[b]^v[c], -12)
		v[a] += v[b] + y
		v[d] = bits.RotateLeft32(v[d]^v[a], -8)
		v[c] += v[d]
		v[b] = bits.RotateLeft32(v[b]^v[c], -7)
	}
	for range 7 {
		for i := range 4 {
			mix(i, 4+i, 8+i, 12+i, m[2*i], m[2*i+1])
		}
		for i := range 4 {
			mix(i, 4+(i+1)%4, 8+(i+2)%4, 12+(i+3)%4, m[8+2*i], m[9+2*i])
		}
		old := m
		for i, p := range [16]int{2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8} {
			m[i] = old[p]
		}
	}
	for i := range cv {
		cv[i] = v[i] ^ v[i+8]
	}
	return cv
}

var blake3IV = [8]uint32{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}

// treeBlake3 is the chaining value of data from that chunk on.
func treeBlake3(key [8]uint32, data []byte, chunk uint64, flags uint32) [8]uint32 {
	const start, end, parent, root, size = 1, 2, 4, 8, 1024
	if len(data) <= size {
		cv, mark := key, uint32(start)
		for len(data) > 64 {
			cv = compressBlake3(cv, data[:64], chunk, flags&^root|mark)
			data, mark = data[64:], 0
		}
		return compressBlake3(cv, data, chunk, flags|mark|end)
	}
	left := size << (bits.Len(uint(len(data)-1)/size) - 1)
	block := wordsBlake3(treeBlake3(key, data[:left], chunk, flags&^root))
	block = append(block, wordsBlake3(treeBlake3(key, data[left:], chunk+uint64(left/size), flags&^root))...)
	return compressBlake3(key, block, 0, flags|parent)
}

func wordsBlake3(cv [8]uint32) []byte {
	var b []byte
	for _, w := range cv {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

// plainLeaf is a leaf's hash in the plainest way.
func plainLeaf(data []byte) []byte {
	const root, context, material = 8, 32, 64
	key := treeBlake3(blake3IV, []byte(leafContext), 0, context|root)
	return wordsBlake3(treeBlake3(key, data, 0, material|root))
}

// TestLeafHash holds the hash to a second, plain implementation: the first is
// in assembly on some processors, and in Go on others.
func TestLeafHash(t *testing.T) {
	t.Attr("invariant", "F1")
	h := newLeafHasher()
	r := rand.NewChaCha8([32]byte{1})
	for _, n := range []int{1, 63, 64, 65, 1023, 1024, 1025, 2048, 8191, 8192, 8193, 3 * 8192, 65536, 65537, 100_000, leafElements} {
		data := make([]byte, n)
		r.Read(data)
		got, _, _, ok := h.digest(data, U8, classU8, 0)
		if !ok || !bytes.Equal(got[:], plainLeaf(data)) {
			t.Errorf("%d bytes: %x", n, got)
		}
	}
}

func FuzzLeafHash(f *testing.F) {
	f.Add([]byte("x"), uint16(3), uint16(0))
	f.Add([]byte("0123456789"), uint16(2000), uint16(8192))
	f.Fuzz(func(t *testing.T, data []byte, times, cut uint16) {
		data = bytes.Repeat(data[:min(len(data), 64)], int(times)%2048)
		h := blake3.NewDeriveKey(leafContext)
		at := min(int(cut), len(data))
		h.Write(data[:at])
		h.Write(data[at:])
		if !bytes.Equal(h.Sum(nil), plainLeaf(data)) {
			t.Errorf("%d bytes, cut at %d", len(data), at)
		}
	})
}

// TestLeafPieces: neighbours across the border of two pieces count.
func TestLeafPieces(t *testing.T) {
	h := newLeafHasher()
	for _, d := range []Dtype{U8, U16, U32, U64} {
		c := map[Dtype]class{U8: classU8, U16: classU16, U32: classU32, U64: classU64}[d]
		data := make([]byte, 3*pieceElements*d.Size())
		for i := pieceElements * d.Size(); i < len(data); i += d.Size() {
			data[i] = 1
		}
		for i := 2*pieceElements*d.Size() + 9*d.Size(); i < len(data); i += d.Size() {
			data[i] = 2
		}
		for limit, want := range map[uint64]uint64{0: 0, 1: 1, 2: 2, 9: 2} {
			if _, diffs, _, ok := h.digest(data, d, c, limit); !ok || diffs != want {
				t.Errorf("%v: %d neighbours differ, up to %d, want %d", d, diffs, limit, want)
			}
		}
	}
}

// TestPlainQ4K: the short way arrives at the bytes of the long one, signed
// zeros, infinities and NaNs included.
func TestPlainQ4K(t *testing.T) {
	t.Attr("invariant", "F5")
	r := rand.NewChaCha8([32]byte{2})
	src := make([]byte, 144*512)
	r.Read(src)
	for i := 0; i < len(src); i += 144 * 7 { // −0 of scale and minimum
		copy(src[i:], []byte{0, 0x80, 0, 0})
	}
	for i := 144; i < len(src); i += 144 * 7 {
		copy(src[i:], []byte{0, 0x7c, 0, byte(i) & 0x7c}) // infinite, and less itself NaN
	}
	want := float32s(nil, Decode(nil, src, Q4_K))
	lanesOf(formatF32, 4).canonical(want)
	if !bytes.Equal(plainQ4K(nil, src), want) {
		t.Error("other bytes")
	}
}
