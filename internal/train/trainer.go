package train

import (
	"math/rand/v2"
)

// Config says what is trained; the zero value of a field takes the default beside it.
type Config struct {
	Seed       uint64  // of weights and batches
	FrozenSeed uint64  // of the frozen projection
	Batch      int     // 32 examples
	Rate       float32 // 0.05 per step
	Hidden     int     // 2 trained hidden layers
}

// Trainer holds a model in training.
type Trainer struct {
	Model   *Model
	cfg     Config
	data    *rand.Rand
	teacher []float32 // Classes × Width
	x       []float32
	labels  []int
}

// New starts a training from its seeds.
func New(cfg Config) *Trainer {
	if cfg.Batch == 0 {
		cfg.Batch = 32
	}
	if cfg.Rate == 0 {
		cfg.Rate = 0.05
	}
	if cfg.Hidden == 0 {
		cfg.Hidden = 2
	}
	t := &Trainer{
		Model: NewModel(cfg.Seed, cfg.FrozenSeed, cfg.Hidden), cfg: cfg,
		data: rand.New(rand.NewPCG(cfg.Seed, 0x64617461)), teacher: make([]float32, Classes*Width),
		x: make([]float32, cfg.Batch*Width), labels: make([]int, cfg.Batch),
	}
	teacher := rand.New(rand.NewPCG(0x746561636865, 1)) // one task for all seeds
	for i := range t.teacher {
		t.teacher[i] = float32(teacher.NormFloat64())
	}
	return t
}

// Step trains on one fresh batch and returns its loss in nats before the step.
func (t *Trainer) Step() float64 {
	for b := range t.cfg.Batch {
		x := t.x[b*Width : (b+1)*Width]
		for i := range x {
			x[i] = float32(t.data.NormFloat64())
		}
		t.labels[b] = t.judge(x)
	}
	logits := t.Model.forward(t.x, t.cfg.Batch)
	loss := softmaxLoss(logits, t.labels)
	t.Model.backward(logits, t.cfg.Batch)
	t.Model.step(t.cfg.Rate)
	return loss
}

// judge is the teacher's class of an input.
func (t *Trainer) judge(x []float32) int {
	best, at := float32(0), 0
	for c := range Classes {
		var sum float32
		for i, w := range t.teacher[c*Width : (c+1)*Width] {
			sum += w * x[i]
		}
		if c == 0 || sum > best {
			best, at = sum, c
		}
	}
	return at
}
