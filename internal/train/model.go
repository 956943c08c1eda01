// Package train owns the small model that the demo, the drills and the
// fingerprint measurements train for real: a multi-layer perceptron that learns
// to imitate a random teacher, in plain Go, from one seed.
//
// Nothing in it knows of haltlog: the run under guard is an ordinary program that
// writes ordinary safetensors checkpoints. The same seeds give the same weights
// on the same machine, so a copy of a model can be made by anybody.
package train

import (
	"math"
	"math/rand/v2"
	"strconv"
)

// Width is the width of input and hidden layers: 256 × 256 = 2^16 parameters is
// the smallest tensor that is ever listed.
const Width = 256

// Classes is how many classes the teacher tells apart.
const Classes = 16

// Layer is a dense layer: Out × In weights, row-major, and Out biases.
type Layer struct {
	Name    string
	In, Out int
	W, B    []float32
	Frozen  bool // kept as it was made, as a public base's layer would be

	gw, gb []float32 // gradients of the batch at hand
	x, y   []float32 // input and output of the batch at hand
}

// Model is a chain of dense layers with ReLU between them and a softmax at the end.
type Model struct{ Layers []*Layer }

// NewModel makes one frozen projection from frozenSeed, and hidden layers and a
// head to be trained from seed, initialised after He et al. 2015 (equation 10).
func NewModel(seed, frozenSeed uint64, hidden int) *Model {
	frozen := rand.New(rand.NewPCG(frozenSeed, 0x66726f7a656e))
	fresh := rand.New(rand.NewPCG(seed, 0x6672657368))
	layers := []*Layer{newLayer("embed", Width, Width, frozen, true)}
	for i := range hidden {
		layers = append(layers, newLayer("hidden."+strconv.Itoa(i), Width, Width, fresh, false))
	}
	return &Model{Layers: append(layers, newLayer("head", Width, Classes, fresh, false))}
}

func newLayer(name string, in, out int, r *rand.Rand, frozen bool) *Layer {
	l := &Layer{
		Name: name, In: in, Out: out, Frozen: frozen,
		W: make([]float32, in*out), B: make([]float32, out), gw: make([]float32, in*out), gb: make([]float32, out),
	}
	scale := math.Sqrt(2 / float64(in))
	for i := range l.W {
		l.W[i] = float32(r.NormFloat64() * scale)
	}
	return l
}

// forward computes logits for a batch of inputs, batch × Width, and keeps what
// the backward pass needs.
func (m *Model) forward(x []float32, batch int) []float32 {
	for i, l := range m.Layers {
		l.x = x
		l.y = resize(l.y, batch*l.Out)
		for b := range batch {
			in := x[b*l.In : (b+1)*l.In]
			for o := range l.Out {
				row := l.W[o*l.In : (o+1)*l.In]
				sum := l.B[o]
				for k, w := range row {
					sum += w * in[k]
				}
				if i < len(m.Layers)-1 && sum < 0 {
					sum = 0
				}
				l.y[b*l.Out+o] = sum
			}
		}
		x = l.y
	}
	return x
}

// backward takes the gradient of the loss at the logits, batch × Classes, down to
// the lowest layer that is not frozen.
func (m *Model) backward(grad []float32, batch int) {
	for i := len(m.Layers) - 1; i >= 0; i-- {
		l := m.Layers[i]
		if l.Frozen {
			return
		}
		clear(l.gw)
		clear(l.gb)
		down := make([]float32, batch*l.In)
		for b := range batch {
			in, din := l.x[b*l.In:(b+1)*l.In], down[b*l.In:(b+1)*l.In]
			for o := range l.Out {
				g := grad[b*l.Out+o]
				if g == 0 {
					continue
				}
				l.gb[o] += g
				row, grow := l.W[o*l.In:(o+1)*l.In], l.gw[o*l.In:(o+1)*l.In]
				for k := range row {
					grow[k] += g * in[k]
					din[k] += g * row[k]
				}
			}
		}
		for k := range down {
			if l.x[k] <= 0 { // the ReLU below let nothing through
				down[k] = 0
			}
		}
		grad = down
	}
}

// step moves every trained layer against its gradient.
func (m *Model) step(rate float32) {
	for _, l := range m.Layers {
		if l.Frozen {
			continue
		}
		for i, g := range l.gw {
			l.W[i] -= rate * g
		}
		for i, g := range l.gb {
			l.B[i] -= rate * g
		}
	}
}

// softmaxLoss turns logits into the gradient of the mean cross-entropy, in place,
// and returns that loss in nats.
func softmaxLoss(logits []float32, labels []int) float64 {
	var loss float64
	n := float32(len(labels))
	for b, label := range labels {
		row := logits[b*Classes : (b+1)*Classes]
		top := row[0]
		for _, v := range row {
			top = max(top, v)
		}
		var sum float64
		for _, v := range row {
			sum += math.Exp(float64(v - top))
		}
		loss += math.Log(sum) - float64(row[label]-top)
		for c := range row {
			row[c] = float32(math.Exp(float64(row[c]-top))/sum) / n
		}
		row[label] -= 1 / n
	}
	return loss / float64(len(labels))
}

func resize(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}
