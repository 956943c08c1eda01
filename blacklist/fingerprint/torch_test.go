package fingerprint

import (
	"archive/zip"
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// torchGolden is what Python's own pickler writes of a state_dict:
// testdata/torch.py prints it.
const torchGolden = "800263636f6c6c656374696f6e730a4f726465726564446963740a71002952710128580900000066632e776569676874710263746f7263682e5f7574696c730a5f72656275696c645f74656e736f725f76320a71032828580700000073746f72616765710463746f7263680a466c6f617453746f726167650a71055801000000307106580300000063707571074b06747108514b004b024b038671094b034b0186710a8968002952710b74710c52710d580700000066632e62696173710e68032828680463746f7263680a48616c6653746f726167650a710f580100000031711068074d2c01747111514b004d2c018571124b0185711389680029527114747115527116757d711758090000005f6d6574616461746171186800295271195800000000711a7d711b580700000076657273696f6e711c4b01737373622e"

func goldenTensors() []torchTensor {
	return []torchTensor{
		{name: "fc.weight", class: "FloatStorage", key: "0", numel: 6, shape: []uint64{2, 3}},
		{name: "fc.bias", class: "HalfStorage", key: "1", numel: 300, shape: []uint64{300}},
	}
}

func readTorch(b []byte) (Header, error) { return ReadTorch(bytes.NewReader(b), uint64(len(b))) }

// TestTorchFixture: the fixtures are what Python and PyTorch write, byte for
// byte, and what an independent reader of archives reads.
func TestTorchFixture(t *testing.T) {
	if got := hex.EncodeToString(statePickle(goldenTensors()...)); got != torchGolden {
		t.Errorf("pickle %s, want %s", got, torchGolden)
	}
	b := torchBytes(statePickle(goldenTensors()...), make([]byte, 24), make([]byte, 600))
	// The first bytes of every file that torch.save writes.
	want := "PK\x03\x04\x00\x00\x08\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x10\x00\x12\x00archive/data.pklFB\x0e\x00ZZZZZZZZZZZZZZ\x80\x02ccollections\nOrderedDict\n"
	if !strings.HasPrefix(string(b), want) {
		t.Errorf("%q", b[:len(want)])
	}
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		if at, err := f.DataOffset(); err != nil || at%64 != 0 {
			t.Errorf("%s at %d: %v", f.Name, at, err)
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
}

func TestTorch(t *testing.T) {
	h, err := readTorch(torchBytes(statePickle(goldenTensors()...), make([]byte, 24), make([]byte, 600)))
	if err != nil {
		t.Fatal(err)
	}
	if len(h.Tensors) != 2 || h.Tensors[0].Begin%64 != 0 {
		t.Fatalf("%+v", h)
	}
	for i, want := range []Entry{{"fc.weight", F32, []uint64{2, 3}, 0, 24}, {"fc.bias", F16, []uint64{300}, 0, 600}} {
		got := h.Tensors[i]
		got.Begin, got.End = 0, got.End-got.Begin
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

// TestTorchSame: the same numbers in a checkpoint and in safetensors have the
// same fingerprints, through views, parameters, strides and byte orders.
func TestTorchSame(t *testing.T) {
	t.Attr("invariant", "F1")
	const rows, columns = 300, 1000
	list := random(rows*columns, 1, bfloat)
	want := mustScan(t, writeFS(t, Bytes("w", BF16, []uint64{rows, columns}, values(t, BF16, list))), Options{}).Tensors[0].Fingerprint
	big := func(b []byte, n int) []byte { swapBytes(b, n); return b }
	transposed := make([]float64, len(list))
	for i := range rows {
		for j := range columns {
			transposed[j*rows+i] = list[i*columns+j]
		}
	}
	shape, n := []uint64{rows, columns}, uint64(rows*columns)
	for name, c := range map[string]struct {
		t     torchTensor
		data  []byte
		order string
	}{
		"brain":     {torchTensor{class: "BFloat16Storage", numel: n}, values(t, BF16, list), ""},
		"float":     {torchTensor{class: "FloatStorage", numel: n}, values(t, F32, list), ""},
		"double":    {torchTensor{class: "DoubleStorage", numel: n}, values(t, F64, list), ""},
		"parameter": {torchTensor{class: "FloatStorage", numel: n, param: true}, values(t, F32, list), ""},
		"untyped":   {torchTensor{class: "UntypedStorage", numel: 4 * n, dtype: "float32"}, values(t, F32, list), ""},
		"view": {
			torchTensor{class: "FloatStorage", numel: n + 7, offset: 5},
			slices.Concat(make([]byte, 20), values(t, F32, list), make([]byte, 8)), "",
		},
		"transposed":             {torchTensor{class: "FloatStorage", numel: n, strides: []uint64{1, rows}}, values(t, F32, transposed), ""},
		"big-endian":             {torchTensor{class: "FloatStorage", numel: n}, big(values(t, F32, list), 4), "big"},
		"big-endian, transposed": {torchTensor{class: "BFloat16Storage", numel: n, strides: []uint64{1, rows}}, big(values(t, BF16, transposed), 2), "big"},
	} {
		c.t.name, c.t.key, c.t.shape = "w", "0", shape
		entries := torchEntries(statePickle(c.t), c.data)
		if c.order != "" {
			entries[1].data = []byte(c.order)
		}
		got := mustScan(t, fstest.MapFS{"pytorch_model.bin": {Data: torchZip(entries...)}}, Options{})
		if len(got.Tensors) != 1 || len(got.Skipped) != 0 || got.Tensors[0].Fingerprint != want || got.Tensors[0].Name != "w" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	// Of three dimensions, the last two or the first two swapped.
	for name, c := range map[string]struct {
		shape, strides []uint64
	}{"inner": {[]uint64{3, 250, 400}, []uint64{100000, 1, 250}}, "outer": {[]uint64{250, 3, 400}, []uint64{400, 100000, 1}}, "all": {[]uint64{400, 250, 3}, []uint64{1, 400, 100000}}, "repeated": {[]uint64{250, 300, 4}, []uint64{1, 250, 0}}} {
		plain := make([]float64, rows*columns)
		for i := range plain {
			a, b, k := uint64(i)/(c.shape[1]*c.shape[2]), uint64(i)/c.shape[2]%c.shape[1], uint64(i)%c.shape[2]
			plain[i] = list[a*c.strides[0]+b*c.strides[1]+k*c.strides[2]]
		}
		want := mustScan(t, writeFS(t, Bytes("w", F32, c.shape, values(t, F32, plain))), Options{}).Tensors[0].Fingerprint
		x := torchTensor{name: "w", class: "FloatStorage", key: "0", numel: n, shape: c.shape, strides: c.strides}
		got := mustScan(t, fstest.MapFS{"w.pt": {Data: torchBytes(statePickle(x), values(t, F32, list))}}, Options{})
		if got.Tensors[0].Fingerprint != want {
			t.Errorf("%s: differs", name)
		}
	}
	// Padded columns: rows that lie apart.
	var padded []float64
	for i := range rows {
		padded = append(append(padded, list[i*columns:][:columns]...), 9, 9, 9)
	}
	wide := torchTensor{name: "w", class: "FloatStorage", key: "0", numel: uint64(len(padded)), shape: shape, strides: []uint64{columns + 3, 1}}
	got := mustScan(t, fstest.MapFS{"w.pt": {Data: torchBytes(statePickle(wide), values(t, F32, padded))}}, Options{})
	if got.Tensors[0].Fingerprint != want {
		t.Error("padded rows differ")
	}
}

// TestTorchF8: a format that has no storage class of its own.
func TestTorchF8(t *testing.T) {
	b := make([]byte, 1<<16)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(r.Uint32()) & 0x77
	}
	for dtype, d := range map[string]Dtype{"float8_e4m3fn": F8E4M3, "float8_e5m2": F8E5M2} {
		want := mustScan(t, writeFS(t, Bytes("w", d, []uint64{256, 256}, b)), Options{}).Tensors[0].Fingerprint
		x := torchTensor{name: "w", class: "UntypedStorage", key: "0", numel: 1 << 16, shape: []uint64{256, 256}, dtype: dtype}
		got := mustScan(t, fstest.MapFS{"w.pt": {Data: torchBytes(statePickle(x), b)}}, Options{}).Tensors[0].Fingerprint
		if got != want {
			t.Errorf("%v differs", d)
		}
	}
}

// TestTorchTied: one view under two names is one tensor, two views are two.
func TestTorchTied(t *testing.T) {
	a := torchTensor{name: "embed", class: "FloatStorage", key: "0", numel: 6, shape: []uint64{2, 3}}
	b, c := a, a
	b.name, c.name, c.shape = "head", "flat", []uint64{6}
	h, err := readTorch(torchBytes(statePickle(a, b, c), make([]byte, 24)))
	if err != nil || len(h.Tensors) != 2 || h.Tensors[0].Name != "embed" {
		t.Errorf("%+v, %v", h.Tensors, err)
	}
	// Other tensors under one name keep apart.
	c.name, c.shape = "embed", []uint64{2}
	d := c
	d.name, d.offset = "embed #2", 2
	e := c
	e.offset = 4
	if h, err = readTorch(torchBytes(statePickle(a, d, c, e), make([]byte, 24))); err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, x := range h.Tensors {
		names[x.Name] = true
	}
	if len(names) != 4 || !names["embed"] || !names["embed #3"] {
		t.Errorf("%v", names)
	}
}

// TestHostileTorch: archives that no torch.save writes.
func TestHostileTorch(t *testing.T) {
	t.Attr("invariant", "F3")
	good := torchTensor{name: "w", class: "FloatStorage", key: "0", numel: 6, shape: []uint64{2, 3}}
	file := func(change func(t *torchTensor)) []byte {
		x := good
		change(&x)
		return torchBytes(statePickle(x), make([]byte, 24))
	}
	entries := func(change func(e []zipEntry) []zipEntry) []byte {
		return torchZip(change(torchEntries(statePickle(good), make([]byte, 24)))...)
	}
	for name, b := range map[string][]byte{
		"storage not there":     file(func(t *torchTensor) { t.key = "1" }),
		"storage above":         file(func(t *torchTensor) { t.key = "../version" }),
		"storage larger":        file(func(t *torchTensor) { t.numel = 7 }),
		"storage smaller":       file(func(t *torchTensor) { t.numel = 5 }),
		"storage overflows":     file(func(t *torchTensor) { t.numel = 1<<62 + 6 }),
		"shape larger":          file(func(t *torchTensor) { t.shape = []uint64{3, 3} }),
		"shape overflows":       file(func(t *torchTensor) { t.shape = []uint64{1 << 32, 1 << 32} }),
		"offset":                file(func(t *torchTensor) { t.offset = 1 }),
		"offset far":            file(func(t *torchTensor) { t.offset = 1 << 62 }),
		"offset of nothing":     file(func(t *torchTensor) { t.shape, t.offset = []uint64{0}, 7 }),
		"stride reaches beyond": file(func(t *torchTensor) { t.strides = []uint64{4, 1} }),
		"stride overflows":      file(func(t *torchTensor) { t.strides = []uint64{1 << 62, 1 << 62} }),
		"strides repeat":        file(func(t *torchTensor) { t.shape, t.strides = []uint64{1 << 30, 6}, []uint64{0, 1} }),
		"views without end": func() []byte {
			var list []torchTensor
			for i := range uint64(1000) {
				x := good
				x.shape, x.strides = []uint64{i + 1, 6}, []uint64{0, 1}
				list = append(list, x)
			}
			return torchBytes(statePickle(list...), make([]byte, 24))
		}(),
		"compressed": entries(func(e []zipEntry) []zipEntry { e[2].method = zip.Deflate; return e }),
		"encrypted":  entries(func(e []zipEntry) []zipEntry { e[2].flags = 1; return e }),
		"entry twice": entries(func(e []zipEntry) []zipEntry {
			return append(e, e[2])
		}),
		"pickle twice":       entries(func(e []zipEntry) []zipEntry { return append(e, e[0]) }),
		"entry beside":       entries(func(e []zipEntry) []zipEntry { return append(e, zipEntry{name: "other/data/0"}) }),
		"entries overlap":    entries(func(e []zipEntry) []zipEntry { e[3].at = 64; return e }),
		"entry beyond":       entries(func(e []zipEntry) []zipEntry { e[2].size = 1 << 20; return e }),
		"no local header":    entries(func(e []zipEntry) []zipEntry { e[2].at = 7; return e }),
		"byte order unknown": entries(func(e []zipEntry) []zipEntry { e[1].data = []byte("middle"); return e }),
		"byte order long":    entries(func(e []zipEntry) []zipEntry { e[1].data = make([]byte, 1000); return e }),
		"no directory":       torchBytes(statePickle(good), make([]byte, 24))[:300],
	} {
		if _, err := readTorch(b); !errors.Is(err, ErrTorch) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Scan(fstest.MapFS{"w.pt": {Data: b}}, Options{}); err == nil {
			t.Errorf("%s: scanned", name)
		}
	}
}

// TestHostilePickle: what the machine refuses.
func TestHostilePickle(t *testing.T) {
	t.Attr("invariant", "F6")
	proto := "\x80\x02"
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"os.system":               {proto + "cos\nsystem\n(X\x02\x00\x00\x00idtR.", ErrGlobal},
		"builtins.eval":           {proto + "cbuiltins\neval\n.", ErrGlobal},
		"a global by the stack":   {"\x80\x04\x8c\x02os\x8c\x06system\x93.", ErrGlobal},
		"torch.load":              {proto + "ctorch\nload\n.", ErrGlobal},
		"module with a dot":       {proto + "ctorch._utils._rebuild_tensor\nv2\n.", ErrGlobal},
		"a dtype called":          {proto + "ctorch\nfloat32\n)R.", ErrGlobal},
		"NEWOBJ":                  {proto + "ccollections\nOrderedDict\n)\x81.", ErrGlobal},
		"INST":                    {proto + "(ios\nsystem\n.", ErrGlobal},
		"OBJ":                     {proto + "(ccollections\nOrderedDict\no.", ErrGlobal},
		"EXT1":                    {proto + "\x82\x01.", ErrGlobal},
		"BUILD of a list":         {proto + "]}b.", ErrGlobal},
		"opcode of protocol 0":    {proto + "I1\n.", ErrGlobal},
		"empty":                   {"", ErrPickle},
		"no STOP":                 {proto + "}", ErrPickle},
		"nothing":                 {proto + ".", ErrPickle},
		"two values":              {proto + "}}.", ErrPickle},
		"a mark":                  {proto + "(.", ErrPickle},
		"trailing bytes":          {proto + "}.}", ErrPickle},
		"protocol 9":              {"\x80\x09}.", ErrPickle},
		"text beyond the end":     {proto + "X\xff\xff\xff\x7fa.", ErrPickle},
		"text of 2^63":            {"\x80\x04\x8d\x00\x00\x00\x00\x00\x00\x00\x80.", ErrPickle},
		"text is not UTF-8":       {proto + "X\x01\x00\x00\x00\xff.", ErrPickle},
		"memo empty":              {proto + "h\x07.", ErrPickle},
		"PUT of nothing":          {proto + "q\x00.", ErrPickle},
		"line without an end":     {proto + "ccollections", ErrPickle},
		"global of numbers":       {"\x80\x04K\x01K\x02\x93.", ErrPickle},
		"TUPLE without a mark":    {proto + "K\x01t.", ErrPickle},
		"TUPLE3 of two":           {proto + "K\x01K\x02\x87.", ErrPickle},
		"TUPLE1 of a mark":        {proto + "(\x85.", ErrPickle},
		"SETITEM into a list":     {proto + "]K\x01K\x02s.", ErrPickle},
		"SETITEMS of three":       {proto + "}(K\x01K\x02K\x03u.", ErrPickle},
		"APPEND to a dict":        {proto + "}K\x01a.", ErrPickle},
		"REDUCE of a number":      {proto + "K\x01)R.", ErrPickle},
		"REDUCE of a list":        {proto + "ccollections\nOrderedDict\n]R.", ErrPickle},
		"POP of nothing":          {proto + "0.", ErrPickle},
		"BINPERSID of text":       {proto + "X\x01\x00\x00\x00aQ.", ErrPickle},
		"tensor of no arguments":  {proto + "ctorch._utils\n_rebuild_tensor_v2\n)R.", ErrPickle},
		"parameter of a number":   {proto + "ctorch._utils\n_rebuild_parameter\nK\x01\x88}\x87R.", ErrPickle},
		"Size of two":             {proto + "ctorch\nSize\nK\x01K\x02\x86R.", ErrPickle},
		"negative sizes":          {negative(), ErrPickle},
		"stack without end":       {proto + strings.Repeat("}", maxPickleStack+1), ErrPickle},
		"storage of a dtype":      {proto + "(X\x07\x00\x00\x00storagectorch\nfloat32\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x06tQ.", ErrPickle},
		"storage of other module": {proto + "ctorch.cuda\nFloatStorage\n.", ErrGlobal},
	} {
		if _, err := parsePickle([]byte(c.text)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// negative is a state_dict with a dimension of −1.
func negative() string {
	return strings.Replace(string(statePickle(goldenTensors()[0])), "K\x02K\x03\x86", "J\xff\xff\xff\xffK\x03\x86", 1)
}

// TestTorchIndex: a shard that the index names and that is not there is an
// error, not a smaller model.
func TestTorchIndex(t *testing.T) {
	t.Attr("invariant", "F3")
	shard := torchBytes(statePickle(goldenTensors()...), make([]byte, 24), make([]byte, 600))
	index := `{"metadata":{},"weight_map":{"a":"pytorch_model-00001-of-00002.bin","b":"pytorch_model-00002-of-00002.bin"}}`
	m := fstest.MapFS{"m/pytorch_model.bin.index.json": {Data: []byte(index)}, "m/pytorch_model-00001-of-00002.bin": {Data: shard}}
	if _, err := Scan(m, Options{}); !errors.Is(err, ErrIndex) {
		t.Errorf("shard missing: %v", err)
	}
	m["m/pytorch_model-00002-of-00002.bin"] = &fstest.MapFile{Data: shard}
	if got := mustScan(t, m, Options{}); len(got.Tensors) != 4 {
		t.Errorf("%d tensors", len(got.Tensors))
	}
}

// TestTorchUnread: pickles that need code, older files and other archives are
// left to the manifest, and named.
func TestTorchUnread(t *testing.T) {
	t.Attr("invariant", "F6")
	m := fstest.MapFS{
		"legacy.pt":         {Data: []byte("\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.")},
		"training_args.bin": {Data: torchBytes([]byte("\x80\x02ctransformers.training_args\nTrainingArguments\n)\x81."))},
		"script.pt":         {Data: torchZip(zipEntry{name: "m/code/a.py", data: []byte("x")})},
		"empty.ckpt":        {Data: nil},
		"state.pth":         {Data: torchBytes(statePickle(goldenTensors()...), make([]byte, 24), make([]byte, 600))},
	}
	got := mustScan(t, m, Options{})
	if diff := cmp.Diff([]string{"empty.ckpt", "legacy.pt", "script.pt", "training_args.bin"}, got.Skipped); diff != "" || len(got.Tensors) != 2 {
		t.Error(diff, got.Tensors)
	}
}

func FuzzTorch(f *testing.F) {
	f.Add(torchBytes(statePickle(goldenTensors()...), make([]byte, 24), make([]byte, 600)))
	f.Add(torchBytes(statePickle(torchTensor{name: "w", class: "UntypedStorage", key: "0", numel: 8, shape: []uint64{2, 2}, strides: []uint64{1, 2}, dtype: "bfloat16", param: true}), make([]byte, 8)))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := readTorch(b)
		if err != nil {
			return
		}
		// What is accepted can be read: every element lies in the file. (Not by
		// Scan: with goroutines, the same input covers other code each time.)
		for i, e := range h.Tensors {
			x := newTensor(e, 0, h.Data)
			x.strides = h.strides[i]
			for l := range x.count() {
				at, n := x.span(l)
				if x.strides == nil {
					if at+uint64(n) > uint64(len(b)) {
						t.Fatalf("%+v", e)
					}
				} else if err := gather(bytes.NewReader(b), make([]byte, n), x, uint64(l)*leafElements); err != nil {
					t.Fatalf("%+v: %v", e, err)
				}
			}
		}
	})
}

// FuzzPickle: no input makes the machine panic, and what it accepts are
// tensors over storages that the pickle names.
func FuzzPickle(f *testing.F) {
	f.Add(statePickle(goldenTensors()...))
	f.Add(statePickle(torchTensor{name: "w", class: "UntypedStorage", key: "0", numel: 1 << 40, shape: []uint64{2, 2, 3, 4}, dtype: "float8_e4m3fn", param: true}))
	f.Add([]byte("\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x01a\x94K\x01s\x8f(K\x01\x90\x86."))
	f.Add([]byte("\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x06\x00\x00\x00latin1\x86R."))
	f.Fuzz(func(t *testing.T, b []byte) {
		tensors, err := parsePickle(b)
		if err != nil {
			if !errors.Is(err, ErrPickle) && !errors.Is(err, ErrGlobal) {
				t.Fatal(err)
			}
			return
		}
		for _, x := range tensors {
			if x.dtype.Size() == 0 || len(x.shape) != len(x.strides) || !bytes.Contains(b, []byte(x.storage.key)) {
				t.Fatalf("%+v", x)
			}
		}
	})
}
