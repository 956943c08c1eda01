package group

import (
	"crypto/sha512"
	"crypto/subtle"
	"fmt"

	"github.com/gtank/ristretto255"
)

// ExpandMessage is expand_message_xmd with SHA-512 (RFC 9380, section 5.3.1): n
// bytes that look uniform, from the concatenation of parts, under a domain tag
// of 1 to 255 bytes. Whoever calls it makes the concatenation unambiguous. The
// error is ErrLength, for a tag or an n out of range.
func ExpandMessage(n int, tag Tag, parts ...[]byte) ([]byte, error) {
	// 2. ABORT if ell > 255 or len_in_bytes > 65535 or len(DST) > 255
	if n < 1 || n > maxExpand {
		return nil, fmt.Errorf("expand to %d bytes: %w", n, ErrLength)
	}
	// Section 3.1: tags MUST have nonzero length.
	if len(tag) < 1 || len(tag) > maxTag {
		return nil, fmt.Errorf("expand with a tag of %d bytes: %w", len(tag), ErrLength)
	}
	// DST_prime = DST || I2OSP(len(DST), 1)
	dst := append([]byte(tag), byte(len(tag)))

	// b_0 = H(Z_pad || msg || I2OSP(len_in_bytes, 2) || I2OSP(0, 1) || DST_prime)
	h := sha512.New()
	var zPad [sha512.BlockSize]byte
	h.Write(zPad[:])
	for _, p := range parts {
		h.Write(p)
	}
	h.Write([]byte{byte(n >> 8), byte(n), 0})
	h.Write(dst)
	var b0, bi [sha512.Size]byte
	h.Sum(b0[:0])

	// b_i = H(strxor(b_0, b_(i-1)) || I2OSP(i, 1) || DST_prime), where b_0 stands
	// alone in the first.
	out := make([]byte, 0, n)
	for i := 1; len(out) < n; i++ {
		subtle.XORBytes(bi[:], bi[:], b0[:])
		h.Reset()
		h.Write(bi[:])
		h.Write([]byte{byte(i)})
		h.Write(dst)
		h.Sum(bi[:0])
		out = append(out, bi[:min(len(bi), n-len(out))]...)
	}
	return out, nil
}

// uniform is ExpandMessage to 64 bytes, under a tag of tags.go, which a test
// holds to the bounds.
func uniform(tag Tag, parts [][]byte) []byte {
	b, err := ExpandMessage(UniformSize, tag, parts...)
	if err != nil {
		panic("group: GA6: " + err.Error())
	}
	return b
}

// HashToGroup maps the concatenation of parts to an element whose discrete
// logarithm nobody knows: expand_message_xmd, then the map of RFC 9496, section
// 4.3.4, as RFC 9497, section 4.1, has it. Constant time but for the lengths.
func HashToGroup(tag Tag, parts ...[]byte) *Element {
	out := &Element{set: true}
	out.r.Set(ristretto255.NewIdentityElement())
	if _, err := out.r.SetUniformBytes(uniform(tag, parts)); err != nil {
		panic("group: " + err.Error())
	}
	return out
}

// HashToScalar maps the concatenation of parts to a scalar: expand_message_xmd
// to 64 bytes, little-endian, modulo the order (RFC 9497, section 4.1).
func HashToScalar(tag Tag, parts ...[]byte) *Scalar {
	s, err := ScalarFromUniform(uniform(tag, parts))
	if err != nil {
		panic("group: " + err.Error())
	}
	return s
}
