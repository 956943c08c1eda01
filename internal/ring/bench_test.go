package ring

import (
	"fmt"
	"testing"
)

var benchSizes = []int{8, 16, 64}

func BenchmarkSign(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r, secrets, _ := newRing(b, n)
			b.ReportAllocs()
			for b.Loop() {
				sign(b, r, secrets[n/2], []byte("m"))
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r, secrets, _ := newRing(b, n)
			sig := sign(b, r, secrets[n/2], []byte("m"))
			b.ReportAllocs()
			for b.Loop() {
				if err := r.Verify([]byte("m"), sig); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerifyPrecomputed(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r, secrets, _ := newRing(b, n)
			sig := sign(b, r, secrets[n/2], []byte("m"))
			r.Precompute()
			b.ReportAllocs()
			for b.Loop() {
				if err := r.Verify([]byte("m"), sig); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPrecompute(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			_, _, keys := newRing(b, n)
			for b.Loop() {
				r, err := NewRing(keys)
				if err != nil {
					b.Fatal(err)
				}
				r.Precompute()
			}
		})
	}
}

func BenchmarkNewRing(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			_, keys := members(b, n)
			for b.Loop() {
				if _, err := NewRing(keys); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
