package main

import (
	"encoding/binary"
	"math/bits"
)

// compress is BLAKE3 over at most one block of 64 bytes from the chaining value
// cv on: what its paper calls the compression function, first half of the output.
func compress(cv [8]uint32, block []byte, flags uint32) [8]uint32 {
	iv := blakeIV()
	v := [16]uint32{8: iv[0], iv[1], iv[2], iv[3], 0, 0, uint32(len(block)), flags}
	copy(v[:8], cv[:])
	var m [16]uint32
	padded := append(append([]byte(nil), block...), make([]byte, 64-len(block))...)
	for i := range m {
		m[i] = binary.LittleEndian.Uint32(padded[4*i:])
	}
	quarter := func(a, b, c, d int, x, y uint32) {
		for _, s := range []struct {
			word uint32
			d, b int
		}{{x, 16, 12}, {y, 8, 7}} {
			v[a] += v[b] + s.word
			v[d] = bits.RotateLeft32(v[d]^v[a], -s.d)
			v[c] += v[d]
			v[b] = bits.RotateLeft32(v[b]^v[c], -s.b)
		}
	}
	for range 7 {
		for i := range 8 {
			turn := i / 4
			quarter(i%4, 4+(i+turn)%4, 8+(i+2*turn)%4, 12+(i+3*turn)%4, m[2*i], m[2*i+1])
		}
		old := m
		for i, p := range []int{2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8} {
			m[i] = old[p]
		}
	}
	for i := range cv {
		cv[i] = v[i] ^ v[i+8]
	}
	return cv
}

func blakeIV() [8]uint32 {
	return [8]uint32{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}
}

// derived is BLAKE3's key derivation over at most 64 bytes each of context and material.
func derived(context string, material []byte) string {
	const chunk, root, ofContext, ofMaterial = 1 | 2, 8, 32, 64
	key := compress(blakeIV(), []byte(context), chunk|root|ofContext)
	var out []byte
	for _, w := range compress(key, material, chunk|root|ofMaterial) {
		out = binary.LittleEndian.AppendUint32(out, w)
	}
	return string(out)
}
