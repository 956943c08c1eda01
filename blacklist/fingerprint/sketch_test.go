package fingerprint

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

// heavy returns weights with heavy tails (Student's t of 4 degrees) and a few
// outlying columns, rows × cols.
func heavy(rows, cols int, seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 0x6865617679))
	w := make([]float32, rows*cols)
	for i := range w {
		var s float64
		for range 4 {
			z := r.NormFloat64()
			s += z * z
		}
		w[i] = float32(0.02 * r.NormFloat64() / math.Sqrt(s/4))
		if i%cols%97 == 3 {
			w[i] *= 4
		}
	}
	return w
}

// sketchOf scans one tensor of those values in d.
func sketchOf(t testing.TB, d Dtype, rows, cols int, values []float32) *Sketch {
	t.Helper()
	data, err := Quantise(nil, d, values)
	if err != nil {
		t.Fatal(err)
	}
	// The values that the format holds, in a container that has all of them.
	m := mustScan(t, writeFS(t, Bytes("w", F32, []uint64{uint64(rows), uint64(cols)}, float32s(nil, Decode(nil, data, d)))), Options{})
	if m.Tensors[0].Sketch == nil {
		t.Fatalf("no sketch: %+v", m.Tensors[0])
	}
	return m.Tensors[0].Sketch
}

// agree counts the bands that are equal, and the bits that differ.
func agree(a, b []byte) (hits, wrong int) {
	for i := 0; i < len(a); i += bandBytes {
		if slices.Equal(a[i:i+bandBytes], b[i:i+bandBytes]) {
			hits++
		}
	}
	for i := range a {
		wrong += bits.OnesCount8(a[i] ^ b[i])
	}
	return hits, wrong
}

func TestSketchSurvives(t *testing.T) {
	t.Attr("invariant", "F7")
	const rows, cols = 512, 768
	w := heavy(rows, cols, 1)
	ref := sketchOf(t, F32, rows, cols, w)
	scaled := slices.Clone(w)
	for i := range scaled {
		scaled[i] *= 3.7
	}
	for name, c := range map[string]struct {
		got   *Sketch
		wrong int // most bits of 768
	}{
		"F16":    {sketchOf(t, F16, rows, cols, w), 8},
		"BF16":   {sketchOf(t, BF16, rows, cols, w), 12},
		"Q8_0":   {sketchOf(t, Q8_0, rows, cols, w), 25},
		"Q4_K":   {sketchOf(t, Q4_K, rows, cols, w), 80},
		"Q4_0":   {sketchOf(t, Q4_0, rows, cols, w), 110},
		"scaled": {sketchOf(t, F32, rows, cols, scaled), 8},
	} {
		_, plain := agree(ref.Band, c.got.Band)
		_, p := agree(ref.BandP, c.got.BandP)
		if plain > c.wrong || p > c.wrong {
			t.Errorf("%s: %d and %d of 768 bits differ, want at most %d", name, plain, p, c.wrong)
		}
	}
	other := sketchOf(t, F32, rows, cols, heavy(rows, cols, 2))
	for _, pair := range [][2][]byte{{ref.Band, other.Band}, {ref.BandP, other.BandP}} {
		if hits, wrong := agree(pair[0], pair[1]); hits > 0 || wrong < 300 || wrong > 468 {
			t.Errorf("unrelated: %d bands, %d bits differ", hits, wrong)
		}
	}
}

func TestSketchPermutedRows(t *testing.T) {
	t.Attr("invariant", "F7")
	for _, cols := range []int{130, 256, 1536} {
		const rows = 600
		w := heavy(rows, cols, 3)
		shuffled := make([]float32, 0, len(w))
		for _, r := range rand.New(rand.NewPCG(1, 1)).Perm(rows) {
			shuffled = append(shuffled, w[r*cols:(r+1)*cols]...)
		}
		a, b := sketchOf(t, F32, rows, cols, w), sketchOf(t, F32, rows, cols, shuffled)
		if !slices.Equal(a.BandP, b.BandP) || a.RankP != b.RankP {
			t.Errorf("%d columns: permuted rows change bandp", cols)
		}
		if hits, _ := agree(a.Band, b.Band); hits > 0 {
			t.Errorf("%d columns: %d plain bands survive a permutation", cols, hits)
		}
	}
}

// TestSketchOrder: blocks and rows in any order, by any number of workers.
func TestSketchOrder(t *testing.T) {
	w := heavy(64, 4096, 4)
	q := newQuantiser(0.03)
	var forward, a, b bander
	for i := range 64 {
		forward.add(uint64(i), w[i*4096:(i+1)*4096], q)
	}
	for i := 63; i >= 0; i-- {
		s := &a
		if i%3 == 0 {
			s = &b
		}
		s.add(uint64(i), w[i*4096:(i+1)*4096], q)
	}
	a.merge(&b)
	if a != forward {
		t.Error("the order of blocks changes the sums")
	}
	p, pa, pb := newPermuter(256), newPermuter(256), newPermuter(256)
	for i := range 256 {
		p.add(w[i*256 : (i+1)*256])
		if i%2 == 0 {
			pa.add(w[(255-i)*256 : (256-i)*256])
		} else {
			pb.add(w[(255-i)*256 : (256-i)*256])
		}
	}
	pa.merge(pb)
	if pa.sums != p.sums || pa.cross != p.cross || pa.power != p.power {
		t.Error("the order of rows changes the sums")
	}
}

