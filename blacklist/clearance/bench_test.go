package clearance

import (
	"fmt"
	"testing"
)

// The sizes at which figures are stated: full parts, without padding.
func sizes() []int { return []int{1<<10 - 1, 1<<14 - 1, 1<<17 - 1, 1<<20 - 1} }

// large is a statement over n roots. Its labels are none: only the roots matter
// to the time, and hashing a million elements would take longer than all else.
func large(n int) *Statement {
	st := statement(nil)
	roots := make([][32]byte, n)
	for i := range roots {
		roots[i][0], roots[i][1], roots[i][2], roots[i][3] = byte(i), byte(i>>8), byte(i>>16), 1
	}
	st.Polynomial = polynomialOfRoots(roots)
	return st
}

func BenchmarkProve(b *testing.B) {
	for _, n := range sizes() {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			st := large(n)
			_, secret := Commit(fresh())
			for b.Loop() {
				if _, err := Prove(st, secret); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(Size(st.Polynomial.D())), "proof-bytes")
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, n := range sizes() {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			st := large(n)
			c0, secret := Commit(fresh())
			proof := mustProve(b, st, secret)
			for b.Loop() {
				if err := Verify(st, c0, proof); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
