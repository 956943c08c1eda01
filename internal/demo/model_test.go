package demo

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

func scan(t *testing.T, dir string) fingerprint.Model {
	t.Helper()
	m, err := fingerprint.Scan(os.DirFS(dir), fingerprint.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// prints are the fingerprints of the tensors that may be listed, sorted.
func prints(m fingerprint.Model) []string {
	var out []string
	for _, e := range m.Eligible() {
		out = append(out, string(e.Fingerprint.Input()))
	}
	slices.Sort(out)
	return out
}

// TestDisguise shows what a lab's three models share: a disguise changes no
// tensor, a cousin shares the frozen layer alone, another model nothing.
func TestDisguise(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	for _, m := range []Training{
		{Name: "model", Seed: 1, FrozenSeed: 1},
		{Name: "cousin", Seed: 2, FrozenSeed: 1},
		{Name: "other", Seed: 3, FrozenSeed: 3},
	} {
		m.Out, m.Every, m.Steps = dir, 2, 2
		if err := Train(t.Context(), m, &out); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.HasPrefix(out.String(), "step 2 loss ") || !strings.HasSuffix(out.String(), "saved other\n") {
		t.Errorf("training printed %q", out.String())
	}
	renamed := filepath.Join(dir, "renamed")
	if err := Disguise(filepath.Join(dir, "model"), renamed, 300_000); err != nil {
		t.Fatal(err)
	}
	shards, err := filepath.Glob(filepath.Join(renamed, "*.safetensors"))
	if err != nil || len(shards) < 2 {
		t.Errorf("the disguise has %d files, %v", len(shards), err)
	}
	model, disguise := scan(t, filepath.Join(dir, "model")), scan(t, renamed)
	if len(prints(model)) != 3 || !slices.Equal(prints(model), prints(disguise)) {
		t.Errorf("the disguise changed a tensor: %d and %d", len(prints(model)), len(prints(disguise)))
	}
	if bytes.Equal(model.Manifest.Input(), disguise.Manifest.Input()) {
		t.Error("another release has the same manifest")
	}
	shared := func(name string) (n int) {
		for _, x := range prints(scan(t, filepath.Join(dir, name))) {
			if slices.Contains(prints(model), x) {
				n++
			}
		}
		return n
	}
	if n := shared("cousin"); n != 1 {
		t.Errorf("the cousin shares %d tensors, not the frozen one", n)
	}
	if n := shared("other"); n != 0 {
		t.Errorf("the other model shares %d tensors", n)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) != 0 {
		t.Errorf("unfinished folders are left: %v, %v", left, err)
	}
}
