package fingerprint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// mapFile is an fs file writer onto a MapFS.
type mapFile struct {
	bytes.Buffer
	fs   fstest.MapFS
	name string
}

func (f *mapFile) Close() error {
	f.fs[f.name] = &fstest.MapFile{Data: f.Bytes()}
	return nil
}

func creator(m fstest.MapFS) func(string) (io.WriteCloser, error) {
	return func(name string) (io.WriteCloser, error) { return &mapFile{fs: m, name: name}, nil }
}

func writeFS(t testing.TB, tensors ...Source) fstest.MapFS {
	t.Helper()
	var b bytes.Buffer
	if err := WriteFile(&b, nil, tensors); err != nil {
		t.Fatal(err)
	}
	return fstest.MapFS{"model.safetensors": {Data: b.Bytes()}}
}

func mustScan(t testing.TB, m fstest.MapFS, opts Options) Model {
	t.Helper()
	model, err := Scan(m, opts)
	if err != nil {
		t.Fatal(err)
	}
	return model
}

// values encodes reals in a dtype that holds them all.
func values(t testing.TB, d Dtype, list []float64) []byte {
	t.Helper()
	c := map[Dtype]class{
		U8: classU8, I8: classI8, U16: classU16, I16: classI16, U32: classU32, I32: classI32, U64: classU64, I64: classI64,
		F8E4M3: classE4M3, F8E5M2: classE5M2, BF16: classBF16, F16: classF16, F32: classF32, F64: classF64,
	}[d]
	var b []byte
	for _, v := range list {
		bits, ok := c.encode(number{f: v})
		if !ok {
			t.Fatalf("%v does not hold %v", d, v)
		}
		b = append(b, binary.LittleEndian.AppendUint64(nil, bits)[:d.Size()]...)
	}
	return b
}

func bfloat(r *rand.Rand) float64 {
	return float64(math.Float32frombits(math.Float32bits(float32(r.NormFloat64())) &^ 0xffff))
}

func random(n int, seed uint64, one func(*rand.Rand) float64) []float64 {
	r := rand.New(rand.NewPCG(seed, 0))
	list := make([]float64, n)
	for i := range list {
		list[i] = one(r)
	}
	return list
}

// TestManifestKnownAnswer holds the manifest against the goldens of the
// reference implementation: sigstore/model-transparency
// tests/_signing/testdata/signing/TestPayload/{sample,deep}_model_folder,
// whose files are made in tests/conftest.py.
func TestManifestKnownAnswer(t *testing.T) {
	sample, deep := fstest.MapFS{}, fstest.MapFS{}
	for i := range 2 {
		for j := range 3 {
			sample[fmt.Sprintf("d%d/f%d%d", i, i, j)] = &fstest.MapFile{Data: fmt.Appendf(nil, "This is file f%d%d in d%d.", i, j, i)}
		}
	}
	for i := range 4 {
		sample[fmt.Sprintf("f%d", i)] = &fstest.MapFile{Data: fmt.Appendf(nil, "This is file f%d in root.", i)}
		deep[fmt.Sprintf("d0/d1/d2/d3/d4/f%d", i)] = &fstest.MapFile{Data: fmt.Appendf(nil, "This is file f%d.", i)}
	}
	for name, c := range map[string]struct {
		fs   fstest.MapFS
		want string
	}{
		"sample": {sample, "143cc682e555951649f18e2761c3d526d2502996f5e32dc187ef7f8a614f8df7"},
		"deep":   {deep, "18b5a45fe7983f7194e8ffd96c80f5f0ec53191bf4a32b6aff293f043e816d7a"},
	} {
		if got := fmt.Sprintf("%x", mustScan(t, c.fs, Options{}).Manifest.Value); got != c.want {
			t.Errorf("%s: manifest %s, want %s", name, got, c.want)
		}
	}
	// What the reference leaves out by default changes nothing.
	want := mustScan(t, sample, Options{})
	for _, name := range []string{".git/HEAD", ".gitattributes", ".gitignore", ".github/x", "model.sig"} {
		sample[name] = &fstest.MapFile{Data: []byte("x")}
	}
	if got := mustScan(t, sample, Options{}); got.Manifest != want.Manifest {
		t.Error("ignored files enter the manifest")
	}
}

