package group

import (
	"fmt"
	"testing"
)

func BenchmarkDecodeElement(b *testing.B) {
	encoded := MulBase(RandomScalar()).Bytes()
	for b.Loop() {
		if _, err := DecodeElement(encoded); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBytes(b *testing.B) {
	e := MulBase(RandomScalar())
	for b.Loop() {
		e.Bytes()
	}
}

func BenchmarkMulBase(b *testing.B) {
	s := RandomScalar()
	for b.Loop() {
		MulBase(s)
	}
}

func BenchmarkMul(b *testing.B) {
	s, e := RandomScalar(), MulBase(RandomScalar())
	for b.Loop() {
		e.Mul(s)
	}
}

func BenchmarkVarTimeMulBaseAdd(b *testing.B) {
	x, y, e := RandomScalar(), RandomScalar(), MulBase(RandomScalar())
	for b.Loop() {
		e.VarTimeMulBaseAdd(x, y)
	}
}

func BenchmarkVarTimeMultiMul(b *testing.B) {
	for _, n := range []int{16, multiChunk, 4 * multiChunk} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s, e := random(b, n)
			for b.Loop() {
				if _, err := VarTimeMultiMul(s, e); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/term")
		})
	}
}

func BenchmarkHashToGroup(b *testing.B) {
	for b.Loop() {
		HashToGroup(OPRF(1).HashToGroup, []byte("input"))
	}
}

func BenchmarkHashToScalar(b *testing.B) {
	for b.Loop() {
		HashToScalar(TagRingChallenge, []byte("input"))
	}
}

func BenchmarkInvertAll(b *testing.B) {
	s, _ := random(b, 1024)
	for b.Loop() {
		if _, err := InvertAll(s); err != nil {
			b.Fatal(err)
		}
	}
}
