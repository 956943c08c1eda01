package fingerprint

import "fmt"

// sketcher owns a worker's buffers for sketches.
type sketcher struct {
	bytes  []byte
	values []float32
	sample []float32
	counts []uint32
}

// sampled returns which blocks of accumulators elements the plain sketch
// reads: all of a small tensor, every step-th of a larger one. Noise and
// likeness are spread over a tensor: more blocks would cost more and tell no
// more.
func sampled(elements uint64) (blocks, step uint64) {
	all := (elements + accumulators - 1) / accumulators
	step = (all + maxBlocks - 1) / maxBlocks
	return (all + step - 1) / step, step
}

// sketch reads a tensor once more and sketches it; nil if it is too regular.
// It is read when its last leaf was hashed, from the page cache.
func (w *worker) sketch(t *tensor) (*Sketch, error) {
	k := &w.sketcher
	if k.counts == nil {
		k.counts = make([]uint32, 1<<15)
	}
	blocks, step := sampled(t.elements)
	k.sample = k.sample[:0]
	for b := range blocks {
		at := b * step * accumulators
		v, err := w.elements(t, at, min(accumulators, t.elements-at))
		if err != nil {
			return nil, err
		}
		k.sample = append(k.sample, v...)
	}
	if err := w.advance(0); err != nil {
		return nil, err
	}
	scale, ok := scaleOf(k.sample, k.counts)
	if !ok {
		return nil, nil
	}
	var plain bander
	q := newQuantiser(scale)
	for b := range blocks {
		at := b * accumulators
		plain.add(b*step, k.sample[at:min(at+accumulators, uint64(len(k.sample)))], q)
	}
	var s Sketch
	if s.Band, s.Rank, ok = plain.finish(); !ok {
		return nil, nil
	}
	rows, cols, ok := columns(t.Shape)
	if !ok {
		return &s, nil
	}
	p, err := w.permute(t, rows, cols)
	if err != nil {
		return nil, err
	}
	if bits, rank, ok := p.finish(); ok {
		s.BandP, s.RankP = bits, rank
	}
	return &s, nil
}

// permute sketches the rows. Short rows are read many at once, of long ones
// only what is used.
func (w *worker) permute(t *tensor, rows, cols uint64) (*permuter, error) {
	start, n := used(cols)
	p := newPermuter(n)
	// Whole blocks of every format: short rows of them are 256 at a time.
	many, length := uint64(superBlock), cols
	if cols >= 2*maxUsed {
		many, length = 1, uint64(n)
	}
	together := w.together(t, cols, many == 1)
	for r := uint64(0); r < rows; r += many {
		if together > 0 && r%together == 0 {
			if err := w.fetch(t, r*cols, min(together, rows-r)*cols); err != nil {
				return nil, err
			}
		}
		at := r * cols
		if many == 1 {
			at += start
		}
		var v []float32
		if together > 0 {
			v = w.decoded(t, r%together*cols+start, length)
		} else {
			var err error
			if v, err = w.elements(t, at, min(many, rows-r)*length); err != nil {
				return nil, err
			}
		}
		for ; len(v) >= n; v = v[length:] {
			p.add(v[:n])
		}
		if r%superBlock == 0 {
			if err := w.advance(0); err != nil {
				return nil, err
			}
		}
	}
	return p, nil
}

// elements reads n elements from place first on, in row-major order. In a
// block format all blocks that they touch are read. The result is valid until
// the next call.
func (w *worker) elements(t *tensor, first, n uint64) ([]float32, error) {
	if err := w.fetch(t, first, n); err != nil {
		return nil, err
	}
	per, _ := t.Dtype.Block()
	return w.decoded(t, first%uint64(per), n), nil
}

// together is how many long rows are read at once although little of each is
// used: a call for each would cost more than copying the rest. 0: none.
func (w *worker) together(t *tensor, cols uint64, long bool) uint64 {
	per, size := t.Dtype.Block()
	if length := cols / uint64(per) * uint64(size); long && t.strides == nil && cols%uint64(per) == 0 && length <= rowsRead/8 {
		return rowsRead / length
	}
	return 0
}

// fetch reads the bytes of n elements from place first on, in whole blocks.
func (w *worker) fetch(t *tensor, first, n uint64) error {
	k := &w.sketcher
	per, size := t.Dtype.Block()
	block := uint64(per)
	from := first / block
	count := (first+n+block-1)/block - from
	if need := int(count) * size; cap(k.bytes) < need {
		k.bytes = make([]byte, need)
	}
	k.bytes = k.bytes[:int(count)*size]
	var err error
	if t.strides != nil {
		err = gather(w.at, k.bytes, t, first)
	} else {
		err = readAt(w.at, k.bytes, int64(t.offset+from*uint64(size)))
	}
	if err != nil {
		return fmt.Errorf("%q: tensor %q: %w", w.files[t.file].name, t.Name, err)
	}
	if t.swap {
		swapBytes(k.bytes, t.Dtype.Size())
	}
	return nil
}

// decoded are n of the elements that were fetched, from the skip-th on.
func (w *worker) decoded(t *tensor, skip, n uint64) []float32 {
	k := &w.sketcher
	per, size := t.Dtype.Block()
	block := uint64(per)
	from, to := skip/block, (skip+n+block-1)/block
	k.values = Decode(k.values, k.bytes[from*uint64(size):to*uint64(size)], t.Dtype)
	return k.values[skip-from*block:][:n]
}
