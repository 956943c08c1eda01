package fingerprint

import "math"

// permuter is the sketch that no permutation of rows changes: sums over the
// rows of products of two signed sums of columns. The product of two buckets
// is a quarter of the difference of two squares of joined ones, so each bit is
// the sign of a difference of two sums of squares over equally many columns.
type permuter struct {
	order []int32      // used columns, bucket by bucket, every second one subtracted
	whole []int32      // the row at hand, as integers
	sums  [pairs]int64 // over the rows
	cross int64        // of a product that is no bit
	power [2]int64     // of the squares of its factors
}

// used returns which columns of a row are read: as many as fill the buckets
// evenly, from a short row's first or a long one's middle on. More would cost
// more, and tell no more: what changes a bit is noise per signal.
func used(cols uint64) (start uint64, n int) {
	return maxUsed * (cols / (2 * maxUsed)), int(min(cols, maxUsed)) / (2 * buckets) * (2 * buckets)
}

// newPermuter deals used columns into buckets of equally many, half of each
// subtracted: a Fisher-Yates shuffle, place i of which belongs to bucket
// i·buckets/used and is subtracted if i is odd.
func newPermuter(used int) *permuter {
	p := &permuter{order: make([]int32, used), whole: make([]int32, used)}
	for i := range p.order {
		p.order[i] = int32(i)
	}
	for i := used - 1; i > 0; i-- {
		j := mix(bandpSeed, uint64(i)) % uint64(i+1)
		p.order[i], p.order[j] = p.order[j], p.order[i]
	}
	return p
}

// rowScale is twice the mean magnitude of values, four sums at once, each of
// every fourth value; false if that is 0 or too far out.
func rowScale(values []float32) (float32, bool) {
	var s0, s1, s2, s3 float64
	for v := values; len(v) >= 4; v = v[4:] {
		a, b, c, d := abs(v[0]), abs(v[1]), abs(v[2]), abs(v[3])
		if a <= maxScale && b <= maxScale && c <= maxScale && d <= maxScale {
			s0, s1, s2, s3 = s0+float64(a), s1+float64(b), s2+float64(c), s3+float64(d)
			continue
		}
		s0, s1, s2, s3 = s0+counted(a), s1+counted(b), s2+counted(c), s3+counted(d)
	}
	scale := float32(((s0 + s1) + (s2 + s3)) / float64(len(values)))
	return 2 * scale, scale >= minScale && scale <= maxScale
}

// counted is a magnitude that counts, or 0 for what is too large or NaN.
func counted(a float32) float64 {
	if a <= maxScale {
		return float64(a)
	}
	return 0
}

// add takes one row's used columns, in order. The row's own scale, the mean of
// its magnitudes, makes all rows count alike. A row of zeros counts nothing.
func (p *permuter) add(values []float32) {
	scale, ok := rowScale(values)
	if !ok {
		return
	}
	q := newQuantiser(scale)
	for i, v := range values {
		p.whole[i] = q.of(v)
	}
	// The first 63 of them twice, so that a round's pairs run without wrapping.
	var twice [2*buckets - 2]int64
	var last int64
	each := len(p.order) / buckets
	for k := range buckets {
		var sum int64
		for o := p.order[k*each : (k+1)*each]; len(o) >= 2; o = o[2:] {
			sum += int64(p.whole[o[0]] - p.whole[o[1]])
		}
		if k == buckets-1 {
			last = sum
			break
		}
		twice[k], twice[k+buckets-1] = sum, sum
	}
	p.cross += last * twice[rankRound]
	p.power[0] += last * last
	p.power[1] += twice[rankRound] * twice[rankRound]
	for round := range pairs / (buckets / 2) {
		sums := (*[buckets / 2]int64)(p.sums[round*(buckets/2):])
		up := (*[buckets / 2]int64)(twice[round:])
		down := (*[buckets / 2]int64)(twice[round+buckets/2:])
		sums[0] += last * up[0]
		for k := 1; k < buckets/2; k++ {
			sums[k] += up[k] * down[buckets/2-1-k]
		}
	}
}

// merge adds what another saw of other rows of the same tensor.
func (p *permuter) merge(o *permuter) {
	for i := range p.sums {
		p.sums[i] += o.sums[i]
	}
	p.cross += o.cross
	p.power[0] += o.power[0]
	p.power[1] += o.power[1]
}

// finish returns the bits and the rank; ok is false if there is nothing to
// compare.
func (p *permuter) finish() (bits []byte, rank uint64, ok bool) {
	bits = make([]byte, sketchBytes)
	for i, s := range p.sums {
		if s > 0 {
			bitset(bits, i)
		}
		ok = ok || s != 0
	}
	if p.power[0] > 0 && p.power[1] > 0 {
		c := float64(p.cross)
		rank = uint64(math.Ldexp(min(float64(c*c)/float64(float64(p.power[0])*float64(p.power[1])), 1), rankBits))
	}
	return bits, rank, ok
}
