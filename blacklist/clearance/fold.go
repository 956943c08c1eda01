package clearance

import "github.com/haltlog/haltlog/internal/field"

// foldAt returns Σ_i a_i ∏_j φ_j^(bit_j(i)) · x^(1−bit_j(i)), bit 0 first:
// c′_i = x·c_{2i} + φ_j·c_{2i+1}. There are 2^len(phi) coefficients.
func foldAt(coefficients []field.Element, x field.Element, phi []field.Element) field.Element {
	var c []field.Element
	for j := range phi {
		from := c
		if j == 0 {
			from, c = coefficients, make([]field.Element, len(coefficients)/2)
		}
		for i := range len(from) / 2 {
			c[i] = field.Dot2(&x, &from[2*i], &phi[j], &from[2*i+1])
		}
		c = c[:len(from)/2]
	}
	return c[0]
}

// foldPolynomial returns the coefficients of
//
//	δ(X) = Σ_i a_i ∏_j (X·u_j + f_j)^(bit_j(i)) · X^(1−bit_j(i))
//
// constant one first: d+2 of them for 2^(d+1) coefficients a, the last being
// Σ_i a_i ∏_j u_j^(bit_j(i)). With u_j = u^(2^j) that is P(u). It takes about six
// products for each a, in a time that depends on their number alone.
func foldPolynomial(a, u, f []field.Element) []field.Element {
	// Polynomials side by side, width coefficients each.
	nodes, width := a, 1
	for j := range u {
		half := len(nodes) / width / 2
		next := make([]field.Element, half*(width+1))
		for n := range half {
			lo, hi := nodes[2*n*width:][:width], nodes[(2*n+1)*width:][:width]
			out := next[n*(width+1):][:width+1]
			// (X·u_j + f_j)·hi + X·lo
			out[0] = f[j].Mul(&hi[0])
			for k := 1; k < width; k++ {
				t := field.Dot2(&u[j], &hi[k-1], &f[j], &hi[k])
				out[k] = t.Add(&lo[k-1])
			}
			t := u[j].Mul(&hi[width-1])
			out[width] = t.Add(&lo[width-1])
		}
		nodes, width = next, width+1
	}
	return nodes
}