// TestManifestOrder: paths sort by component, as pathlib does, not as strings.
func TestManifestOrder(t *testing.T) {
	m := fstest.MapFS{"a/x": {Data: []byte("1")}, "a-b/x": {Data: []byte("2")}, "a.x": {Data: []byte("3")}}
	files, err := walk(m, false)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.name)
	}
	if diff := cmp.Diff([]string{"a/x", "a-b/x", "a.x"}, names); diff != "" {
		t.Error(diff)
	}
}

// TestTensorUpcasts: every container that holds the same numbers gives the
// same fingerprint, and one changed number another.
func TestTensorUpcasts(t *testing.T) {
	t.Attr("invariant", "F1")
	const n = 3 * leafElements / 2 // one full leaf, one half
	shape := []uint64{3, leafElements / 2}
	for name, c := range map[string]struct {
		dtypes []Dtype
		one    func(*rand.Rand) float64
	}{
		"bfloat": {[]Dtype{BF16, F32, F64}, bfloat},
		"half":   {[]Dtype{F16, F32, F64}, func(r *rand.Rand) float64 { return float64(r.IntN(4096)-2048) / 1024 }},
		"single": {[]Dtype{F32, F64}, func(r *rand.Rand) float64 { return float64(float32(r.NormFloat64())) }},
		"e4m3":   {[]Dtype{F8E4M3, BF16, F16, F32, F64}, func(r *rand.Rand) float64 { return math.Ldexp(float64(8+r.IntN(8)), r.IntN(8)-9) }},
		"e5m2":   {[]Dtype{F8E5M2, BF16, F16, F32, F64}, func(r *rand.Rand) float64 { return math.Ldexp(float64(4+r.IntN(4)), r.IntN(24)-15) }},
		"int8":   {[]Dtype{I8, I16, I32, I64, BF16, F16, F32, F64}, func(r *rand.Rand) float64 { return float64(r.IntN(255) - 127) }},
		"uint8":  {[]Dtype{U8, U16, I16, U32, I32, U64, I64, BF16, F16, F32, F64}, func(r *rand.Rand) float64 { return float64(r.IntN(256)) }},
		"int32":  {[]Dtype{I32, I64, F64}, func(r *rand.Rand) float64 { return float64(int32(r.Uint32())) }},
		"zeros, signed": {[]Dtype{F8E5M2, BF16, F16, F32, F64}, func(r *rand.Rand) float64 {
			return []float64{0, 1.5, math.NaN(), math.Inf(-1)}[r.IntN(4)]
		}},
	} {
		t.Run(name, func(t *testing.T) {
			list := random(n, 1, c.one)
			var want Fingerprint
			for i, d := range c.dtypes {
				got := mustScan(t, writeFS(t, Bytes(fmt.Sprint("w", i), d, shape, values(t, d, list))), Options{Workers: 1 + i%3})
				fp := got.Tensors[0].Fingerprint
				if i == 0 {
					want = fp
				} else if fp != want {
					t.Errorf("%v differs from %v", d, c.dtypes[0])
				}
				if !got.Tensors[0].Eligible || got.Parameters != n {
					t.Errorf("%v: %+v", d, got.Tensors[0])
				}
			}
			list[n-1], list[0] = list[n-2]+1, 1
			last := c.dtypes[len(c.dtypes)-1]
			if got := mustScan(t, writeFS(t, Bytes("w", last, shape, values(t, last, list))), Options{}); got.Tensors[0].Fingerprint == want {
				t.Error("a changed number does not change the fingerprint")
			}
			if got := mustScan(t, writeFS(t, Bytes("w", last, []uint64{n / 3, 3}, values(t, last, list))), Options{}); got.Tensors[0].Fingerprint == want {
				t.Error("the shape does not enter")
			}
		})
	}
}

// TestTensorLateWide: the one number that needs the wide class comes last, so
// that every leaf before it has been hashed in a narrower one.
func TestTensorLateWide(t *testing.T) {
	t.Attr("invariant", "F1")
	const n = 5 * leafElements
	list := random(n, 2, func(r *rand.Rand) float64 { return float64(r.IntN(200)) })
	list[2*leafElements] = -1                   // needs I8 … I64: 199 does not fit I8
	list[n-1] = math.Ldexp(1, -1074)            // needs F64
	list[3*leafElements] = float64(float32(.1)) // needs F32
	data := values(t, F64, list)
	var want Fingerprint
	for i, workers := range []int{1, 2, 3, 8} {
		got := mustScan(t, writeFS(t, Bytes("w", F64, []uint64{5, leafElements}, data)), Options{Workers: workers}).Tensors[0].Fingerprint
		if i == 0 {
			want = got
		} else if got != want {
			t.Errorf("%d workers give another fingerprint", workers)
		}
	}
}

