package fingerprint

import "math"

// permuter is the sketch that no permutation of rows changes: sums over the
// rows of products of two signed sums of columns. The product of two buckets
// is a quarter of the difference of two squares of joined ones, so each bit is
// the sign of a difference of two sums of squares over equally many columns.
type permuter struct {
	cols  int            // columns used
	place []int32        // by used column: 2·bucket, plus 1 if subtracted
	sums  [pairs]int64   // over the rows
	cross int64          // of a product that is no bit
	power [2]int64       // of the squares of its factors
	row   [buckets]int64 // of the row at hand
}

// runs returns where the used columns of a row lie: all that fill buckets
// evenly, or four runs of a quarter of maxUsed each, spread over a long row.
func runs(cols uint64) (starts []uint64, length int) {
	if cols < maxUsed {
		return []uint64{0}, int(cols) / (2 * buckets) * (2 * buckets)
	}
	for i := range uint64(4) {
		starts = append(starts, i*cols/maxUsed*(maxUsed/4))
	}
	return starts, maxUsed / 4
}

// newPermuter deals used columns into buckets of equally many, half of each
// subtracted: a Fisher-Yates shuffle, place i of which belongs to bucket
// i·buckets/used and is subtracted if i is odd.
func newPermuter(used int) *permuter {
	p := &permuter{cols: used, place: make([]int32, used)}
	order := make([]int, used)
	for i := range order {
		order[i] = i
	}
	for i := used - 1; i > 0; i-- {
		j := mix(bandpSeed, uint64(i)) % uint64(i+1)
		order[i], order[j] = order[j], order[i]
	}
	for i, col := range order {
		p.place[col] = int32(i*buckets/used<<1 | i&1)
	}
	return p
}

// add takes one row's used columns, in order. The row's own scale, the mean of
// its magnitudes, makes all rows count alike. A row of zeros counts nothing.
func (p *permuter) add(values []float32) {
	var size float64
	for _, v := range values {
		if a := abs(v); a <= maxScale {
			size += float64(a)
		}
	}
	scale := float32(size / float64(p.cols))
	if !(scale >= minScale && scale <= maxScale) {
		return
	}
	q := newQuantiser(2 * scale)
	clear(p.row[:])
	for i, v := range values {
		at := p.place[i]
		m := -int64(at & 1)
		p.row[at>>1] += int64(q.of(v)) ^ m - m
	}
	a, b := p.row[buckets-1], p.row[rankRound]
	p.cross += a * b
	p.power[0] += a * a
	p.power[1] += b * b
	i := 0
	for round := range pairs / (buckets / 2) {
		p.sums[i] += p.row[buckets-1] * p.row[round]
		i++
		for k := 1; k < buckets/2; k++ {
			a, b := round+k, round-k
			if a >= buckets-1 {
				a -= buckets - 1
			}
			if b < 0 {
				b += buckets - 1
			}
			p.sums[i] += p.row[a&(buckets-1)] * p.row[b&(buckets-1)]
			i++
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
