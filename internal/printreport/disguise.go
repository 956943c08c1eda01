package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

// disguise is one way in which a model comes back. Every one of them renames
// and reorders all tensors besides.
type disguise struct {
	name     string
	expected string                                // BLACKLIST's expectation, "" without one
	change   func(r *rand.Rand, w weights) weights // nil: as it is
	dtype    fingerprint.Dtype
	gguf     bool
	shards   int // 0: one file
}

func disguises() []disguise {
	each := func(f func(v []float32)) func(*rand.Rand, weights) weights {
		return func(_ *rand.Rand, w weights) weights {
			w.v = slices.Clone(w.v)
			f(w.v)
			return w
		}
	}
	const near1, near77 = "near 1", "0.77"
	f32, f16 := fingerprint.F32, fingerprint.F16
	return []disguise{
		{"renamed", "1", nil, f32, false, 0},
		{"re-sharded", "1", nil, f32, false, 5},
		{"GGUF F32", "1", nil, f32, true, 0},
		{"F16", near1, nil, f16, false, 0},
		{"BF16", near1, nil, fingerprint.BF16, false, 0},
		{"F8 E4M3, scaled", near1, each(float8), f16, false, 0},
		{"int8 per row", near1, rowwise(127), f16, false, 0},
		{"int4, blocks of 32", near1, each(func(v []float32) { integers(v, 32, 7) }), f16, false, 3},
		{"int4, blocks of 128", near1, each(func(v []float32) { integers(v, 128, 7) }), f16, false, 0},
		{"int3, blocks of 32", "0.40", each(func(v []float32) { integers(v, 32, 3) }), f16, false, 0},
		{"GGUF Q8_0", near1, nil, fingerprint.Q8_0, true, 0},
		{"GGUF Q4_0", near1, nil, fingerprint.Q4_0, true, 0},
		{"GGUF Q4_K", near1, nil, fingerprint.Q4_K, true, 0},
		{"tuned by 0.1 %", near1, tune(0.001), f32, false, 0},
		{"tuned by 1 %", near1, tune(0.01), f32, false, 0},
		{"tuned by 10 %", near1, tune(0.1), f32, false, 0},
		{"tuned by 30 %", near77, tune(0.3), f32, false, 0},
		{"LoRA of rank 8 merged, 10 %", "", lora, f32, false, 0},
		{"30 % pruned by magnitude", "", each(func(v []float32) { prune(v, 0.3) }), f32, false, 0},
		{"50 % pruned by magnitude", "", each(func(v []float32) { prune(v, 0.5) }), f32, false, 0},
		{"rows permuted", near1, permute, f32, false, 0},
		{"rows permuted, GGUF Q4_0", near1, permute, fingerprint.Q4_0, true, 0},
		{"scaled by 3.7", "1", each(func(v []float32) {
			for i := range v {
				v[i] *= 3.7
			}
		}), f32, false, 0},
		{"each tensor scaled by its own factor", "1", func(r *rand.Rand, w weights) weights {
			w.v = slices.Clone(w.v)
			f := float32(math.Exp(0.5 * r.NormFloat64()))
			for i := range w.v {
				w.v[i] *= f
			}
			return w
		}, f32, false, 0},
		{"tuned by 10 %, GGUF Q4_0", "", tune(0.1), fingerprint.Q4_0, true, 0},
	}
}

// integers quantises blocks of n to ±top steps of their largest magnitude.
func integers(v []float32, n int, top float32) {
	for b := range slices.Chunk(v, n) {
		var m float32
		for _, x := range b {
			m = max(m, float32(math.Abs(float64(x))))
		}
		if m == 0 {
			continue
		}
		step := m / top
		for i, x := range b {
			b[i] = step * float32(math.RoundToEven(float64(x/step)))
		}
	}
}

func rowwise(top float32) func(*rand.Rand, weights) weights {
	return func(_ *rand.Rand, w weights) weights {
		w.v = slices.Clone(w.v)
		integers(w.v, w.cols, top)
		return w
	}
}

