package fingerprint

import "math"

// tiny is the magnitude under which a group counts as zero (GROUP_MAX_EPS).
const tiny = 1e-15

// nearest rounds to the nearest integer, ties to even, for magnitudes below
// 2^22: the sum pushes the fraction out of the significand.
func nearest(f float32) int {
	return int(math.Float32bits(f+12582912)&0x7fffff) - 0x400000
}

func clamp(n, lo, hi int) int { return max(lo, min(hi, n)) }

// fit is the search for scale and minimum that Q2_K, Q4_K and Q5_K share
// (make_qkx2_quants): starting from the range, steps scales around it are
// tried, each with the scale and minimum that fit its quants best by weighted
// least squares. The minimum that is returned is the one to subtract.
type fit struct {
	largest     int
	first, step float32
	steps       int
	absolute    bool // absolute error instead of squares
}

func (f fit) group(l []byte, x, weights []float32) (scale, minimum float32) {
	lo, hi := x[0], x[0]
	var sumW, sumX float32
	for i, v := range x {
		lo, hi = min(lo, v), max(hi, v)
		sumW += weights[i]
		sumX += float32(weights[i] * v)
	}
	lo = min(lo, 0)
	if hi == lo {
		clear(l)
		return 0, -lo
	}
	largest := float32(f.largest)
	iscale := largest / (hi - lo)
	scale = 1 / iscale
	aux := make([]byte, len(x))
	quants := func(dst []byte) {
		for i, v := range x {
			dst[i] = byte(clamp(nearest(float32(iscale*(v-lo))), 0, f.largest))
		}
	}
	quants(l)
	best := f.err(l, x, weights, scale, lo)
	// As in the reference, later steps start from the best minimum so far.
	for s := range f.steps + 1 {
		iscale = (float32(f.first+float32(f.step*float32(s))) + largest) / (hi - lo)
		var sumL, sumL2, sumXL float32
		quants(aux)
		for i, v := range x {
			w, q := weights[i], float32(aux[i])
			wl := float32(w * q)
			sumL += wl
			sumL2 += float32(wl * q)
			sumXL += float32(wl * v)
		}
		det := float32(sumW*sumL2) - float32(sumL*sumL)
		if !(det > 0) {
			continue
		}
		thisScale := (float32(sumW*sumXL) - float32(sumX*sumL)) / det
		thisMin := (float32(sumL2*sumX) - float32(sumL*sumXL)) / det
		if thisMin > 0 {
			thisMin, thisScale = 0, sumXL/sumL2
		}
		if e := f.err(aux, x, weights, thisScale, thisMin); e < best {
			copy(l, aux)
			best, scale, lo = e, thisScale, thisMin
		}
	}
	return scale, -lo
}

func (f fit) err(l []byte, x, weights []float32, scale, lo float32) float32 {
	var sum float32
	for i, v := range x {
		diff := float32(scale*float32(l[i])) + lo - v
		if f.absolute {
			diff = abs(diff)
		} else {
			diff = float32(diff * diff)
		}
		sum += float32(weights[i] * diff)
	}
	return sum
}

// symmetric is the search of Q6_K (make_qx_quants, weights x²): 19 scales
// around the one that maps the extreme to −largest. l gets q + largest.
func symmetric(l []int8, x []float32, largest int) float32 {
	top, magnitude := extreme(x)
	if magnitude < tiny {
		clear(l)
		return 0
	}
	sums := func(iscale float32) (lx, l2 float32) {
		for _, v := range x {
			q := float32(clamp(nearest(float32(iscale*v)), -largest, largest-1))
			w := float32(v * v)
			lx += float32(float32(w*v) * q)
			l2 += float32(float32(w*q) * q)
		}
		return lx, l2
	}
	quants := func(iscale float32) {
		for i, v := range x {
			l[i] = int8(largest + clamp(nearest(float32(iscale*v)), -largest, largest-1))
		}
	}
	iscale := -float32(largest) / top
	quants(iscale)
	lx, l2 := sums(iscale)
	scale := float32(0)
	if l2 != 0 {
		scale = lx / l2
	}
	best := float32(scale * lx)
	for s := -9; s <= 9; s++ {
		if s == 0 {
			continue
		}
		iscale = -(float32(largest) + float32(float32(0.1)*float32(s))) / top
		if lx, l2 = sums(iscale); l2 > 0 && float32(lx*lx) > float32(best*l2) {
			quants(iscale)
			scale = lx / l2
			best = float32(scale * lx)
		}
	}
	return scale
}

