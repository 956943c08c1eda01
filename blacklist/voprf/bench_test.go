package voprf

import (
	"fmt"
	"testing"
)

var benchSizes = []int{1, 16, 256, 4096}

func BenchmarkQuery(b *testing.B) {
	public := GenerateKey().Public()
	for _, n := range benchSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			x := fingerprints(n)
			for b.Loop() {
				if _, err := NewQuery(public, x); err != nil {
					b.Fatal(err)
				}
			}
			perElement(b, n)
		})
	}
}

func BenchmarkAnswer(b *testing.B) {
	key := GenerateKey()
	for _, n := range benchSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			q, _ := ask(b, key, n)
			request := q.Requests()[0]
			e := NewEvaluator(key)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.Answer(request); err != nil {
					b.Fatal(err)
				}
			}
			perElement(b, n)
		})
	}
}

func BenchmarkLabels(b *testing.B) {
	key := GenerateKey()
	for _, n := range benchSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			q, response := ask(b, key, n)
			for b.Loop() {
				if _, err := q.Labels([][]byte{response}); err != nil {
					b.Fatal(err)
				}
			}
			perElement(b, n)
		})
	}
}

func BenchmarkLabel(b *testing.B) {
	key := GenerateKey()
	for b.Loop() {
		if _, err := key.Label([]byte("fingerprint")); err != nil {
			b.Fatal(err)
		}
	}
}

func perElement(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/element")
}

// BenchmarkCombine is what a client does with the answers of 2 of 3 holders: whose
// weights are whole, and whose are not.
func BenchmarkCombine(b *testing.B) {
	set, shares := share(b, GenerateKey(), 2, 3)
	key, err := set.Key()
	if err != nil {
		b.Fatal(err)
	}
	for _, holders := range [][]int{{1, 2}, {1, 3}} {
		for _, n := range []int{256, 4096} {
			b.Run(fmt.Sprintf("%v/%d", holders, n), func(b *testing.B) {
				q, err := NewQuery(key, fingerprints(n))
				if err != nil {
					b.Fatal(err)
				}
				answers := make(map[int][][]byte)
				for _, i := range holders {
					body, err := NewShareEvaluator(shares[i-1]).Answer(q.Requests()[0])
					if err != nil {
						b.Fatal(err)
					}
					answers[i] = [][]byte{body}
				}
				for b.Loop() {
					if _, _, err := q.Combine(set, answers); err != nil {
						b.Fatal(err)
					}
				}
				perElement(b, n)
			})
		}
	}
}