// TestTensorSpecials: −0 is 0, all NaNs are one, infinities are not NaN.
func TestTensorSpecials(t *testing.T) {
	t.Attr("invariant", "F1")
	fill := func(d Dtype, bits ...uint64) Fingerprint {
		var b []byte
		for i := range 1024 {
			b = append(b, binary.LittleEndian.AppendUint64(nil, bits[i%len(bits)])[:d.Size()]...)
		}
		return mustScan(t, writeFS(t, Bytes("w", d, []uint64{32, 32}, b)), Options{}).Tensors[0].Fingerprint
	}
	half := map[Dtype]uint64{BF16: 0x3fc1, F16: 0x3c01, F32: 0x3fc00001, F64: 0x3ff8000000000001, F8E4M3: 0x3d, F8E5M2: 0x3d}
	for d, specials := range map[Dtype][2][]uint64{
		F8E4M3: {{0x80}, {0x7f, 0xff}},
		F8E5M2: {{0x80}, {0x7d, 0x7e, 0x7f, 0xfd, 0xfe, 0xff}},
		BF16:   {{0x8000}, {0x7f81, 0x7fff, 0xff81, 0xffff, 0xffc0}},
		F16:    {{0x8000}, {0x7c01, 0x7fff, 0xfc01, 0xfe00}},
		F32:    {{0x80000000}, {0x7f800001, 0x7fffffff, 0xff800001, 0xffc00000}},
		F64:    {{1 << 63}, {0x7ff0000000000001, 0xfff8000000000000}},
	} {
		x := half[d]
		if fill(d, x, 0, x, x, x) != fill(d, x, specials[0][0], x, x, x) {
			t.Errorf("%v: −0 is not 0", d)
		}
		nan := fill(d, x, specials[1][0], x, x, x)
		for _, b := range specials[1] {
			if fill(d, x, b, x, x, x) != nan {
				t.Errorf("%v: NaN %x differs", d, b)
			}
		}
		if fill(d, x, 0, x, x, x) == nan {
			t.Errorf("%v: NaN is 0", d)
		}
	}
	if fill(BF16, 0x7f80, 0x3fc1) == fill(BF16, 0x7fc0, 0x3fc1) {
		t.Error("infinity is NaN")
	}
	if fill(U64, 1<<63+1) == fill(U64, 1<<63) || fill(U64, 1<<63+1) == fill(I64, 1<<63+1) {
		t.Error("wide integers collide")
	}
	if fill(U64, 1<<63-1) != fill(I64, 1<<63-1) {
		t.Error("wide integers differ by container")
	}
}

// TestSharding: names, shards, order and workers do not enter.
func TestSharding(t *testing.T) {
	t.Attr("invariant", "F1")
	var a, b []Source
	for i := range 7 {
		data := values(t, BF16, random(300*(i+1), uint64(i), bfloat))
		shape := []uint64{uint64(i + 1), 300}
		a = append(a, Bytes(fmt.Sprint("layer.", i), BF16, shape, data))
		b = append(b, Bytes(fmt.Sprint("renamed.", 9-i), BF16, shape, data))
	}
	slices.Reverse(b)
	sharded := fstest.MapFS{}
	if err := WriteSharded(creator(sharded), 2000, map[string]string{"format": "pt"}, b); err != nil {
		t.Fatal(err)
	}
	if len(sharded) < 5 {
		t.Fatalf("only %d files", len(sharded))
	}
	set := func(m Model) map[Fingerprint]int {
		out := make(map[Fingerprint]int)
		for _, p := range m.Tensors {
			out[p.Fingerprint]++
		}
		return out
	}
	one, many := mustScan(t, writeFS(t, a...), Options{}), mustScan(t, sharded, Options{Workers: 5})
	if diff := cmp.Diff(set(one), set(many)); diff != "" {
		t.Error(diff)
	}
	if one.Manifest == many.Manifest || one.Parameters != many.Parameters {
		t.Error("manifest or parameters")
	}
}