// improve is the search of Q3_K (make_q3_quants): each quant in turn is moved
// where that fits better, five rounds at most. l gets q + 4.
func improve(l []int8, x []float32) float32 {
	top, magnitude := extreme(x)
	if magnitude < tiny {
		clear(l)
		return 0
	}
	iscale := float32(-4) / top
	var lx, l2 float32
	for i, v := range x {
		q := clamp(nearest(float32(iscale*v)), -4, 3)
		l[i] = int8(q)
		w := float32(v * v)
		lx += float32(float32(w*v) * float32(q))
		l2 += float32(float32(w*float32(q)) * float32(q))
	}
	for range 5 {
		changed := false
		for i, v := range x {
			w, q := float32(v*v), float32(l[i])
			slx := lx - float32(float32(w*v)*q)
			if !(slx > 0) {
				continue
			}
			sl2 := l2 - float32(float32(w*q)*q)
			n := clamp(nearest(float32(v*sl2)/slx), -4, 3)
			if n == int(l[i]) {
				continue
			}
			slx += float32(float32(w*v) * float32(n))
			sl2 += float32(float32(w*float32(n)) * float32(n))
			if sl2 > 0 && float32(float32(slx*slx)*l2) > float32(float32(lx*lx)*sl2) {
				l[i], lx, l2 = int8(n), slx, sl2
				changed = true
			}
		}
		if !changed {
			break
		}
	}
	for i := range l {
		l[i] += 4
	}
	if l2 > 0 {
		return lx / l2
	}
	return 0
}

// packTwo writes 256 quants of 2 bits.
func packTwo(qs []byte, q func(i int) byte) {
	for i := range 64 {
		at := i/32*128 + i%32
		qs[i] = q(at) | q(at+32)<<2 | q(at+64)<<4 | q(at+96)<<6
	}
}

func quantiseQ2K(b []byte, x []float32) {
	var l [superBlock]byte
	var scales, minima, weights [16]float32
	search := fit{largest: 3, first: -0.5, step: 0.1, steps: 15, absolute: true}
	for g := range 16 {
		group := x[16*g:][:16]
		for i, v := range group {
			weights[i] = abs(v)
		}
		scales[g], minima[g] = search.group(l[16*g:][:16], group, weights[:])
	}
	nibble := func(values [16]float32, shift int, field []byte) {
		top := max(0, largest(values[:]))
		putHalf(field, top/15)
		if top > 0 {
			inverse := 15 / top
			for g, v := range values {
				b[g] |= byte(nearest(float32(inverse*v))) << shift
			}
		}
	}
	nibble(scales, 0, b[80:])
	nibble(minima, 4, b[82:])
	for g := range 16 {
		d := float32(half(b[80:]) * float32(b[g]&15))
		if d == 0 {
			continue
		}
		m := float32(half(b[82:]) * float32(b[g]>>4))
		for i := range 16 {
			l[16*g+i] = byte(clamp(nearest((x[16*g+i]+m)/d), 0, 3))
		}
	}
	packTwo(b[16:80], func(i int) byte { return l[i] })
}

func largest(x []float32) float32 {
	top := x[0]
	for _, v := range x {
		top = max(top, v)
	}
	return top
}

func quantiseQ3K(b []byte, x []float32) {
	var l [superBlock]int8
	var scales [16]float32
	for g := range 16 {
		scales[g] = improve(l[16*g:][:16], x[16*g:][:16])
	}
	var steps [16]int
	if top, _ := extreme(scales[:]); top != 0 {
		iscale := float32(-32) / top
		for g, s := range scales {
			steps[g] = clamp(int(int8(nearest(float32(iscale*s)))), -32, 31)
			n := byte(steps[g] + 32)
			b[96+g%8] |= n & 15 << (g / 8 * 4)
			b[104+g%4] |= n >> 4 << (g / 4 * 2)
		}
		putHalf(b[108:], 1/iscale)
	} else {
		for g := range steps {
			steps[g] = -32 // what the zero bytes read as
		}
	}
	for g, s := range steps {
		d := float32(half(b[108:]) * float32(s))
		if d == 0 {
			continue
		}
		for i := range 16 {
			l[16*g+i] = int8(clamp(nearest(x[16*g+i]/d), -4, 3) + 4)
		}
	}
	for i := range l {
		if l[i] > 3 {
			b[i%32] |= 1 << (i / 32)
			l[i] -= 4
		}
	}
	packTwo(b[32:96], func(i int) byte { return byte(l[i]) })
}

