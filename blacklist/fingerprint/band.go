package fingerprint

import "math"

// bander is the plain sketch of one tensor: signed sums of its elements in
// accumulators, the element's place deciding which. Blocks come in any order
// and may be merged.
type bander struct {
	sums  [accumulators]int64 // signed sums of the elements
	ones  [accumulators]int64 // signed sums of a tensor of ones
	total int64
	n     int64
}

// add takes block b of the tensor: at most accumulators elements from the
// place b·accumulators on. Element j is added to or subtracted from sum j, as
// bit j%64 of word j/64 of the block's stream says.
func (s *bander) add(b uint64, values []float32, q quantiser) {
	for w := 0; w*64 < len(values); w++ {
		signs := mix(bandSeed, b*(accumulators/64)+uint64(w))
		v := values[w*64 : min(len(values), w*64+64)]
		sums, ones := s.sums[w*64:w*64+len(v)], s.ones[w*64:w*64+len(v)]
		for j, x := range v {
			i := int64(q.of(x))
			s.total += i
			m := -int64(signs & 1)
			signs >>= 1
			sums[j] += i ^ m - m
			ones[j] += 1 ^ m - m
		}
	}
	s.n += int64(len(values))
}

// merge adds what another saw of the same tensor.
func (s *bander) merge(o *bander) {
	for i := range s.sums {
		s.sums[i] += o.sums[i]
		s.ones[i] += o.ones[i]
	}
	s.total += o.total
	s.n += o.n
}

// finish returns the bits and the rank. The mean is taken out first: what all
// tensors of a format share, such as the zero point of unsigned codes, is no
// likeness. Then every bit is the sign of a ±1 combination of all sums, by the
// Walsh-Hadamard transform. ok is false for a tensor that is its mean.
func (s *bander) finish() (bits []byte, rank uint64, ok bool) {
	var x [accumulators]int64
	var energy float64
	for i := range x {
		x[i] = s.sums[i]*s.n - s.ones[i]*s.total
		// Rounded one by one: a fused product would differ between machines.
		energy += float64(float64(x[i]) * float64(x[i]))
	}
	if energy == 0 {
		return nil, 0, false
	}
	hadamard(x[:])
	bits = make([]byte, sketchBytes)
	for i := range 8 * sketchBytes {
		if x[i*bandStride%accumulators] > 0 {
			bitset(bits, i)
		}
	}
	r := float64(x[rankOutput])
	share := float64(r*r) / float64(energy*accumulators)
	return bits, uint64(math.Ldexp(min(share, 1), rankBits)), true
}

// hadamard is the Walsh-Hadamard transform in natural order, in place: entry h
// becomes the sum of all entries j, negated where h&j has an odd number of ones.
func hadamard(x []int64) {
	for h := 1; h < len(x); h *= 2 {
		for i := 0; i < len(x); i += 2 * h {
			a, b := x[i:i+h], x[i+h:i+2*h]
			for j := range a {
				a[j], b[j] = a[j]+b[j], a[j]-b[j]
			}
		}
	}
}
