package interop

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/internal/config"
	"github.com/haltlog/haltlog/internal/rig"
	"github.com/haltlog/haltlog/log"
)

// second builds the second verifier, and returns how it is run.
func second(t *testing.T) func(args ...string) (int, string) {
	t.Helper()
	folder, err := filepath.Abs(filepath.Join("..", "verifier"))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range [][]string{{"npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"}, {"npm", "run", "--silent", "build"}} {
		if _, err := os.Stat(filepath.Join(folder, "node_modules", "typescript")); err == nil && step[1] == "ci" {
			continue
		}
		c := exec.CommandContext(t.Context(), step[0], step[1:]...)
		c.Dir = folder
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", step, err, out)
		}
	}
	return func(args ...string) (int, string) {
		return command(t.Context(), t, "node", append([]string{filepath.Join(folder, "dist", "main.js")}, args...)...)
	}
}

func command(ctx context.Context, t *testing.T, name string, args ...string) (int, string) {
	t.Helper()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), string(out)
	}
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return 0, string(out)
}

// model writes a model of three tensors of random weights.
func model(t *testing.T, seed uint64) string {
	t.Helper()
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(seed, seed))
	var tensors []fingerprint.Source
	for _, name := range []string{"a", "b", "c"} {
		data := make([]byte, 4*256*256)
		for i := 0; i < len(data); i += 4 {
			v, _ := binary.Append(nil, binary.LittleEndian, float32(r.NormFloat64()))
			copy(data[i:], v)
		}
		tensors = append(tensors, fingerprint.Bytes(name, fingerprint.F32, []uint64{256, 256}, data))
	}
	create := func(name string) (io.WriteCloser, error) { return os.Create(filepath.Join(dir, name)) }
	if err := fingerprint.WriteSharded(create, 1<<20, nil, tensors); err != nil {
		t.Fatal(err)
	}
	return dir
}

