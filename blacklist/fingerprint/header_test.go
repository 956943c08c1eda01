package fingerprint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// raw builds a file from header text and a number of data bytes.
func raw(header string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, data)...)
}

func tensorJSON(dtype, shape, offsets string) string {
	return fmt.Sprintf(`{"dtype":%q,"shape":%s,"data_offsets":%s}`, dtype, shape, offsets)
}

func readHeader(b []byte) (Header, error) { return ReadHeader(bytes.NewReader(b), uint64(len(b))) }

func TestHeader(t *testing.T) {
	a, b := tensorJSON("F32", "[2,2]", "[0,16]"), tensorJSON("BF16", "[3]", "[16,22]")
	for name, c := range map[string]struct {
		text string
		data int
	}{
		"empty":           {`{}`, 0},
		"two":             {`{"a":` + a + `,"b":` + b + `}`, 22},
		"other order":     {`{"b":` + b + `,"a":` + a + `}`, 22},
		"padded":          {`{"a":` + a + `}       `, 16},
		"metadata":        {`{"__metadata__":{"format":"pt"},"a":` + a + `}`, 16},
		"scalar":          {`{"a":` + tensorJSON("I64", "[]", "[0,8]") + `}`, 8},
		"empty tensor":    {`{"a":` + tensorJSON("I64", "[0,7]", "[0,0]") + `,"b":` + tensorJSON("U8", "[1]", "[0,1]") + `}`, 1},
		"fields reversed": {`{"a":{"data_offsets":[0,1],"shape":[1],"dtype":"BOOL"}}`, 1},
	} {
		if _, err := readHeader(raw(c.text, c.data)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	h, err := readHeader(raw(`{"b":`+b+`,"__metadata__":{"k":"v"},"a":`+a+`}`, 22))
	if err != nil {
		t.Fatal(err)
	}
	want := []Entry{{"a", F32, []uint64{2, 2}, 0, 16}, {"b", BF16, []uint64{3}, 16, 22}}
	if diff := cmp.Diff(want, h.Tensors); diff != "" || h.Metadata["k"] != "v" {
		t.Error(diff)
	}
}

// TestHostileHeaders: no header is accepted whose tensors are not exactly the
// data section.
func TestHostileHeaders(t *testing.T) {
	t.Attr("invariant", "F3")
	one := func(dtype, shape, offsets string) string { return `{"a":` + tensorJSON(dtype, shape, offsets) + `}` }
	two := func(x, y string) string {
		return `{"a":` + tensorJSON("U8", "[4]", x) + `,"b":` + tensorJSON("U8", "[4]", y) + `}`
	}
	good := one("U8", "[4]", "[0,4]")
	length := func(n uint64) []byte {
		b := raw(good, 4)
		binary.LittleEndian.PutUint64(b, n)
		return b
	}
	for name, b := range map[string][]byte{
		"empty file":              nil,
		"seven bytes":             make([]byte, 7),
		"no header":               make([]byte, 8),
		"length beyond file":      length(1 << 20),
		"length beyond cap":       length(MaxHeader + 1),
		"length that wraps":       length(math.MaxUint64),
		"length that wraps by 8":  length(math.MaxUint64 - 7),
		"length short":            length(uint64(len(good)) - 1),
		"length long":             length(uint64(len(good)) + 1),
		"trailing data":           raw(good, 5),
		"missing data":            raw(good, 3),
		"overlap":                 raw(two("[0,4]", "[2,6]"), 6),
		"same range":              raw(two("[0,4]", "[0,4]"), 4),
		"gap":                     raw(two("[0,4]", "[5,9]"), 9),
		"gap in front":            raw(one("U8", "[4]", "[1,5]"), 5),
		"reversed offsets":        raw(one("U8", "[4]", "[4,0]"), 4),
		"offsets beyond":          raw(one("U8", "[4]", "[0,4]"), 0),
		"shape larger":            raw(one("U8", "[5]", "[0,4]"), 4),
		"shape smaller":           raw(one("U8", "[3]", "[0,4]"), 4),
		"shape overflows":         raw(one("U8", "[4294967296,4294967296]", "[0,0]"), 0),
		"bytes overflow":          raw(one("F64", "[2305843009213693952]", "[0,0]"), 0),
		"overflow before zero":    raw(one("U8", "[4294967296,4294967296,0]", "[0,0]"), 0),
		"three offsets":           raw(one("U8", "[4]", "[0,4,4]"), 4),
		"one offset":              raw(one("U8", "[4]", "[0]"), 4),
		"negative":                raw(one("U8", "[-4]", "[0,4]"), 4),
		"fraction":                raw(one("U8", "[4.0]", "[0,4]"), 4),
		"exponent":                raw(one("U8", "[4e0]", "[0,4]"), 4),
		"leading zero":            raw(one("U8", "[04]", "[0,4]"), 4),
		"plus":                    raw(one("U8", "[+4]", "[0,4]"), 4),
		"string number":           raw(one("U8", `["4"]`, "[0,4]"), 4),
		"null shape":              raw(one("U8", "null", "[0,1]"), 1),
		"rank":                    raw(one("U8", "["+strings.Repeat("1,", MaxRank)+"1]", "[0,1]"), 1),
		"name twice":              raw(`{"a":`+tensorJSON("U8", "[4]", "[0,4]")+`,"a":`+tensorJSON("U8", "[4]", "[4,8]")+`}`, 8),
		"name twice, escaped":     raw(`{"a":`+tensorJSON("U8", "[4]", "[0,4]")+`,"\u0061":`+tensorJSON("U8", "[4]", "[4,8]")+`}`, 8),
		"metadata twice":          raw(`{"__metadata__":{},"__metadata__":{}}`, 0),
		"metadata key twice":      raw(`{"__metadata__":{"a":"1","a":"2"}}`, 0),
		"metadata of a number":    raw(`{"__metadata__":{"a":1}}`, 0),
		"metadata is a tensor":    raw(`{"__metadata__":`+tensorJSON("U8", "[4]", "[0,4]")+`}`, 4),
		"field twice":             raw(`{"a":{"dtype":"U8","dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, 4),
		"field missing":           raw(`{"a":{"dtype":"U8","data_offsets":[0,4]}}`, 4),
		"field more":              raw(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":1}}`, 4),
		"field in capitals":       raw(`{"a":{"DTYPE":"U8","shape":[4],"data_offsets":[0,4]}}`, 4),
		"not an object":           raw(`[]`, 0),
		"tensor is a number":      raw(`{"a":1}`, 0),
		"not UTF-8":               raw("{\"\xff\":"+tensorJSON("U8", "[4]", "[0,4]")+"}", 4),
		"space in front":          raw(" "+good, 4),
		"newline behind":          raw(good+"\n", 4),
		"zero behind":             raw(good+"\x00", 4),
		"second value":            raw(good+"{}", 4),
		"trailing comma":          raw(`{"a":`+tensorJSON("U8", "[4]", "[0,4]")+`,}`, 4),
		"comma in shape":          raw(one("U8", "[4,]", "[0,4]"), 4),
		"no colon":                raw(`{"a" `+tensorJSON("U8", "[4]", "[0,4]")+`}`, 4),
		"nothing but spaces":      raw("    ", 0),
		"unterminated":            raw(`{"a":{`, 0),
		"deep":                    raw(`{"a":`+strings.Repeat("[", 1<<16)+`}`, 0),
		"metadata without braces": raw(`{"__metadata__":"x"}`, 0),
	} {
		if _, err := readHeader(b); !errors.Is(err, ErrHeader) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, dtype := range []string{"F4", "C64", "f32", "", "BFLOAT16"} {
		if _, err := readHeader(raw(one(dtype, "[4]", "[0,4]"), 4)); !errors.Is(err, ErrDtype) {
			t.Errorf("%q: %v", dtype, err)
		}
	}
	// A file that is shorter than it was said to be.
	b := raw(good, 4)
	if _, err := ReadHeader(bytes.NewReader(b[:20]), uint64(len(b))); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("short file: %v", err)
	}
	m := fstest.MapFS{"model.safetensors": {Data: append(raw(one("BOOL", "[2]", "[0,2]"), 0), 1, 2)}}
	if _, err := Scan(m, Options{}); !errors.Is(err, ErrHeader) {
		t.Errorf("BOOL of 2: %v", err)
	}
}

// FuzzHeader: whatever is accepted covers the data exactly, and is written
// back to a file that reads the same.
func FuzzHeader(f *testing.F) {
	f.Add(raw(`{}`, 0))
	f.Add(raw(`{"__metadata__":{"a":"b"},"a":`+tensorJSON("F32", "[2,2]", "[0,16]")+`,"b":`+tensorJSON("BF16", "[3]", "[16,22]")+`}  `, 22))
	f.Add(raw(`{"a":`+tensorJSON("I64", "[]", "[0,8]")+`}`, 8))
	f.Add(raw(`{"a":`+tensorJSON("U8", "[4]", "[1,5]")+`}`, 5))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := readHeader(b)
		if err != nil {
			return
		}
		at := h.Data
		var sources []Source
		for _, e := range h.Tensors {
			if h.Data+e.Begin != at || h.Data+e.End > uint64(len(b)) {
				t.Fatalf("tensor %q at %d, expected %d", e.Name, e.Begin, at)
			}
			sources = append(sources, Bytes(e.Name, e.Dtype, e.Shape, b[at:h.Data+e.End]))
			at = h.Data + e.End
		}
		if at != uint64(len(b)) {
			t.Fatalf("tensors end at %d of %d", at, len(b))
		}
		var out bytes.Buffer
		if err := WriteFile(&out, h.Metadata, sources); err != nil {
			if errors.Is(err, ErrTensor) {
				return // a nameless tensor is read, and not written
			}
			t.Fatal(err)
		}
		back, err := readHeader(out.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if len(back.Tensors) != len(h.Tensors) {
			t.Fatal("tensors lost")
		}
	})
}

func TestIndex(t *testing.T) {
	t.Attr("invariant", "F3")
	tensors := []Source{Bytes("a", U8, []uint64{4}, make([]byte, 4)), Bytes("b", U8, []uint64{4}, make([]byte, 4))}
	const name = "model.safetensors.index.json"
	for title, change := range map[string]func(m fstest.MapFS, text string) string{
		"shard not there":  func(m fstest.MapFS, s string) string { delete(m, "model-00002-of-00002.safetensors"); return s },
		"tensor not there": func(_ fstest.MapFS, s string) string { return strings.Replace(s, `"b"`, `"c"`, 1) },
		"tensor more": func(_ fstest.MapFS, s string) string {
			return strings.Replace(s, `"b"`, `"c":"model-00002-of-00002.safetensors","b"`, 1)
		},
		"swapped":          func(_ fstest.MapFS, s string) string { return strings.Replace(s, "00002-of", "00001-of", 1) },
		"path":             func(_ fstest.MapFS, s string) string { return strings.Replace(s, `"model-00002`, `"../model-00002`, 1) },
		"no safetensors":   func(_ fstest.MapFS, s string) string { return strings.Replace(s, `2.safetensors`, `2.bin`, 1) },
		"name twice":       func(_ fstest.MapFS, s string) string { return strings.Replace(s, `"b"`, `"a"`, 1) },
		"no weight_map":    func(fstest.MapFS, string) string { return `{}` },
		"weight_map twice": func(_ fstest.MapFS, s string) string { return strings.Replace(s, "{", `{"weight_map":{},`, 1) },
		"trailing data":    func(_ fstest.MapFS, s string) string { return s + "{}" },
		"not UTF-8":        func(_ fstest.MapFS, s string) string { return strings.Replace(s, `"b"`, "\"\xff\"", 1) },
		"not an object":    func(fstest.MapFS, string) string { return `[]` },
		"map of a number":  func(fstest.MapFS, string) string { return `{"weight_map":{"a":1}}` },
		"truncated":        func(_ fstest.MapFS, s string) string { return s[:len(s)/2] },
		"trailing in map":  func(fstest.MapFS, string) string { return `{"weight_map":{"a":"x.safetensors",}}` },
		"absolute":         func(_ fstest.MapFS, s string) string { return strings.Replace(s, `"model-00002`, `"/model-00002`, 1) },
		"empty":            func(fstest.MapFS, string) string { return "" },
		"metadata is wrong": func(_ fstest.MapFS, s string) string {
			return strings.Replace(s, `"total_size": 8`, `"total_size": `, 1)
		},
	} {
		m := fstest.MapFS{}
		if err := WriteSharded(creator(m), 4, nil, tensors); err != nil {
			t.Fatal(err)
		}
		if _, err := Scan(m, Options{}); err != nil {
			t.Fatal(err)
		}
		m[name].Data = []byte(change(m, string(m[name].Data)))
		if _, err := Scan(m, Options{}); !errors.Is(err, ErrIndex) {
			t.Errorf("%s: %v", title, err)
		}
	}
}

func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"metadata":{"total_size":1},"weight_map":{"a":"m.safetensors"}}`))
	f.Add([]byte(`{"weight_map":{"a":"../m.safetensors"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		weights, err := parseIndex(b, shardSuffix)
		if err != nil {
			return
		}
		for _, file := range weights {
			if strings.ContainsAny(file, "/") || !strings.HasSuffix(file, shardSuffix) {
				t.Fatalf("shard %q", file)
			}
		}
	})
}

