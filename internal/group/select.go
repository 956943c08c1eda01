package group

import "crypto/subtle"

// SelectScalar returns a if bit is 1 and b if bit is 0, without a branch or an
// index that depends on bit. Any other bit is a bug of the caller.
func SelectScalar(bit int, a, b *Scalar) *Scalar {
	return b.Add(ScalarFromUint64(uint64(bit)).Mul(a.Sub(b)))
}

// LookupScalar returns list[index], reading every member alike: neither a
// branch nor an address depends on index. It panics unless 0 ≤ index < len(list).
func LookupScalar(list []*Scalar, index int) *Scalar {
	out := ScalarFromUint64(0)
	found := 0
	for i := range list {
		bit := subtle.ConstantTimeEq(int32(i), int32(index))
		out = SelectScalar(bit, list[i], out)
		found |= bit
	}
	if found == 0 {
		panic("group: index out of range")
	}
	return out
}

// LookupBytes copies list[index] into out, reading every member alike: neither a
// branch nor an address depends on index. All members have out's length. It
// panics unless 0 ≤ index < len(list).
func LookupBytes(out []byte, list [][]byte, index int) {
	found := 0
	for i := range list {
		bit := subtle.ConstantTimeEq(int32(i), int32(index))
		subtle.ConstantTimeCopy(bit, out, list[i])
		found |= bit
	}
	if found == 0 {
		panic("group: index out of range")
	}
}