// quantiseQ45K: Q4_K (top 15) and Q5_K (top 31).
func quantiseQ45K(b []byte, x []float32, top int) {
	search := fit{largest: 15, first: -1, step: 0.1, steps: 20}
	if top == 31 {
		search = fit{largest: 31, first: -0.5, step: 0.1, steps: 15}
	}
	var l [superBlock]byte
	var scales, minima [8]float32
	var weights [32]float32
	for g := range 8 {
		group := x[32*g:][:32]
		var sum float32
		for _, v := range group {
			sum += float32(v * v)
		}
		mean := float32(math.Sqrt(float64(sum / 32)))
		for i, v := range group {
			weights[i] = mean + abs(v)
		}
		scales[g], minima[g] = search.group(l[32*g:][:32], group, weights[:])
	}
	maxScale, maxMin := max(0, largest(scales[:])), max(0, largest(minima[:]))
	var invScale, invMin float32
	if maxScale > 0 {
		invScale = 63 / maxScale
	}
	if maxMin > 0 {
		invMin = 63 / maxMin
	}
	packed := b[4:16]
	for g := range 8 {
		s := min(63, byte(nearest(float32(invScale*scales[g]))))
		m := min(63, byte(nearest(float32(invMin*minima[g]))))
		if g < 4 {
			packed[g], packed[g+4] = s, m
			continue
		}
		packed[g+4] = s&15 | m&15<<4
		packed[g-4] |= s >> 4 << 6
		packed[g] |= m >> 4 << 6
	}
	putHalf(b, maxScale/63)
	putHalf(b[2:], maxMin/63)
	for g := range 8 {
		s, m := scaleMin(g, packed)
		d := float32(half(b) * float32(s))
		if d == 0 {
			continue
		}
		dm := float32(half(b[2:]) * float32(m))
		for i := range 32 {
			l[32*g+i] = byte(clamp(nearest((x[32*g+i]+dm)/d), 0, top))
		}
	}
	qs := b[16:]
	if top == 31 {
		qs = b[48:]
		for i, q := range l {
			b[16+i%32] |= q >> 4 << (i / 32)
		}
	}
	for i := range 128 {
		at := i/32*64 + i%32
		qs[i] = l[at]&15 | l[at+32]&15<<4
	}
}

func quantiseQ6K(b []byte, x []float32) {
	var l [superBlock]int8
	var scales [16]float32
	for g := range 16 {
		scales[g] = symmetric(l[16*g:][:16], x[16*g:][:16], 32)
	}
	top, magnitude := extreme(scales[:])
	if magnitude < tiny {
		return
	}
	iscale := float32(-128) / top
	putHalf(b[208:], 1/iscale)
	for g, s := range scales {
		b[192+g] = byte(int8(min(127, nearest(float32(iscale*s)))))
	}
	for g := range 16 {
		d := float32(half(b[208:]) * float32(int8(b[192+g])))
		if d == 0 {
			continue
		}
		for i := range 16 {
			l[16*g+i] = int8(clamp(nearest(x[16*g+i]/d), -32, 31) + 32)
		}
	}
	for i := range 64 {
		at := i/32*128 + i%32
		q := [4]byte{byte(l[at]), byte(l[at+32]), byte(l[at+64]), byte(l[at+96])}
		b[i/32*64+i%32] = q[0]&15 | q[2]&15<<4
		b[i/32*64+i%32+32] = q[1]&15 | q[3]&15<<4
		b[128+i] = q[0]>>4 | q[1]>>4<<2 | q[2]>>4<<4 | q[3]>>4<<6
	}
}