// float8 rounds to E4M3 with the tensor's largest magnitude at the format's.
func float8(v []float32) {
	codes := make([]byte, 0x7f)
	for i := range codes {
		codes[i] = byte(i)
	}
	grid := fingerprint.Decode(nil, codes, fingerprint.F8E4M3)
	var m float32
	for _, x := range v {
		m = max(m, float32(math.Abs(float64(x))))
	}
	scale := grid[len(grid)-1] / m
	for i, x := range v {
		a := float32(math.Abs(float64(x))) * scale
		k, _ := slices.BinarySearch(grid, a)
		k = min(k, len(grid)-1)
		if k > 0 && a-grid[k-1] < grid[k]-a {
			k--
		}
		v[i] = float32(math.Copysign(float64(grid[k]/scale), float64(x)))
	}
}

func norm(v []float32) float64 {
	var s float64
	for _, x := range v {
		s += float64(x) * float64(x)
	}
	return math.Sqrt(s)
}

// tune adds noise of that share of the tensor's norm.
func tune(share float64) func(*rand.Rand, weights) weights {
	return func(r *rand.Rand, w weights) weights {
		scale := float32(share * norm(w.v) / math.Sqrt(float64(len(w.v))))
		noise := normal(r, len(w.v))
		for i, x := range w.v {
			noise[i] = x + scale*noise[i]
		}
		w.v = noise
		return w
	}
}

func lora(r *rand.Rand, w weights) weights {
	const rank = 8
	a, b := normal(r, w.rows*rank), normal(r, rank*w.cols)
	d := make([]float32, len(w.v))
	for y := range w.rows {
		for k := range rank {
			for x := range w.cols {
				d[y*w.cols+x] += a[y*rank+k] * b[k*w.cols+x]
			}
		}
	}
	scale := float32(0.1 * norm(w.v) / norm(d))
	for i, x := range w.v {
		d[i] = x + scale*d[i]
	}
	w.v = d
	return w
}

func prune(v []float32, share float64) {
	a := make([]float32, len(v))
	for i, x := range v {
		a[i] = float32(math.Abs(float64(x)))
	}
	slices.Sort(a)
	limit := a[int(share*float64(len(a)))]
	for i, x := range v {
		if x < limit && x > -limit {
			v[i] = 0
		}
	}
}

func permute(r *rand.Rand, w weights) weights {
	v := make([]float32, 0, len(w.v))
	for _, y := range r.Perm(w.rows) {
		v = append(v, w.v[y*w.cols:(y+1)*w.cols]...)
	}
	w.v = v
	return w
}

// save writes the disguised model into dir. Names are the places in the model
// behind a random prefix, so that the report can follow a tensor and the order
// of names tells nothing.
func (d disguise) save(dir string, r *rand.Rand, m model) error {
	var tensors []fingerprint.Source
	for i, w := range m {
		if d.change != nil {
			w = d.change(r, w)
		}
		data, err := fingerprint.Quantise(nil, d.dtype, w.v)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("%08x.%d", r.Uint32(), i)
		tensors = append(tensors, fingerprint.Bytes(name, d.dtype, []uint64{uint64(w.rows), uint64(w.cols)}, data))
	}
	slices.SortFunc(tensors, func(a, b fingerprint.Source) int { return cmp.Compare(a.Name, b.Name) })
	create := func(name string) (io.WriteCloser, error) { return os.Create(filepath.Join(dir, name)) }
	if d.gguf {
		f, err := create("model.gguf")
		if err != nil {
			return err
		}
		defer f.Close()
		return fingerprint.WriteGGUF(f, []fingerprint.Meta{fingerprint.MetaText("general.architecture", "llama")}, tensors)
	}
	size := uint64(1) << 40
	if d.shards > 0 {
		size = uint64(len(m)*rows*cols*d.dtype.Size()/d.shards) + 1
	}
	return fingerprint.WriteSharded(create, size, nil, tensors)
}
