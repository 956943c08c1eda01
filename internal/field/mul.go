package field

import "math/bits"

// The products are written out, limb by limb: the compiler keeps variables in
// registers, and arrays in memory.

// Mul returns x·y.
func (x Element) Mul(y *Element) Element {
	var c, h, l, k uint64
	var t0, t1, t2, t3, t4, t5, t6, t7 uint64
	h, t0 = bits.Mul64(x[0], y[0])
	c = h
	h, l = bits.Mul64(x[1], y[0])
	t1, k = bits.Add64(l, c, 0)
	c = h + k
	h, l = bits.Mul64(x[2], y[0])
	t2, k = bits.Add64(l, c, 0)
	c = h + k
	h, l = bits.Mul64(x[3], y[0])
	t3, k = bits.Add64(l, c, 0)
	c = h + k
	t4 = c
	h, l = bits.Mul64(x[0], y[1])
	t1, k = bits.Add64(t1, l, 0)
	c = h + k
	h, l = bits.Mul64(x[1], y[1])
	l, k = bits.Add64(l, c, 0)
	h += k
	t2, k = bits.Add64(t2, l, 0)
	c = h + k
	h, l = bits.Mul64(x[2], y[1])
	l, k = bits.Add64(l, c, 0)
	h += k
	t3, k = bits.Add64(t3, l, 0)
	c = h + k
	h, l = bits.Mul64(x[3], y[1])
	l, k = bits.Add64(l, c, 0)
	h += k
	t4, k = bits.Add64(t4, l, 0)
	c = h + k
	t5 = c
	h, l = bits.Mul64(x[0], y[2])
	t2, k = bits.Add64(t2, l, 0)
	c = h + k
	h, l = bits.Mul64(x[1], y[2])
	l, k = bits.Add64(l, c, 0)
	h += k
	t3, k = bits.Add64(t3, l, 0)
	c = h + k
	h, l = bits.Mul64(x[2], y[2])
	l, k = bits.Add64(l, c, 0)
	h += k
	t4, k = bits.Add64(t4, l, 0)
	c = h + k
	h, l = bits.Mul64(x[3], y[2])
	l, k = bits.Add64(l, c, 0)
	h += k
	t5, k = bits.Add64(t5, l, 0)
	c = h + k
	t6 = c
	h, l = bits.Mul64(x[0], y[3])
	t3, k = bits.Add64(t3, l, 0)
	c = h + k
	h, l = bits.Mul64(x[1], y[3])
	l, k = bits.Add64(l, c, 0)
	h += k
	t4, k = bits.Add64(t4, l, 0)
	c = h + k
	h, l = bits.Mul64(x[2], y[3])
	l, k = bits.Add64(l, c, 0)
	h += k
	t5, k = bits.Add64(t5, l, 0)
	c = h + k
	h, l = bits.Mul64(x[3], y[3])
	l, k = bits.Add64(l, c, 0)
	h += k
	t6, k = bits.Add64(t6, l, 0)
	c = h + k
	t7 = c
	return reduce(t0, t1, t2, t3, t4, t5, t6, t7)
}

