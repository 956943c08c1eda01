package guardian

import (
	"bytes"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/guardian/guardiantest"
	"github.com/haltlog/haltlog/log"
)

// TestBaseIsNotEscrowed declares a base and shows that none of its labels is escrowed, and that only its own file will do.
func TestBaseIsNotEscrowed(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "base"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeModel(t, filepath.Join(dir, "base", "m.safetensors"), 1, 2)
	writeModel(t, filepath.Join(dir, "tuned.safetensors"), 1, 3)
	var base []blacklist.Entry
	// The base is declared by labels that the site's own evaluator gives: the site is made first, the run with them after.
	key := voprf.GenerateKey()
	model, err := fingerprint.Scan(os.DirFS(filepath.Join(dir, "base")), fingerprint.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range blacklist.Questions(model) {
		l, err := key.Label(q.Input)
		if err != nil {
			t.Fatal(err)
		}
		base = append(base, blacklist.Entry{Kind: q.Kind, Label: l})
	}
	tree := blacklist.NewArtefact(base)
	s := guardiantest.NewWith(t, key, func(r *log.Run) {
		r.Base = &log.Base{Root: log.Hash(tree.Root()), Count: tree.Count(), KeyVersion: 1}
	})
	c, d, _ := settings(t, s)
	c.Guard.Checkpoints, c.Guard.WatchEvery = dir, time.Second
	for name, file := range map[string][]byte{"missing": nil, "empty": {}, "others": FormatLabels(base[1:]), "rubbish": []byte("x")} {
		c.Base = file
		if _, err := Open(t.Context(), c, d); err == nil || name != "rubbish" && !errors.Is(err, ErrBase) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c.Base = FormatLabels(base)
	g, err := Open(t.Context(), c, d)
	if err != nil {
		t.Fatal(err)
	}
	e, err := newEscrower(g.trust, g.sources, g.run, g.deps.Key, c.Base)
	if err != nil {
		t.Fatal(err)
	}
	leaves, err := e.artefact(t.Context(), filepath.Join(dir, "tuned.safetensors"), 0)
	if err != nil || len(leaves) != 1 {
		t.Fatalf("%d leaves, %v", len(leaves), err)
	}
	p, err := log.Parse(leaves[0])
	if err != nil {
		t.Fatal(err)
	}
	// The manifest, and the tensor that the base does not have, with its bands.
	if st := p.Statement.(*log.Artefact); st.Count != 2+32 || st.Number != 1 || st.KeyVersion != 1 {
		t.Errorf("artefact %+v", st)
	}
	if leaves, err := e.artefact(t.Context(), filepath.Join(dir, "base"), 1); err != nil || len(leaves) != 0 {
		t.Errorf("the base itself: %d leaves, %v", len(leaves), err)
	}
}

// TestHostileModels shows what a command may leave in its folder without getting at anything else.
func TestHostileModels(t *testing.T) {
	dir := t.TempDir()
	outside := t.TempDir()
	writeModel(t, filepath.Join(outside, "secret.safetensors"), 1)
	for name, make := range map[string]func(string) error{
		"link to a file":      func(p string) error { return os.Symlink(filepath.Join(outside, "secret.safetensors"), p) },
		"link to a directory": func(p string) error { return os.Symlink(outside, p) },
		"link within": func(p string) error {
			return errors.Join(os.Mkdir(p, 0o755), os.Symlink(filepath.Join(outside, "secret.safetensors"), filepath.Join(p, "m.safetensors")))
		},
		"nothing": func(string) error { return nil },
		"empty":   func(p string) error { return os.Mkdir(p, 0o755) },
		"rubbish": func(p string) error { return os.WriteFile(p+".safetensors", []byte("rubbish"), 0o644) },
	} {
		p := filepath.Join(dir, name)
		if err := make(p); err != nil {
			t.Fatal(err)
		}
		if name == "rubbish" {
			p += ".safetensors"
		}
		if m, err := scan(t.Context(), p); err == nil {
			t.Errorf("%s: %+v", name, m)
		}
	}
	if _, err := scan(t.Context(), filepath.Join(dir, "nothing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing: %v", err)
	}
}

// TestLyingEvaluator shows that labels under another key, or with a broken proof, are never escrowed.
func TestLyingEvaluator(t *testing.T) {
	s := guardiantest.New(t, nil)
	g := open(t, s)
	dir := t.TempDir()
	path := filepath.Join(dir, "m.safetensors")
	writeModel(t, path, 1)
	other := voprf.NewEvaluator(voprf.GenerateKey())
	own := voprf.NewEvaluator(s.Evaluator)
	for name, lie := range map[string]func([]byte) []byte{
		"another key": func(b []byte) []byte { out, _ := other.Answer(b); return out },
		"broken":      func(b []byte) []byte { out, _ := own.Answer(b); out[len(out)-1] ^= 1; return out },
		"nothing":     func([]byte) []byte { return nil },
	} {
		e, err := newEscrower(g.trust, liar(t, s, api.RouteEvaluate, func(w http.ResponseWriter, r *http.Request) {
			var b bytes.Buffer
			_, _ = b.ReadFrom(r.Body)
			_, _ = w.Write(lie(b.Bytes()))
		}), g.run, g.deps.Key, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.artefact(t.Context(), path, 0); err == nil {
			t.Errorf("%s: escrowed", name)
		}
	}
}

// TestLargeArtefactComesInParts escrows more labels than one entry holds, and the log takes them.
func TestLargeArtefactComesInParts(t *testing.T) {
	s := guardiantest.New(t, nil)
	g := open(t, s)
	e, err := newEscrower(g.trust, g.sources, g.run, g.deps.Key, nil)
	if err != nil {
		t.Fatal(err)
	}
	leaves, err := e.seal(log.EvaluatorSet{Version: 1}, foldtest.Labels(3000), 4)
	if err != nil || len(leaves) < 2 {
		t.Fatalf("%d leaves, %v", len(leaves), err)
	}
	for _, leaf := range leaves {
		if err := g.submit.submit(t.Context(), leaf); err != nil {
			t.Fatal(err)
		}
	}
	s.Do(func(l *foldtest.Log) {
		if r, _ := l.Machine.Ledger().Run(guardiantest.Run); r.Artefact == nil || r.Artefact.Number != 5 || r.Artefact.Count != 3000 {
			t.Errorf("artefact %+v", r.Artefact)
		}
	})
}

func FuzzLabels(f *testing.F) {
	f.Add(FormatLabels(foldtest.Labels(3)))
	f.Add([]byte("tensor 00\n"))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, text []byte) {
		ls, err := ParseLabels(text)
		if err == nil && !bytes.Equal(FormatLabels(ls), text) {
			t.Errorf("%q is not what is printed", text)
		}
	})
}
