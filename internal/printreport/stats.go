package main

import "math"

// interval is the 95 % interval of Clopper and Pearson for k of n, by bisection
// of the binomial's tails.
func interval(k, n int) (lo, hi float64) {
	const half = 0.025
	solve := func(tail func(p float64) float64) float64 {
		a, b := 0.0, 1.0
		for range 60 {
			if p := (a + b) / 2; tail(p) < half {
				a = p
			} else {
				b = p
			}
		}
		return a
	}
	hi = 1
	if k > 0 {
		lo = solve(func(p float64) float64 { return 1 - binomial(k-1, n, p) })
	}
	if k < n {
		hi = 1 - solve(func(q float64) float64 { return binomial(k, n, 1-q) })
	}
	return lo, hi
}

// binomial is the probability of at most k of n.
func binomial(k, n int, p float64) float64 {
	if p <= 0 {
		return 1
	}
	if p >= 1 {
		return float64(count(k >= n))
	}
	var sum float64
	choose := 0.0 // its logarithm
	for i := range k + 1 {
		if i > 0 {
			choose += math.Log(float64(n-i+1)) - math.Log(float64(i))
		}
		sum += math.Exp(choose + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return min(sum, 1)
}