// TestSketchPlaces: shards, offsets, lossless formats and workers do not enter.
func TestSketchPlaces(t *testing.T) {
	t.Attr("invariant", "F7")
	const rows, cols = 300, 1100
	w := heavy(rows, cols, 5)
	brain, err := Quantise(nil, BF16, w)
	if err != nil {
		t.Fatal(err)
	}
	w = Decode(nil, brain, BF16)
	wide, err := Quantise(nil, F64, w)
	if err != nil {
		t.Fatal(err)
	}
	shape := []uint64{rows, cols}
	first := Bytes("a", BF16, []uint64{3}, make([]byte, 6))
	want := mustScan(t, writeFS(t, Bytes("w", BF16, shape, brain)), Options{Workers: 1}).Tensors[0].Sketch
	for name, m := range map[string]Model{
		"F32, offset, workers": mustScan(t, writeFS(t, first, Bytes("x", F32, shape, float32s(nil, w))), Options{Workers: 7}),
		"F64":                  mustScan(t, writeFS(t, Bytes("y", F64, shape, wide)), Options{}),
	} {
		i := slices.IndexFunc(m.Tensors, func(p TensorPrint) bool { return p.Elements == rows*cols })
		got := m.Tensors[i].Sketch
		if got.Rank != want.Rank || got.RankP != want.RankP || !slices.Equal(got.Band, want.Band) || !slices.Equal(got.BandP, want.BandP) {
			t.Errorf("%s: another sketch", name)
		}
	}
}

// example is the tensor of docs/fingerprints-spec.md.
func example() []float32 {
	values := make([]float32, 300*300)
	for i := range values {
		values[i] = float32(int64(mix(7, uint64(i))>>40)-1<<23) / (1 << 23)
	}
	return values
}

// TestSketchExample holds the definition to the numbers of its document.
func TestSketchExample(t *testing.T) {
	t.Attr("invariant", "F7")
	page, err := os.ReadFile("../../docs/fingerprints-spec.md")
	if err != nil {
		t.Fatal(err)
	}
	values := example()
	scale, ok := scaleOf(values, make([]uint32, 1<<15))
	if !ok {
		t.Fatal("no scale")
	}
	s := sketchOf(t, F32, 300, 300, values)
	band, bandp := s.Prints(FamilyBand), s.Prints(FamilyBandP)
	h := sha256.New()
	for _, f := range slices.Concat(band, bandp) {
		h.Write(f.Value[:])
	}
	for _, row := range []string{
		fmt.Sprintf("| elements 0, 1, 2 | %v, %v, %v |", values[0], values[1], values[2]),
		fmt.Sprintf("| scale S | %v |", scale),
		fmt.Sprintf("| rank of band | %d |", s.Rank),
		fmt.Sprintf("| first 12 bytes of band | %x |", s.Band[:12]),
		fmt.Sprintf("| rank of bandp | %d |", s.RankP),
		fmt.Sprintf("| first 12 bytes of bandp | %x |", s.BandP[:12]),
		fmt.Sprintf("| fingerprint band-0 | %x |", band[0].Value),
		fmt.Sprintf("| fingerprint bandp-15 | %x |", bandp[15].Value),
		fmt.Sprintf("| SHA-256 of all 32 fingerprints, band-0 … bandp-15 | %x |", h.Sum(nil)),
	} {
		if !bytes.Contains(page, []byte(row+"\n")) {
			t.Errorf("the page lacks the row\n%s", row)
		}
	}
}

// TestSketchDefinition computes the example's bits once more, in the plainest
// way that the document's sentences allow.
func TestSketchDefinition(t *testing.T) {
	values := example()
	s := sketchOf(t, F32, 300, 300, values)
	scale, _ := scaleOf(values, make([]uint32, 1<<15))
	var a, o [4096]int64
	var total int64
	for i, v := range values {
		// No element reaches a limit here, and none is NaN.
		q, one := int64(1024/scale*v), int64(1)
		total += q
		j := i % 4096
		if mix(0x68616c746c6f6731, uint64(i/4096*64+j/64))>>(j%64)&1 == 1 {
			q, one = -q, -one
		}
		a[j] += q
		o[j] += one
	}
	for i := range 768 {
		var y int64
		for j := range a {
			x := int64(len(values))*a[j] - total*o[j]
			if bits.OnesCount(uint(i*2731%4096&j))%2 == 1 {
				x = -x
			}
			y += x
		}
		if got := s.Band[i/8]>>(7-i%8)&1 == 1; got != (y > 0) {
			t.Fatalf("bit %d of band", i)
		}
	}
	place := make([]int, 256)
	for i := range place {
		place[i] = i
	}
	for i := 255; i > 0; i-- {
		j := mix(0x68616c746c6f6732, uint64(i)) % uint64(i+1)
		place[i], place[j] = place[j], place[i]
	}
	var p [24][32]int64
	for r := range 300 {
		row := values[r*300 : r*300+256]
		var sum float64
		for _, v := range row {
			sum += math.Abs(float64(v))
		}
		scale := 2 * float32(sum/256)
		var y [64]int64
		for i, col := range place {
			q := int64(1024 / scale * row[col])
			y[i/4] += q - 2*q*int64(i%2)
		}
		for r := range p {
			p[r][0] += y[63] * y[r]
			for k := 1; k < 32; k++ {
				p[r][k] += y[(r+k)%63] * y[(r-k+63)%63]
			}
		}
	}
	for i := range 768 {
		if got := s.BandP[i/8]>>(7-i%8)&1 == 1; got != (p[i/32][i%32] > 0) {
			t.Fatalf("bit %d of bandp", i)
		}
	}
}

