package blacklist

// bitWriter appends bits, most significant first.
type bitWriter struct {
	b    []byte
	word byte
	n    int // bits in word
}

// write appends the low n bits of v.
func (w *bitWriter) write(v uint64, n int) {
	for n > 0 {
		take := min(n, 8-w.n)
		w.word = w.word<<take | byte(v>>(n-take))&(1<<take-1)
		w.n, n = w.n+take, n-take
		if w.n == 8 {
			w.b, w.word, w.n = append(w.b, w.word), 0, 0
		}
	}
}

// end fills the last byte with zeros.
func (w *bitWriter) end() []byte {
	if w.n > 0 {
		w.write(0, 8-w.n)
	}
	return w.b
}

// bitReader reads what bitWriter wrote; after the first failure it reads zeros.
type bitReader struct {
	b   []byte
	at  int // bits read
	bad bool
}

func (r *bitReader) read(n int) (v uint64) {
	if r.bad || n > 8*len(r.b)-r.at {
		r.bad = true
		return 0
	}
	for n > 0 {
		left := 8 - r.at&7
		take := min(n, left)
		v = v<<take | uint64(r.b[r.at>>3])>>(left-take)&(1<<take-1)
		r.at, n = r.at+take, n-take
	}
	return v
}

// unary reads ones up to a zero; more than limit of them are a failure.
func (r *bitReader) unary(limit uint64) (n uint64) {
	for r.read(1) == 1 {
		if n++; n > limit {
			r.bad = true
			return 0
		}
	}
	return n
}

// done reports whether nothing failed and nothing but the last byte's zeros is
// left.
func (r *bitReader) done() bool {
	left := 8*len(r.b) - r.at
	return !r.bad && left < 8 && r.read(left) == 0
}
