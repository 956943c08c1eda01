package fingerprint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// ggufBytes writes a GGUF file into memory.
func ggufBytes(t testing.TB, pairs []Meta, tensors ...Source) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteGGUF(&b, pairs, tensors); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func readGGUF(b []byte) (GGUF, error) { return ReadGGUF(bytes.NewReader(b), uint64(len(b))) }

// allMetadata has a pair of every type, arrays of arrays included.
func allMetadata() []Meta {
	u64 := func(n ...uint64) (b []byte) {
		for _, v := range n {
			b = binary.LittleEndian.AppendUint64(b, v)
		}
		return b
	}
	array := func(typ MetaType, n uint64, elements []byte) []byte {
		b := binary.LittleEndian.AppendUint32(nil, uint32(typ))
		return append(append(b, u64(n)...), elements...)
	}
	text := MetaText("", "token").Raw
	return []Meta{
		MetaText("general.architecture", "llama"),
		{"u8", MetaUint8, []byte{1}},
		{"i8", MetaInt8, []byte{0xff}},
		{"u16", MetaUint16, []byte{1, 2}},
		{"i16", MetaInt16, []byte{1, 0xff}},
		MetaNumber("u32", 7),
		{"i32", MetaInt32, []byte{1, 2, 3, 0xff}},
		{"f32", MetaFloat32, []byte{1, 2, 3, 4}},
		{"bool", MetaBool, []byte{1}},
		{"u64", MetaUint64, u64(math.MaxUint64)},
		{"i64", MetaInt64, u64(math.MaxUint64)},
		{"f64", MetaFloat64, u64(1)},
		{"tokens", MetaArray, array(MetaString, 2, append(bytes.Clone(text), text...))},
		{"scores", MetaArray, array(MetaFloat32, 3, make([]byte, 12))},
		{"flags", MetaArray, array(MetaBool, 2, []byte{0, 1})},
		{"nested", MetaArray, array(MetaArray, 2, append(array(MetaUint8, 3, []byte{1, 2, 3}), array(MetaInt64, 0, nil)...))},
	}
}