// TestSketchless: what is not eligible, too sparse, or not finite has none.
func TestSketchless(t *testing.T) {
	sparse := make([]float32, 1<<16)
	for i := range sparse {
		if i%20 == 0 {
			sparse[i] = float32(i)
		}
	}
	huge := make([]float32, 1<<16)
	for i := range huge {
		huge[i] = float32(math.Inf(1 - i%2*2))
	}
	nan := heavy(256, 256, 6)
	for i := range nan {
		if i%3 > 0 {
			nan[i] = float32(math.NaN())
		}
	}
	m := mustScan(t, writeFS(t,
		Bytes("small", F32, []uint64{100, 100}, float32s(nil, heavy(100, 100, 1))),
		Bytes("flat", F32, []uint64{1 << 16}, float32s(nil, heavy(256, 256, 1))),
		Bytes("sparse", F32, []uint64{256, 256}, float32s(nil, sparse)),
		Bytes("infinite", F32, []uint64{256, 256}, float32s(nil, huge)),
		Bytes("nan", F32, []uint64{256, 256}, float32s(nil, nan)),
		Bytes("narrow", F32, []uint64{4096, 31}, float32s(nil, heavy(4096, 31, 1))),
		Bytes("kernel", F32, []uint64{128, 64, 3, 3}, float32s(nil, heavy(128, 576, 1))),
		Bytes("stack", F32, []uint64{4, 32, 640}, float32s(nil, heavy(128, 640, 1))),
	), Options{})
	want := map[string]string{"nan": "both", "narrow": "band", "kernel": "both", "stack": "both"}
	for _, x := range m.Tensors {
		got := ""
		switch {
		case x.Sketch != nil && x.Sketch.BandP != nil:
			got = "both"
		case x.Sketch != nil:
			got = "band"
		}
		if got != want[x.Name] {
			t.Errorf("%s has sketches %q, want %q", x.Name, got, want[x.Name])
		}
		if x.Sketch != nil && !x.Sketch.fits() {
			t.Errorf("%s: a scan's own sketch does not fit", x.Name)
		}
	}
}

func TestSketched(t *testing.T) {
	var m Model
	for i := range uint64(40) {
		p := TensorPrint{Eligible: i != 7, Name: fmt.Sprint(i), Sketch: &Sketch{Rank: i * 37 % 41, Band: make([]byte, sketchBytes)}}
		p.Fingerprint.Value[0] = byte(i / 2 * 2) // pairs of equal ones
		m.Tensors = append(m.Tensors, p)
	}
	got := m.Sketched(FamilyBand, 5)
	slices.Reverse(m.Tensors)
	other := m.Sketched(FamilyBand, 5)
	if len(got) != 5 || len(other) != 5 {
		t.Fatalf("%d and %d tensors", len(got), len(other))
	}
	seen := make(map[[32]byte]bool)
	for _, x := range got {
		seen[x.Fingerprint.Value] = true
	}
	if len(seen) != 5 {
		t.Error("one fingerprint was chosen twice")
	}
	if n := len(m.Sketched(FamilyBand, 1000)); n != 20 {
		t.Errorf("%d distinct tensors, want 20", n)
	}
}

// BenchmarkSketch is what the sketches add to a tensor's pass, on one core.
func BenchmarkSketch(b *testing.B) {
	for _, side := range [][2]int{{256, 256}, {1024, 1024}, {1024, 4096}, {4096, 4096}} {
		b.Run(fmt.Sprintf("%dx%d", side[0], side[1]), func(b *testing.B) {
			data, err := Quantise(nil, BF16, heavy(side[0], side[1], 1))
			if err != nil {
				b.Fatal(err)
			}
			w := worker{scan: &scan{files: []file{{}}}, at: held(data)}
			x := newTensor(Entry{Name: "w", Dtype: BF16, Shape: []uint64{uint64(side[0]), uint64(side[1])}, End: uint64(len(data))}, 0, 0)
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if _, err := w.sketch(x); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

type held []byte

func (h held) ReadAt(p []byte, off int64) (int, error) { return copy(p, h[off:]), nil }
