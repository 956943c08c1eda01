package log_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/haltlog/haltlog/log"
)

func readVector(t *testing.T, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "jcs", dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestJCSVectors runs the published vectors: what lies inside the subset gives
// the published bytes, the rest is refused by name.
func TestJCSVectors(t *testing.T) {
	t.Attr("invariant", "S1")
	refused := map[string]error{
		"french":     log.ErrKeyASCII,
		"weird":      log.ErrKeyASCII,
		"values":     log.ErrFloat,
		"structures": log.ErrFloat, // one 56.0
	}
	files, err := os.ReadDir(filepath.Join("testdata", "jcs", "input"))
	if err != nil || len(files) != 6 {
		t.Fatal(len(files), err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(f.Name(), ".json")
		in, out := readVector(t, "input", f.Name()), readVector(t, "output", f.Name())
		inHex, err := hex.DecodeString(strings.Join(strings.Fields(string(readVector(t, "outhex", name+".txt"))), ""))
		if err != nil || !bytes.Equal(inHex, out) {
			t.Fatalf("%s: output and outhex differ", name)
		}
		got, err := log.Canonical(in)
		if want := refused[name]; want != nil {
			if !errors.Is(err, want) || !errors.Is(err, log.ErrSyntax) {
				t.Errorf("%s: %v, want %v", name, err, want)
			}
		} else if err != nil || !bytes.Equal(got, out) {
			t.Errorf("%s: %s, %v, want %s", name, got, err, out)
		}
	}
	// The one number of structures.json written as an integer, all of it is in
	// the subset.
	in := bytes.Replace(readVector(t, "input", "structures.json"), []byte("56.0"), []byte("56"), 1)
	if got, err := log.Canonical(in); err != nil || !bytes.Equal(got, readVector(t, "output", "structures.json")) {
		t.Errorf("structures: %s, %v", got, err)
	}
}

func TestCanonicalRefuses(t *testing.T) {
	t.Attr("invariant", "S1")
	for text, want := range map[string]error{
		``: nil, ` `: nil, `{`: nil, `[1,]`: nil, `{"a":1,}`: nil, `{"a":1} x`: nil, `{}{}`: nil, `nul`: nil, `tru`: nil, `01`: nil, `+1`: nil, `-`: nil, `-0`: nil, `.5`: nil,
		`{a:1}`: nil, `{"a" 1}`: nil, `"a`: nil, "\"\n\"": nil, `"\x"`: nil, `"\u12"`: nil, `"\ud800"`: nil, `"\ud800\u0041"`: nil, `"\udc00\ud800"`: nil, "\"\xff\"": nil, "\"\\n\xff\"": nil, "\xef\xbb\xbf{}": nil,
		`1.0`: log.ErrFloat, `1e3`: log.ErrFloat, `-1E3`: log.ErrFloat,
		`9007199254740992`: log.ErrRange, `-9007199254740992`: log.ErrRange, `99999999999999999999`: log.ErrRange,
		`{"é":1}`: log.ErrKeyASCII, `{"\u00e9":1}`: log.ErrKeyASCII,
		`{"a":1,"a":2}`: log.ErrDuplicate, `{"a":1,"\u0061":2}`: log.ErrDuplicate,
		strings.Repeat("[", 18) + strings.Repeat("]", 18): log.ErrDepth, strings.Repeat("[", 1<<16): log.ErrDepth,
	} {
		got, err := log.Canonical([]byte(text))
		s, ok := errors.AsType[*log.SyntaxError](err)
		if !ok || !strings.HasPrefix(s.Place, "byte ") || want != nil && !errors.Is(err, want) {
			t.Errorf("%.40q: %s, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		` [ 1 , -2 ] `: `[1,-2]`, `9007199254740991`: `9007199254740991`, `"\/\b\u000b\u001F\u007f\ud83d\ude02"`: "\"/\\b\\u000b\\u001f\x7f😂\"",
		`{"b":0,"a":{"\n":null,"":false}}`: `{"a":{"":false,"\n":null},"b":0}`,
	} {
		if got, err := log.Canonical([]byte(text)); err != nil || string(got) != want {
			t.Errorf("%s: %s, %v, want %s", text, got, err, want)
		}
	}
}

// FuzzCanonical holds that what is accepted is JSON of the same meaning, and
// that its canonical form is its own.
func FuzzCanonical(f *testing.F) {
	for _, s := range []string{`{}`, `[1,-2,"x\n"]`, `{"b":{"c":null},"a":[true,false]}`, `"\ud83d\ude02"`, `{"a":1,"a":2}`, `-0`, `1.5`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		c, err := log.Canonical(in)
		if err != nil {
			return
		}
		if again, err := log.Canonical(c); err != nil || !bytes.Equal(again, c) {
			t.Fatalf("%q: canonical form %q becomes %q, %v", in, c, again, err)
		}
		var a, b any
		if json.Unmarshal(in, &a) != nil || json.Unmarshal(c, &b) != nil {
			t.Fatalf("%q: accepted, and no JSON", in)
		}
		x, _ := json.Marshal(a)
		y, _ := json.Marshal(b)
		if !bytes.Equal(x, y) {
			t.Fatalf("%q: another meaning: %q", in, c)
		}
	})
}
