package train

import (
	"math"
	"slices"
	"testing"
)

func TestLossFalls(t *testing.T) {
	tr := New(Config{Seed: 1, FrozenSeed: 9})
	embed := slices.Clone(tr.Model.Layers[0].W)
	mean := func(n int) float64 {
		var sum float64
		for range n {
			sum += tr.Step()
		}
		return sum / float64(n)
	}
	first := mean(10)
	if math.Abs(first-math.Log(Classes)) > 1.5 {
		t.Errorf("an untrained model loses %.2f nats, want about ln %d = %.2f", first, Classes, math.Log(Classes))
	}
	mean(180)
	if last := mean(10); last > first-0.3 {
		t.Errorf("the loss went from %.3f to %.3f in 200 steps", first, last)
	}
	if !slices.Equal(embed, tr.Model.Layers[0].W) {
		t.Error("the frozen layer moved")
	}
}

func TestSeeds(t *testing.T) {
	weights := func(c Config) []float32 {
		tr := New(c)
		tr.Step()
		return tr.Model.Layers[1].W
	}
	if !slices.Equal(weights(Config{Seed: 1}), weights(Config{Seed: 1})) {
		t.Error("one seed gave two models")
	}
	if slices.Equal(weights(Config{Seed: 1}), weights(Config{Seed: 2})) {
		t.Error("two seeds gave one model")
	}
}

// TestGradient holds the backward pass against central differences.
func TestGradient(t *testing.T) {
	tr := New(Config{Seed: 3, FrozenSeed: 4, Batch: 4})
	tr.Step()
	x, labels := slices.Clone(tr.x), slices.Clone(tr.labels)
	loss := func() float64 { return softmaxLoss(tr.Model.forward(x, 4), labels) }
	logits := tr.Model.forward(x, 4)
	softmaxLoss(logits, labels)
	tr.Model.backward(logits, 4)
	for _, l := range tr.Model.Layers[1:] {
		for _, i := range []int{0, 7, len(l.W) / 2} {
			analytic := float64(l.gw[i])
			const h = 1e-2
			w := l.W[i]
			l.W[i] = w + h
			up := loss()
			l.W[i] = w - h
			down := loss()
			l.W[i] = w
			if numeric := (up - down) / (2 * h); math.Abs(numeric-analytic) > 1e-3+0.1*math.Abs(analytic) {
				t.Errorf("%s weight %d: gradient %g, by differences %g", l.Name, i, analytic, numeric)
			}
		}
	}
}