// halt ends a run that escrowed the labels of a model, and waits for its epoch.
func halt(t *testing.T, r *rig.Rig, run, dir string, epoch uint64) {
	t.Helper()
	ctx := t.Context()
	if err := r.Run(ctx, run); err != nil {
		t.Fatal(err)
	}
	m, err := fingerprint.Scan(os.DirFS(dir), fingerprint.Options{})
	if err != nil {
		t.Fatal(err)
	}
	questions := blacklist.Questions(m)
	var labels []blacklist.Label
	for _, q := range questions {
		y, err := r.Evaluator.Label(q.Input)
		if err != nil {
			t.Fatal(err)
		}
		labels = append(labels, y)
	}
	entries := blacklist.Entries(questions, labels)
	root := blacklist.NewArtefact(entries).Root()
	sealed, wraps, err := blacklist.Seal(r.Escrow.PublicKey(), blacklist.Context{Origin: rig.Origin, Run: run, Number: 1, Root: root}, entries)
	if err != nil {
		t.Fatal(err)
	}
	st := &log.Artefact{Origin: rig.Origin, Run: run, Number: 1, KeyVersion: 1, Count: uint64(len(entries)), Root: log.Hash(root), Sealed: sealed}
	for _, w := range wraps {
		st.Wraps = append(st.Wraps, log.Wrap{Suite: w.Suite, KeyID: w.KeyID, Bytes: w.Bytes})
	}
	if _, err := r.Put(ctx, st, r.Guards[run]); err != nil {
		t.Fatal(err)
	}
	vote, err := r.VoteLeaf(run, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Client.Submit(ctx, vote); err != nil {
		t.Fatal(err)
	}
	if err := rig.Until(ctx, func() (bool, error) {
		h, err := r.Client.Head(ctx)
		return err == nil && h.Number >= epoch, err
	}); err != nil {
		t.Fatal(err)
	}
}

// TestSecondVerifier: a clearance of the real program over a real log is verified by
// the second verifier, from a synchronised folder and from the daemon, and so is its
// extension; what was changed in it, another log and another list are refused.
func TestSecondVerifier(t *testing.T) {
	verify := second(t)
	r, err := rig.Start(t.TempDir(), rig.Options{}, func(c *config.Config) { c.Blacklist.Anonymous = 1 << 20 })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	if err := r.Setup(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	haltlog := filepath.Join(t.TempDir(), "haltlog")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", haltlog, "./cmd/haltlog")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := func(want int, args ...string) {
		t.Helper()
		if code, out := command(t.Context(), t, haltlog, args...); code != want {
			t.Fatalf("haltlog %v: exit %d, want %d\n%s", args, code, want, out)
		}
	}
	url, genesis := r.Client.URL(), r.GenesisHash.Hex()
	work := t.TempDir()
	list, first, extended := filepath.Join(work, "list"), filepath.Join(work, "clearance.json"), filepath.Join(work, "extended.json")

	halted, mine := model(t, 1), model(t, 2)
	halt(t, r, "run-1", halted, 1)
	run(0, "sync", "--from", url, "--dir", list, "--genesis", genesis)
	run(3, "clear", halted, "--list", list, "--log", url, "--out", filepath.Join(work, "none.json"))
	run(0, "clear", mine, "--list", list, "--log", url, "--out", first)
	run(0, "verify", first, "--list", list, "--genesis", genesis)

	accepted := func(file string, from ...string) {
		t.Helper()
		code, out := verify(append([]string{file, "--genesis", genesis}, from...)...)
		if code != 0 || !strings.HasPrefix(out, "verified: ") {
			t.Errorf("%v: exit %d: %s", from, code, out)
		}
	}
	accepted(first, "--list", list)
	accepted(first, "--log", url)

	shown := filepath.Join(work, "shown.json")
	run(0, "clear", mine, "--list", list, "--log", url, "--pseudonymous", "--out", shown)
	accepted(shown, "--list", list)
	refuseChanges(t, shown, map[string]func([]byte) []byte{
		"label":            func(b []byte) []byte { return swapHex(b, `"y": "`) },
		"what was asked":   func(b []byte) []byte { return swapHex(b, `"blinded": [`+"\n    \"") },
		"answer":           func(b []byte) []byte { return swapHex(b, `"responses": [`+"\n      \"") },
		"proof of blind":   func(b []byte) []byte { return swapHex(b, `"proof": "`) },
		"place":            func(b []byte) []byte { return bytes.Replace(b, []byte(`"asked": 1`), []byte(`"asked": 0`), 1) },
		"says":             func(b []byte) []byte { return bytes.Replace(b, []byte("it links"), []byte("it lies"), 1) },
		"proof of absence": func(b []byte) []byte { return swapHex(b, `"proof": "Ag`) },
	}, verify, "--list", list, "--genesis", genesis)

	halt(t, r, "run-2", model(t, 3), 2)
	run(0, "sync", "--from", url, "--dir", list, "--genesis", genesis)
	run(0, "clear", "--from", first, "--list", list, "--log", url, "--out", extended)
	run(0, "verify", extended, "--list", list, "--log", url, "--genesis", genesis)
	accepted(extended, "--log", url)

	refuseChanges(t, first, map[string]func([]byte) []byte{
		"origin":        func(b []byte) []byte { return bytes.Replace(b, []byte(rig.Origin), []byte("log.example/gir"), 1) },
		"proof":         func(b []byte) []byte { return swapHex(b, `"proof": "`) },
		"commitment":    func(b []byte) []byte { return swapHex(b, `"c0": "`) },
		"state":         func(b []byte) []byte { return swapHex(b, `"state": "`) },
		"receipt":       func(b []byte) []byte { return bytes.Replace(b, []byte(`"index": `), []byte(`"index": 1`), 1) },
		"not as it was": func(b []byte) []byte { return append(b, '\n') },
		"unknown":       func(b []byte) []byte { return bytes.Replace(b, []byte(`{`), []byte("{\n \"more\": 1,"), 1) },
		"unknown within": func(b []byte) []byte {
			return bytes.Replace(b, []byte("   \"kind\": "), []byte("   \"more\": 1,\n   \"kind\": "), 1)
		},
		"order": swapKinds,
	}, verify, "--log", url, "--genesis", genesis)
	if code, out := verify(first, "--log", url, "--genesis", strings.Repeat("0", 64)); code != 3 {
		t.Errorf("another log: exit %d: %s", code, out)
	}
}

// refuseChanges has a document judged with one thing in it changed at a time.
func refuseChanges(t *testing.T, file string, changes map[string]func([]byte) []byte, verify func(...string) (int, string), args ...string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := filepath.Join(t.TempDir(), "changed.json")
	for name, change := range changes {
		b := change(bytes.Clone(raw))
		if bytes.Equal(b, raw) {
			t.Errorf("%s: nothing was changed", name)
			continue
		}
		if err := os.WriteFile(changed, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if code, out := verify(append([]string{changed}, args...)...); code != 3 {
			t.Errorf("changed %s: exit %d: %s", name, code, out)
		}
	}
}

// swapKinds exchanges the commitments of the first two fingerprints of one kind, with
// their proofs: each still verifies, and the document is another.
func swapKinds(b []byte) []byte {
	parts := bytes.Split(b, []byte("\n  {\n   \"kind\": \"band-0\""))
	if len(parts) < 3 {
		return b
	}
	first, second := bytes.LastIndex(parts[1], []byte("\n  }")), bytes.Index(parts[2], []byte("\n  }"))
	if first < 0 || second < 0 {
		return b
	}
	x, y := bytes.Clone(parts[1][:first]), bytes.Clone(parts[2][:second])
	parts[1] = append(y, parts[1][first:]...)
	parts[2] = append(x, parts[2][second:]...)
	return bytes.Join(parts, []byte("\n  {\n   \"kind\": \"band-0\""))
}

// swapHex changes a character behind a mark's first place.
func swapHex(b []byte, mark string) []byte {
	i := bytes.Index(b, []byte(mark)) + len(mark) + 4
	if b[i] == '1' {
		b[i] = '2'
	} else {
		b[i] = '1'
	}
	return b
}