func TestEligible(t *testing.T) {
	const side = 256
	bits := func(f func(i, j int) float64) []byte {
		var list []float64
		for i := range side {
			for j := range side {
				list = append(list, f(i, j))
			}
		}
		return values(t, BF16, list)
	}
	r := rand.New(rand.NewPCG(3, 0))
	for name, c := range map[string]struct {
		shape []uint64
		f     func(i, j int) float64
		want  Reason
	}{
		"weights":     {[]uint64{side, side}, func(_, _ int) float64 { return bfloat(r) }, ""},
		"ternary":     {[]uint64{side, side}, func(_, _ int) float64 { return float64(r.IntN(3) - 1) }, ""},
		"vector":      {[]uint64{side * side}, func(_, _ int) float64 { return bfloat(r) }, OneDimensional},
		"as a column": {[]uint64{side * side, 1, 1}, func(_, _ int) float64 { return bfloat(r) }, OneDimensional},
		"zeros":       {[]uint64{side, side}, func(_, _ int) float64 { return 0 }, NearConstant},
		"identity":    {[]uint64{side, side}, func(i, j int) float64 { return float64(btoi(i == j)) }, NearConstant},
		"causal mask": {[]uint64{side, side}, func(i, j int) float64 { return float64(btoi(i >= j)) }, NearConstant},
	} {
		got := mustScan(t, writeFS(t, Bytes("w", BF16, c.shape, bits(c.f))), Options{}).Tensors[0]
		if got.Reason != c.want || got.Eligible != (c.want == "") {
			t.Errorf("%s: %q, want %q", name, got.Reason, c.want)
		}
	}
	small := values(t, BF16, random(MinElements-2, 4, bfloat))
	if got := mustScan(t, writeFS(t, Bytes("w", BF16, []uint64{2, MinElements/2 - 1}, small)), Options{}).Tensors[0]; got.Reason != Small {
		t.Errorf("small: %q", got.Reason)
	}
	if got := mustScan(t, writeFS(t, Bytes("w", BF16, []uint64{0, 2}, nil)), Options{}).Tensors[0]; got.Eligible {
		t.Error("an empty tensor is eligible")
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestScanOptions(t *testing.T) {
	m := writeFS(t, Bytes("w", BF16, []uint64{4, leafElements}, values(t, BF16, random(4*leafElements, 5, bfloat))))
	m["weights.onnx"] = &fstest.MapFile{Data: []byte("ONNX")}
	var last, total uint64
	got := mustScan(t, m, Options{Progress: func(d, n uint64) {
		if d < last || d > n {
			t.Errorf("progress %d after %d of %d", d, last, n)
		}
		last, total = d, n
	}})
	if last != total || total == 0 {
		t.Errorf("progress ended at %d of %d", last, total)
	}
	if diff := cmp.Diff([]string{"weights.onnx"}, got.Skipped); diff != "" {
		t.Error(diff)
	}
	single := mustScan(t, m, Options{File: "model.safetensors"})
	if single.Manifest == got.Manifest || single.Tensors[0].Fingerprint != got.Tensors[0].Fingerprint {
		t.Error("single file")
	}
	stop := make(chan struct{})
	close(stop)
	if _, err := Scan(m, Options{Stop: stop}); !errors.Is(err, ErrStopped) {
		t.Errorf("stopped: %v", err)
	}
	if _, err := Scan(fstest.MapFS{}, Options{}); !errors.Is(err, ErrNoFiles) {
		t.Errorf("empty: %v", err)
	}
}

// TestChanged: a file that changes while it is read gives no fingerprint.
func TestChanged(t *testing.T) {
	t.Attr("invariant", "F4")
	m := writeFS(t, Bytes("w", BF16, []uint64{4, leafElements}, values(t, BF16, random(4*leafElements, 6, bfloat))))
	f := m["model.safetensors"]
	for name, change := range map[string]func(){
		"grown":   func() { f.Data = append(f.Data, 0) },
		"shrunk":  func() { f.Data = f.Data[:len(f.Data)-2] },
		"touched": func() { f.ModTime = f.ModTime.Add(time.Second) },
	} {
		once := true
		_, err := Scan(m, Options{Workers: 1, Progress: func(_, _ uint64) {
			if once {
				once = false
				change()
			}
		}})
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		*f = *writeFS(t, Bytes("w", BF16, []uint64{4, leafElements}, values(t, BF16, random(4*leafElements, 6, bfloat))))["model.safetensors"]
	}
}
