package main

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/haltlog/haltlog/internal/train"
)

// The shape of every tensor of a made model: equal ones, so that no size tells
// them apart, and more than are chosen.
const (
	layers = 64
	rows   = 256
	cols   = 256
)

// weights is one tensor, row-major.
type weights struct {
	rows, cols int
	v          []float32
}

// model is a list of tensors; the place in it is what the report knows them
// by, and the scan does not.
type model []weights

// family makes models of one kind from a seed. A model is related to no other.
type family struct {
	name string
	says string
	make func(seed uint64) model
}

func families() []family {
	return []family{
		{"gaussian", "independent normal weights", func(seed uint64) model { return synthetic(seed, gaussian) }},
		{"heavy", "Student's t of 4 degrees of freedom, and 1 column in 100 ten times larger", func(seed uint64) model { return synthetic(seed, heavy) }},
		{"correlated", "layers that share a rank-16 part with one another, a quarter of the energy, and rows of very different size", correlated},
		{"trained", "a network of 20 layers that is trained for real, its first layer frozen", trained},
	}
}

func source(seed, stream uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, stream)) }

func synthetic(seed uint64, fill func(r *rand.Rand, w weights)) model {
	r := source(seed, 0x6d6f64656c)
	m := make(model, layers)
	for i := range m {
		m[i] = weights{rows, cols, make([]float32, rows*cols)}
		fill(r, m[i])
	}
	return m
}

func gaussian(r *rand.Rand, w weights) {
	for i := range w.v {
		w.v[i] = float32(0.02 * r.NormFloat64())
	}
}

func heavy(r *rand.Rand, w weights) {
	gain := make([]float64, w.cols)
	for i := range gain {
		gain[i] = 0.02
		if r.IntN(100) == 0 {
			gain[i] = 0.2
		}
	}
	for i := range w.v {
		// A χ² of 4 degrees is an exponential of mean 2 twice.
		chi := 2 * (r.ExpFloat64() + r.ExpFloat64())
		w.v[i] = float32(gain[i%w.cols] * r.NormFloat64() / math.Sqrt(chi/4))
	}
}

func correlated(seed uint64) model {
	const rank = 16
	r := source(seed, 0x6c6f77)
	left, right := normal(r, rows*rank), normal(r, rank*cols)
	m := make(model, layers)
	for i := range m {
		w := weights{rows, cols, normal(r, rows*cols)}
		for y := range rows {
			gain := 0.02 * float32(math.Exp(0.5*r.NormFloat64()))
			row := w.v[y*cols : (y+1)*cols]
			for x := range row {
				row[x] *= 0.87
			}
			for k := range rank {
				f := left[y*rank+k] * 0.5 / 4
				for x := range row {
					row[x] += f * right[k*cols+x]
				}
			}
			for x := range row {
				row[x] *= gain
			}
		}
		m[i] = w
	}
	return m
}

func normal(r *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

// trainSteps is short: what matters is that gradients, not a generator, moved
// the weights.
const trainSteps = 12

func trained(seed uint64) model {
	t := train.New(train.Config{Seed: seed, FrozenSeed: seed + 1<<32, Hidden: 18, Batch: 8})
	for range trainSteps {
		t.Step()
	}
	var m model
	for _, l := range t.Model.Layers {
		m = append(m, weights{l.Out, l.In, append([]float32(nil), l.W...)})
	}
	return m
}

func (w weights) String() string { return fmt.Sprintf("%d × %d", w.rows, w.cols) }
