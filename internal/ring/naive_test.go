package ring

import (
	"crypto/sha512"
	"encoding/binary"
	"math/big"

	"github.com/gtank/ristretto255"
)

// naiveVerify is a second verifier, written from the definition and the RFCs
// alone, over the library's single operations and math/big: it shares no line
// with the package, neither the hash nor its expansion nor its tags.
func naiveVerify(keys [][]byte, message, sig []byte) bool {
	n := len(keys)
	if len(sig) != 32+32*n {
		return false
	}
	var all []byte
	for _, k := range keys {
		all = append(all, k...)
	}
	ringHash := naiveExpand("haltlog/v1/ring-hash", append(binary.BigEndian.AppendUint32(nil, uint32(n)), all...), 32)
	var m []byte
	m = append(m, ringHash...)
	m = binary.BigEndian.AppendUint64(m, uint64(len(message)))
	m = append(m, message...)
	digest := naiveExpand("haltlog/v1/ring-message", m, 64)

	c := ristretto255.NewScalar()
	if _, err := c.SetCanonicalBytes(sig[:32]); err != nil {
		return false
	}
	for j := range n {
		s := ristretto255.NewScalar()
		if _, err := s.SetCanonicalBytes(sig[32+32*j:][:32]); err != nil {
			return false
		}
		p := ristretto255.NewIdentityElement()
		if _, err := p.SetCanonicalBytes(keys[j]); err != nil {
			return false
		}
		left := ristretto255.NewIdentityElement().ScalarMult(s, ristretto255.NewGeneratorElement())
		right := ristretto255.NewIdentityElement().ScalarMult(c, p)
		sum := ristretto255.NewIdentityElement().Add(left, right)

		next := binary.BigEndian.AppendUint32(append([]byte(nil), digest...), uint32((j+1)%n))
		wide := naiveExpand("haltlog/v1/ring-challenge", append(next, sum.Bytes()...), 64)
		c = naiveReduce(wide)
	}
	var first [32]byte
	copy(first[:], sig)
	return string(c.Bytes()) == string(first[:])
}

func naiveReduce(wide []byte) *ristretto255.Scalar {
	le := append([]byte(nil), wide...)
	reverse(le)
	order, _ := new(big.Int).SetString("1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed", 16)
	v := new(big.Int).Mod(new(big.Int).SetBytes(le), order).FillBytes(make([]byte, 32))
	reverse(v)
	s := ristretto255.NewScalar()
	if _, err := s.SetCanonicalBytes(v); err != nil {
		panic(err)
	}
	return s
}

// naiveExpand is expand_message_xmd for n ≤ 64: two hashes.
func naiveExpand(tag string, message []byte, n int) []byte {
	dst := tag + string([]byte{byte(len(tag))})
	in := make([]byte, 128)
	in = append(in, message...)
	in = append(in, 0, byte(n), 0)
	b0 := sha512.Sum512(append(in, dst...))
	b1 := sha512.Sum512(append(append(b0[:], 1), dst...))
	return b1[:n]
}