func TestWriter(t *testing.T) {
	good := []Source{
		Bytes("b", U8, []uint64{3}, []byte{1, 2, 3}),
		Bytes("a", F32, []uint64{1}, make([]byte, 4)),
	}
	var one, two bytes.Buffer
	if err := WriteFile(&one, map[string]string{"y": "1", "x": "2"}, good); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(&two, map[string]string{"x": "2", "y": "1"}, []Source{good[1], good[0]}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Error("the order of the input shows")
	}
	h, err := readHeader(one.Bytes())
	if err != nil || h.Data%8 != 0 || h.Tensors[0].Name != "a" {
		t.Errorf("%+v %v", h, err)
	}
	for name, s := range map[string]Source{
		"short":    Bytes("a", U8, []uint64{3}, make([]byte, 2)),
		"long":     Bytes("a", U8, []uint64{3}, make([]byte, 4)),
		"no dtype": Bytes("a", 0, []uint64{3}, make([]byte, 3)),
		"no name":  Bytes("", U8, []uint64{3}, make([]byte, 3)),
		"reserved": Bytes(metadataName, U8, []uint64{3}, make([]byte, 3)),
		"overflow": Bytes("a", U8, []uint64{1 << 33, 1 << 33}, nil),
	} {
		if err := WriteFile(io.Discard, nil, []Source{s}); !errors.Is(err, ErrTensor) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := WriteFile(io.Discard, nil, []Source{good[0], good[0]}); !errors.Is(err, ErrTensor) {
		t.Errorf("twice: %v", err)
	}
	if err := WriteSharded(creator(fstest.MapFS{}), 1, nil, []Source{good[0], good[0]}); !errors.Is(err, ErrTensor) {
		t.Errorf("twice over shards: %v", err)
	}
}
