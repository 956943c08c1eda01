package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/internal/cli"
)

// TestFingerprint: one model in two containers, a cache, and what is not read.
func TestFingerprint(t *testing.T) {
	dir := t.TempDir()
	safe, gguf, cache := filepath.Join(dir, "safe"), filepath.Join(dir, "gguf"), filepath.Join(dir, "cache")
	x := make([]float32, 256*256)
	for i := range x {
		x[i] = float32(i%251) / 16
	}
	data, err := fingerprint.Quantise(nil, fingerprint.F16, x)
	if err != nil {
		t.Fatal(err)
	}
	w := fingerprint.Bytes("w", fingerprint.F16, []uint64{256, 256}, data)
	small := fingerprint.Bytes("norm", fingerprint.F16, []uint64{256}, data[:512])
	var a, b bytes.Buffer
	if err := fingerprint.WriteFile(&a, nil, []fingerprint.Source{w, small}); err != nil {
		t.Fatal(err)
	}
	if err := fingerprint.WriteGGUF(&b, nil, []fingerprint.Source{w, small}); err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string][]byte{filepath.Join(safe, "m.safetensors"): a.Bytes(), filepath.Join(gguf, "m.gguf"): b.Bytes()} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, path, content)
		old := time.Unix(1_700_000_000, 0)
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	read := func(args ...string) []printed {
		t.Helper()
		code, out, errs := haltlog(t, append([]string{"--output=json", "fingerprint"}, args...)...)
		if code != cli.OK || errs != "" {
			t.Fatalf("%v: %d %s", args, code, errs)
		}
		var list []printed
		if err := json.Unmarshal([]byte(out), &list); err != nil {
			t.Fatal(err)
		}
		return list
	}
	list := read(safe, gguf)
	if len(list) != 2 || len(list[0].Tensors) != 2 || list[0].Manifest == list[1].Manifest {
		t.Fatalf("%+v", list)
	}
	prints := make(map[fingerprint.Fingerprint]bool)
	for _, p := range append(list[0].Tensors, list[1].Tensors...) {
		prints[p.Fingerprint] = true
	}
	if len(prints) != 2 || list[0].Kinds[fingerprint.Tensor] != 1 || list[0].Unlisted[fingerprint.OneDimensional] != 1 {
		t.Errorf("%+v", list)
	}
	first, again, verified := read("--cache="+cache, gguf), read("--cache="+cache, gguf), read("--cache="+cache, "--verify", gguf)
	for _, l := range [][]printed{first, again, verified} {
		if l[0].Manifest != list[1].Manifest || len(l[0].Tensors) != 2 || l[0].Tensors[0].Fingerprint != list[1].Tensors[0].Fingerprint {
			t.Errorf("with the cache: %+v", l)
		}
	}
	if kept, err := filepath.Glob(filepath.Join(cache, "*", "*")); err != nil || len(kept) != 1 {
		t.Errorf("%v %v", kept, err)
	} else {
		write(t, kept[0], []byte("spoiled"))
		if code, _, errs := haltlog(t, "fingerprint", "--cache="+cache, gguf); code != cli.OK || !strings.Contains(errs, "1 entries were not") {
			t.Errorf("%d %s", code, errs)
		}
	}
	if code, out, errs := haltlog(t, "fingerprint", safe); code != cli.OK || !strings.Contains(out, "1 to be asked for of kind tensor") || !strings.Contains(out, "1 never listed: one-dimensional") {
		t.Errorf("%d %s %s", code, out, errs)
	}
	if code, _, errs := haltlog(t, "fingerprint", "--verify", safe); code != cli.Usage {
		t.Errorf("--verify alone: %d %s", code, errs)
	}
	write(t, filepath.Join(safe, "m.onnx"), []byte("x"))
	if code, out, errs := haltlog(t, "fingerprint", safe); code != cli.Look || !strings.Contains(out, "m.onnx: its format is not read") {
		t.Errorf("%d %s %s", code, out, errs)
	}
	write(t, filepath.Join(gguf, "n.gguf"), []byte("GGUF and more of it"))
	if code, _, errs := haltlog(t, "fingerprint", gguf); code != cli.Error || !strings.Contains(errs, "malformed GGUF header") {
		t.Errorf("%d %s", code, errs)
	}
}