// Dot2 returns a·x + b·y: the sum of two products, reduced once.
func Dot2(a, x, b, y *Element) Element {
	var c, h, l, k uint64
	var t0, t1, t2, t3, t4, t5, t6, t7 uint64
	h, t0 = bits.Mul64(a[0], x[0])
	c = h
	h, l = bits.Mul64(a[1], x[0])
	t1, k = bits.Add64(l, c, 0)
	c = h + k
	h, l = bits.Mul64(a[2], x[0])
	t2, k = bits.Add64(l, c, 0)
	c = h + k
	h, l = bits.Mul64(a[3], x[0])
	t3, k = bits.Add64(l, c, 0)
	c = h + k
	t4 = c
	h, l = bits.Mul64(a[0], x[1])
	t1, k = bits.Add64(t1, l, 0)
	c = h + k
	h, l = bits.Mul64(a[1], x[1])
	l, k = bits.Add64(l, c, 0)
	h += k
	t2, k = bits.Add64(t2, l, 0)
	c = h + k
	h, l = bits.Mul64(a[2], x[1])
	l, k = bits.Add64(l, c, 0)
	h += k
	t3, k = bits.Add64(t3, l, 0)
	c = h + k
	h, l = bits.Mul64(a[3], x[1])
	l, k = bits.Add64(l, c, 0)
	h += k
	t4, k = bits.Add64(t4, l, 0)
	c = h + k
	t5 = c
	h, l = bits.Mul64(a[0], x[2])
	t2, k = bits.Add64(t2, l, 0)
	c = h + k
	h, l = bits.Mul64(a[1], x[2])
	l, k = bits.Add64(l, c, 0)
	h += k
	t3, k = bits.Add64(t3, l, 0)
	c = h + k
	h, l = bits.Mul64(a[2], x[2])
	l, k = bits.Add64(l, c, 0)
	h += k
	t4, k = bits.Add64(t4, l, 0)
	c = h + k
	h, l = bits.Mul64(a[3], x[2])
	l, k = bits.Add64(l, c, 0)
	h += k
	t5, k = bits.Add64(t5, l, 0)
	c = h + k
	t6 = c
	h, l = bits.Mul64(a[0], x[3])
	t3, k = bits.Add64(t3, l, 0)
	c = h + k
	h, l = bits.Mul64(a[1], x[3])
	l, k = bits.Add64(l, c, 0)
	h += k
	t4, k = bits.Add64(t4, l, 0)
	c = h + k
	h, l = bits.Mul64(a[2], x[3])
	l, k = bits.Add64(l, c, 0)
	h += k
	t5, k = bits.Add64(t5, l, 0)
	c = h + k
	h, l = bits.Mul64(a[3], x[3])
	l, k = bits.Add64(l, c, 0)
	h += k
	t6, k = bits.Add64(t6, l, 0)
	c = h + k
	t7 = c
	var u0, u1, u2, u3, u4, u5, u6, u7 uint64
	h, u0 = bits.Mul64(b[0], y[0])
	c = h
	h, l = bits.Mul64(b[1], y[0])
	u1, k = bits.Add64(l, c, 0)
	c = h + k
	h, l = bits.Mul64(b[2], y[0])
	u2, k = bits.Add64(l, c, 0)
	c = h + k
	h, l = bits.Mul64(b[3], y[0])
	u3, k = bits.Add64(l, c, 0)
	c = h + k
	u4 = c
	h, l = bits.Mul64(b[0], y[1])
	u1, k = bits.Add64(u1, l, 0)
	c = h + k
	h, l = bits.Mul64(b[1], y[1])
	l, k = bits.Add64(l, c, 0)
	h += k
	u2, k = bits.Add64(u2, l, 0)
	c = h + k
	h, l = bits.Mul64(b[2], y[1])
	l, k = bits.Add64(l, c, 0)
	h += k
	u3, k = bits.Add64(u3, l, 0)
	c = h + k
	h, l = bits.Mul64(b[3], y[1])
	l, k = bits.Add64(l, c, 0)
	h += k
	u4, k = bits.Add64(u4, l, 0)
	c = h + k
	u5 = c
	h, l = bits.Mul64(b[0], y[2])
	u2, k = bits.Add64(u2, l, 0)
	c = h + k
	h, l = bits.Mul64(b[1], y[2])
	l, k = bits.Add64(l, c, 0)
	h += k
	u3, k = bits.Add64(u3, l, 0)
	c = h + k
	h, l = bits.Mul64(b[2], y[2])
	l, k = bits.Add64(l, c, 0)
	h += k
	u4, k = bits.Add64(u4, l, 0)
	c = h + k
	h, l = bits.Mul64(b[3], y[2])
	l, k = bits.Add64(l, c, 0)
	h += k
	u5, k = bits.Add64(u5, l, 0)
	c = h + k
	u6 = c
	h, l = bits.Mul64(b[0], y[3])
	u3, k = bits.Add64(u3, l, 0)
	c = h + k
	h, l = bits.Mul64(b[1], y[3])
	l, k = bits.Add64(l, c, 0)
	h += k
	u4, k = bits.Add64(u4, l, 0)
	c = h + k
	h, l = bits.Mul64(b[2], y[3])
	l, k = bits.Add64(l, c, 0)
	h += k
	u5, k = bits.Add64(u5, l, 0)
	c = h + k
	h, l = bits.Mul64(b[3], y[3])
	l, k = bits.Add64(l, c, 0)
	h += k
	u6, k = bits.Add64(u6, l, 0)
	c = h + k
	u7 = c
	t0, c = bits.Add64(t0, u0, 0)
	t1, c = bits.Add64(t1, u1, c)
	t2, c = bits.Add64(t2, u2, c)
	t3, c = bits.Add64(t3, u3, c)
	t4, c = bits.Add64(t4, u4, c)
	t5, c = bits.Add64(t5, u5, c)
	t6, c = bits.Add64(t6, u6, c)
	t7, _ = bits.Add64(t7, u7, c) // 2ℓ² is below 2^512
	return reduce(t0, t1, t2, t3, t4, t5, t6, t7)
}