func TestGGUF(t *testing.T) {
	pairs := allMetadata()
	b := ggufBytes(t, pairs,
		Bytes("a", F32, []uint64{2, 3}, make([]byte, 24)),
		Bytes("blk.0.ffn", Q4_K, []uint64{3, 512}, make([]byte, 3*2*144)),
		Bytes("scalar", F64, nil, make([]byte, 8)),
	)
	g, err := readGGUF(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(pairs, g.Pairs); diff != "" {
		t.Error(diff)
	}
	want := []Entry{{"a", F32, []uint64{2, 3}, 0, 24}, {"blk.0.ffn", Q4_K, []uint64{3, 512}, 32, 896}, {"scalar", F64, []uint64{}, 896, 904}}
	if diff := cmp.Diff(want, g.Tensors); diff != "" {
		t.Error(diff)
	}
	if g.Data%32 != 0 || g.Data+928 != uint64(len(b)) {
		t.Errorf("data at %d of %d", g.Data, len(b))
	}
	if g.Tensors[1].Elements() != 3*512 {
		t.Errorf("%d elements", g.Tensors[1].Elements())
	}
	// The format's order of dimensions: fastest first.
	if !bytes.Contains(b, append(binary.LittleEndian.AppendUint64(nil, 512), 3, 0, 0, 0, 0, 0, 0, 0)) {
		t.Error("dimensions are not reversed")
	}
	// Without the last padding, and of version 2.
	b[4] = 2
	if _, err := readGGUF(b[:len(b)-24]); err != nil {
		t.Error(err)
	}
	// A header that is longer than the first read.
	long := []Meta{MetaText("long", strings.Repeat("x", 3*ggufFirstRead))}
	if g, err = readGGUF(ggufBytes(t, long, Bytes("a", I8, []uint64{1}, []byte{1}))); err != nil || len(g.Tensors) != 1 {
		t.Errorf("long header: %v", err)
	}
	if g, err = readGGUF(ggufBytes(t, []Meta{MetaNumber("general.alignment", 4096)}, Bytes("a", I8, []uint64{1}, []byte{1}))); err != nil || g.Alignment != 4096 || g.Data != 4096 {
		t.Errorf("alignment: %+v, %v", g, err)
	}
	// Byte for byte what the format's text says.
	hand := new(hand).head(1, 1).text("general.name").u32(8).text("x").tensor("a", 24, 0, 3, 2).data(32)
	if got := ggufBytes(t, []Meta{MetaText("general.name", "x")}, Bytes("a", I8, []uint64{2, 3}, make([]byte, 6))); !bytes.Equal(got, hand) {
		t.Errorf("wrote %x, want %x", got, hand)
	}
	if _, err = readGGUF(ggufBytes(t, nil)); err != nil {
		t.Errorf("no tensors: %v", err)
	}
}

// hand builds a GGUF header byte by byte, for what the writer would refuse.
type hand struct{ bytes.Buffer }

func (h *hand) u32(n uint32) *hand {
	h.Write(binary.LittleEndian.AppendUint32(nil, n))
	return h
}

func (h *hand) u64(list ...uint64) *hand {
	for _, n := range list {
		h.Write(binary.LittleEndian.AppendUint64(nil, n))
	}
	return h
}

func (h *hand) text(s string) *hand {
	h.u64(uint64(len(s))).WriteString(s)
	return h
}

func (h *hand) head(tensors, pairs uint64) *hand {
	h.WriteString("GGUF")
	return h.u32(3).u64(tensors, pairs)
}

func (h *hand) tensor(name string, typ uint32, offset uint64, ne ...uint64) *hand {
	return h.text(name).u32(uint32(len(ne))).u64(ne...).u32(typ).u64(offset)
}

// data pads to the alignment of 32 and appends n bytes.
func (h *hand) data(n int) []byte {
	for h.Len()%32 != 0 {
		h.WriteByte(0)
	}
	h.Write(make([]byte, n))
	return h.Bytes()
}

// TestHostileGGUF: no header is accepted whose tensors are not laid out as the
// format says, nor one that asks for more than it brings.
func TestHostileGGUF(t *testing.T) {
	t.Attr("invariant", "F3")
	at := func() *hand { return new(hand) }
	deep := at().head(0, 1).text("k").u32(9)
	for range maxMetaDepth + 1 {
		deep.u32(9).u64(1)
	}
	for name, b := range map[string][]byte{
		"empty file":             nil,
		"magic alone":            []byte("GGUF"),
		"other magic":            at().u32(0x46554747+1).u32(3).u64(0, 0).Bytes(),
		"version 1":              append([]byte("GGUF"), at().u32(1).u64(0, 0).Bytes()...),
		"version 4":              append([]byte("GGUF"), at().u32(4).u64(0, 0).Bytes()...),
		"big-endian":             append([]byte("GGUF"), at().u32(3<<24).u64(0, 0).Bytes()...),
		"many tensors":           at().head(MaxTensors+1, 0).data(0),
		"tensors that wrap":      at().head(math.MaxUint64, 0).data(0),
		"many pairs":             at().head(0, maxPairs+1).data(0),
		"pair missing":           at().head(0, 1).Bytes(),
		"tensor missing":         at().head(1, 0).Bytes(),
		"key empty":              at().head(0, 1).text("").u32(0).data(1),
		"key too long":           at().head(0, 1).text(strings.Repeat("k", maxMetaKey+1)).u32(0).data(1),
		"key length wraps":       at().head(0, 1).u64(math.MaxUint64).data(64),
		"key not UTF-8":          at().head(0, 1).text("\xff").u32(7).data(1),
		"key twice":              at().head(0, 2).text("k").u32(4).u32(1).text("k").u32(4).u32(1).data(0),
		"value of no type":       at().head(0, 1).text("k").u32(13).data(64),
		"bool of 2":              append(at().head(0, 1).text("k").u32(7).Bytes(), 2),
		"string beyond file":     at().head(0, 1).text("k").u32(8).u64(1 << 40).data(64),
		"string length wraps":    at().head(0, 1).text("k").u32(8).u64(math.MaxUint64 - 3).data(64),
		"array of no type":       at().head(0, 1).text("k").u32(9).u32(13).u64(0).data(0),
		"array beyond file":      at().head(0, 1).text("k").u32(9).u32(0).u64(1 << 40).data(64),
		"array bytes wrap":       at().head(0, 1).text("k").u32(9).u32(10).u64(1<<61 + 1).data(64),
		"array of strings wraps": at().head(0, 1).text("k").u32(9).u32(8).u64(math.MaxUint64).data(64),
		"arrays too deep":        deep.u32(0).u64(0).data(64),
		"alignment not 2^n":      at().head(0, 1).text("general.alignment").u32(4).u32(48).data(0),
		"alignment 0":            at().head(0, 1).text("general.alignment").u32(4).u32(0).data(0),
		"alignment huge":         at().head(0, 1).text("general.alignment").u32(4).u32(1 << 31).data(0),
		"alignment of 64 bits":   at().head(0, 1).text("general.alignment").u32(10).u64(32).data(0),
		"alignment is text":      at().head(0, 1).text("general.alignment").u32(8).text("32").data(0),
		"name empty":             at().head(1, 0).tensor("", 24, 0, 4).data(4),
		"name too long":          at().head(1, 0).tensor(strings.Repeat("n", maxTensorName+1), 24, 0, 4).data(4),
		"name not UTF-8":         at().head(1, 0).tensor("\xc0\x80", 24, 0, 4).data(4),
		"name twice":             at().head(2, 0).tensor("a", 24, 0, 4).tensor("a", 24, 32, 4).data(36),
		"rank 5":                 at().head(1, 0).tensor("a", 24, 0, 1, 1, 1, 1, 4).data(4),
		"rank huge":              at().head(1, 0).text("a").u32(math.MaxUint32).data(64),
		"shape overflows":        at().head(1, 0).tensor("a", 24, 0, 1<<32, 1<<32).data(0),
		"overflow before zero":   at().head(1, 0).tensor("a", 24, 0, 0, 1<<32, 1<<32).data(0),
		"bytes overflow":         at().head(1, 0).tensor("a", 28, 0, 1<<61).data(0),
		"negative dimension":     at().head(1, 0).tensor("a", 24, 0, math.MaxUint64).data(4),
		"row is half a block":    at().head(1, 0).tensor("a", 2, 0, 16, 2).data(18),
		"shape larger":           at().head(1, 0).tensor("a", 24, 0, 5).data(4),
		"shape much smaller":     at().head(1, 0).tensor("a", 24, 0, 3).data(64),
		"gap in front":           at().head(1, 0).tensor("a", 24, 32, 4).data(36),
		"gap":                    at().head(2, 0).tensor("a", 24, 0, 4).tensor("b", 24, 64, 4).data(68),
		"overlap":                at().head(2, 0).tensor("a", 24, 0, 64).tensor("b", 24, 32, 4).data(64),
		"same range":             at().head(2, 0).tensor("a", 24, 0, 4).tensor("b", 24, 0, 4).data(4),
		"unaligned":              at().head(2, 0).tensor("a", 24, 0, 4).tensor("b", 24, 4, 4).data(8),
		"other order":            at().head(2, 0).tensor("b", 24, 32, 4).tensor("a", 24, 0, 4).data(36),
		"offset wraps":           at().head(1, 0).tensor("a", 24, math.MaxUint64-3, 4).data(4),
		"data missing":           at().head(1, 0).tensor("a", 24, 0, 4).data(3),
		"no data at all":         at().head(1, 0).tensor("a", 24, 0, 1<<40).Bytes(),
		"trailing data":          at().head(1, 0).tensor("a", 24, 0, 4).data(33),
		"data without tensors":   at().head(0, 0).data(64),
	} {
		if _, err := readGGUF(b); !errors.Is(err, ErrGGUF) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := readGGUF(at().head(1, 0).tensor("a", 20, 0, 32).data(18)); !errors.Is(err, ErrDtype) {
		t.Errorf("IQ4_NL: %v", err)
	}
}

// TestGGUFSame: the same numbers in GGUF and in safetensors have the same
// fingerprints, a block format that of the numbers it stands for.
func TestGGUFSame(t *testing.T) {
	t.Attr("invariant", "F1")
	t.Attr("invariant", "F5")
	shape := []uint64{300, 1024} // more than one leaf
	x := make([]float32, 300*1024)
	r := rand.New(rand.NewPCG(8, 0))
	for i := range x {
		x[i] = float32(r.NormFloat64()) * 0.02
	}
	for d := F8E4M3; d <= Q6_K; d++ {
		if _, ok := ggmlType(d); !ok {
			continue
		}
		data, err := Quantise(nil, d, x)
		if err != nil {
			t.Fatal(err)
		}
		safe := Bytes("model.layers.0.mlp.up_proj.weight", d, shape, data)
		if d.Quantised() {
			safe = Bytes(safe.Name, F32, shape, float32s(nil, Decode(nil, data, d)))
		}
		want := mustScan(t, writeFS(t, safe), Options{}).Tensors[0]
		gguf := fstest.MapFS{"w.gguf": {Data: ggufBytes(t, allMetadata(), Bytes("blk.0.ffn_up.weight", d, shape, data))}}
		got := mustScan(t, gguf, Options{})
		if len(got.Skipped) > 0 || len(got.Tensors) != 1 {
			t.Fatalf("%v: %+v", d, got)
		}
		if p := got.Tensors[0]; p.Fingerprint != want.Fingerprint || !p.Eligible || p.Elements != want.Elements || cmp.Diff(p.Shape, want.Shape) != "" {
			t.Errorf("%v: %+v, want %+v", d, p, want)
		}
	}
	i8 := make([]byte, 1024*256)
	for i := range i8 {
		i8[i] = byte(r.Uint32())
	}
	want := mustScan(t, writeFS(t, Bytes("w", I8, []uint64{256, 1024}, i8)), Options{}).Tensors[0].Fingerprint
	got := mustScan(t, fstest.MapFS{"w.gguf": {Data: ggufBytes(t, nil, Bytes("w", I8, []uint64{256, 1024}, i8))}}, Options{}).Tensors[0].Fingerprint
	if got != want {
		t.Error("I8 differs")
	}
}

// TestGGUFSplit: parts are one model; what does not fit together is refused.
func TestGGUFSplit(t *testing.T) {
	t.Attr("invariant", "F3")
	var tensors []Source
	for i := range 5 {
		tensors = append(tensors, Bytes(fmt.Sprint("t", i), F16, []uint64{256, 256}, values(t, F16, random(1<<16, uint64(i), func(r *rand.Rand) float64 { return float64(r.IntN(2048)) / 1024 }))))
	}
	split := func() fstest.MapFS {
		m := fstest.MapFS{}
		if err := WriteGGUFSplit(creator(m), "big", 2, allMetadata(), tensors); err != nil {
			t.Fatal(err)
		}
		return m
	}
	whole := mustScan(t, fstest.MapFS{"w.gguf": {Data: ggufBytes(t, nil, tensors...)}}, Options{})
	got := mustScan(t, split(), Options{})
	if len(split()) != 3 || len(got.Tensors) != 5 || got.Parameters != whole.Parameters {
		t.Fatalf("%+v", got)
	}
	for i, p := range got.Tensors {
		if p.Fingerprint != whole.Tensors[i].Fingerprint {
			t.Errorf("tensor %d differs", i)
		}
	}
	if _, err := Scan(split(), Options{File: "big-00002-of-00003.gguf"}); err != nil {
		t.Errorf("a part by itself: %v", err)
	}
	other := fstest.MapFS{}
	if err := WriteGGUFSplit(creator(other), "big", 3, nil, tensors); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(m fstest.MapFS){
		"first part missing": func(m fstest.MapFS) { delete(m, "big-00001-of-00003.gguf") },
		"part missing":       func(m fstest.MapFS) { delete(m, "big-00002-of-00003.gguf") },
		"part renamed": func(m fstest.MapFS) {
			m["big-00004-of-00003.gguf"] = m["big-00003-of-00003.gguf"]
			delete(m, "big-00003-of-00003.gguf")
		},
		"parts swapped": func(m fstest.MapFS) {
			m["big-00003-of-00003.gguf"], m["big-00002-of-00003.gguf"] = m["big-00002-of-00003.gguf"], m["big-00003-of-00003.gguf"]
		},
		"of another split": func(m fstest.MapFS) { m["big-00002-of-00003.gguf"] = other["big-00002-of-00002.gguf"] },
		"tensor missing": func(m fstest.MapFS) {
			fewer := fstest.MapFS{}
			if err := WriteGGUFSplit(creator(fewer), "big", 2, nil, tensors[:3]); err != nil {
				t.Fatal(err)
			}
			b := fewer["big-00002-of-00002.gguf"].Data
			m["big-00002-of-00003.gguf"] = &fstest.MapFile{Data: bytes.Replace(b, []byte("split.count\x02\x00\x00\x00\x02"), []byte("split.count\x02\x00\x00\x00\x03"), 1)}
		},
		"tensor twice": func(m fstest.MapFS) {
			twice := fstest.MapFS{}
			if err := WriteGGUFSplit(creator(twice), "big", 2, nil, append(tensors[:2:2], tensors[0], tensors[1], tensors[4])); err != nil {
				t.Fatal(err)
			}
			m["big-00002-of-00003.gguf"] = twice["big-00002-of-00003.gguf"]
		},
	} {
		m := split()
		change(m)
		if _, err := Scan(m, Options{}); !errors.Is(err, ErrSplit) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestGGUFUnread: a block format that is not read leaves its file to the
// manifest, and says so; the other files are read.
func TestGGUFUnread(t *testing.T) {
	iq := new(hand).head(1, 0).tensor("a", 20, 0, 32).data(18)
	m := writeFS(t, Bytes("w", BF16, []uint64{256, 256}, values(t, BF16, random(1<<16, 1, bfloat))))
	m["iq.gguf"] = &fstest.MapFile{Data: iq}
	got := mustScan(t, m, Options{})
	if diff := cmp.Diff([]string{"iq.gguf"}, got.Skipped); diff != "" || len(got.Tensors) != 1 {
		t.Errorf("%s %+v", diff, got.Tensors)
	}
}

// FuzzGGUF: a header that is read prints as it was.
func FuzzGGUF(f *testing.F) {
	f.Add(ggufBytes(f, allMetadata(), Bytes("a", Q8_0, []uint64{2, 32}, make([]byte, 68)), Bytes("b", F16, []uint64{3}, make([]byte, 6))))
	f.Add(ggufBytes(f, []Meta{MetaNumber("general.alignment", 64)}, Bytes("a", I64, nil, make([]byte, 8))))
	f.Add(new(hand).head(2, 0).tensor("a", 24, 0, 4).tensor("b", 24, 32, 4).data(36))
	f.Add([]byte("GGUF"))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := readGGUF(b)
		if err != nil {
			return
		}
		printed, err := formatGGUF(g.Version, g.Pairs, g.Tensors)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(b, printed) {
			t.Fatalf("printed %x, was %x", printed, b[:min(len(b), len(printed))])
		}
		if g.Data < uint64(len(printed)) || g.Data > uint64(len(b)) {
			t.Fatalf("data at %d", g.Data)
		}
		if _, err := g.splitOf(); err != nil && !errors.Is(err, ErrSplit) {
			t.Fatal(err)
		}
		for _, e := range g.Tensors {
			if e.End > uint64(len(b))-g.Data {
				t.Fatalf("tensor %q ends at %d", e.Name, e.End)
			}
			Decode(nil, b[g.Data+e.Begin:g.Data+e.End], e.Dtype)
		}
	})
}