// reduce returns t·2^−256 mod ℓ for t below 2ℓ². Four times the lowest limb is
// made 0 by adding a multiple m·ℓ, whose third limb is 0 and whose fourth is
// m·2^60. What is left is below 2ℓ²/2^256 + ℓ, and so below 2ℓ.
func reduce(t0, t1, t2, t3, t4, t5, t6, t7 uint64) Element {
	var c, h, l, k uint64
	var carry uint64
	m := t0 * inverse
	h, l = bits.Mul64(m, order0)
	_, k = bits.Add64(t0, l, 0)
	c = h + k
	h, l = bits.Mul64(m, order1)
	l, k = bits.Add64(l, c, 0)
	h += k
	t1, k = bits.Add64(t1, l, 0)
	t2, k = bits.Add64(t2, h, k)
	l, k = bits.Add64(m<<60, 0, k)
	h = m>>4 + k
	t3, k = bits.Add64(t3, l, 0)
	t4, carry = bits.Add64(t4, h+k, carry)
	m = t1 * inverse
	h, l = bits.Mul64(m, order0)
	_, k = bits.Add64(t1, l, 0)
	c = h + k
	h, l = bits.Mul64(m, order1)
	l, k = bits.Add64(l, c, 0)
	h += k
	t2, k = bits.Add64(t2, l, 0)
	t3, k = bits.Add64(t3, h, k)
	l, k = bits.Add64(m<<60, 0, k)
	h = m>>4 + k
	t4, k = bits.Add64(t4, l, 0)
	t5, carry = bits.Add64(t5, h+k, carry)
	m = t2 * inverse
	h, l = bits.Mul64(m, order0)
	_, k = bits.Add64(t2, l, 0)
	c = h + k
	h, l = bits.Mul64(m, order1)
	l, k = bits.Add64(l, c, 0)
	h += k
	t3, k = bits.Add64(t3, l, 0)
	t4, k = bits.Add64(t4, h, k)
	l, k = bits.Add64(m<<60, 0, k)
	h = m>>4 + k
	t5, k = bits.Add64(t5, l, 0)
	t6, carry = bits.Add64(t6, h+k, carry)
	m = t3 * inverse
	h, l = bits.Mul64(m, order0)
	_, k = bits.Add64(t3, l, 0)
	c = h + k
	h, l = bits.Mul64(m, order1)
	l, k = bits.Add64(l, c, 0)
	h += k
	t4, k = bits.Add64(t4, l, 0)
	t5, k = bits.Add64(t5, h, k)
	l, k = bits.Add64(m<<60, 0, k)
	h = m>>4 + k
	t6, k = bits.Add64(t6, l, 0)
	t7, _ = bits.Add64(t7, h+k, carry) // the sum is below 2^512
	return Element{t4, t5, t6, t7}.reduce()
}
