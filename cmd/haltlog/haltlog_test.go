package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/cli"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"haltlog": main})
}

// TestScript runs the real binary as people and their scripts do.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			// A quorum needs a witness, whose key haltwitness makes.
			_, vkey, err := checkpoint.GenerateKey(checkpoint.TypeEd25519Cosignature, "witness.example/1", nil)
			if err != nil {
				return err
			}
			e.Setenv("WITNESS", vkey)
			e.Setenv("HOME", e.WorkDir)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"setfield": setField,
			"quorum":   quorumFile,
			"flip":     flip,
			"cut":      cut,
		},
	})
}

// setField: setfield VAR FILE PREFIX sets VAR to the rest of the last line of FILE that begins with PREFIX.
func setField(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: setfield VAR FILE PREFIX")
	}
	found := false
	for l := range strings.Lines(ts.ReadFile(args[1])) {
		if rest, ok := strings.CutPrefix(l, args[2]); ok {
			ts.Setenv(args[0], strings.TrimSpace(rest))
			found = true
		}
	}
	if !found {
		ts.Fatalf("no line %q in %s", args[2], args[1])
	}
}

// quorumFile: quorum FILE writes a quorum of the log $LOGKEY and the witness $WITNESS.
func quorumFile(ts *testscript.TestScript, neg bool, args []string) {
	text := "log " + ts.Getenv("LOGKEY") + "\nwitness w1 " + ts.Getenv("WITNESS") + "\nquorum w1\n"
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// cut: cut IN OUT drops the second half.
func cut(ts *testscript.TestScript, neg bool, args []string) {
	b := ts.ReadFile(args[0])
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(b[:len(b)/2]), 0o600))
}

// flip: flip IN OUT changes one byte.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	b := []byte(ts.ReadFile(args[0]))
	b[len(b)/2] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), b, 0o600))
}

// TestSecrets: no output of any command holds a secret, or a part of one.
func TestSecrets(t *testing.T) {
	dir := t.TempDir()
	secret := regexp.MustCompile(`[A-Za-z0-9+/=]{24,}|[0-9a-f]{32,}`)
	for _, kind := range []string{kindEd25519, kindP256, kindLog, kindEscrow, kindRing, kindEvaluator} {
		path := filepath.Join(dir, kind)
		args := []string{"key", "new", kind, path}
		if kind == kindLog {
			args = append(args, "--name", "log.example/a")
		}
		var all strings.Builder
		both := func(args ...string) int {
			return run(t.Context(), args, strings.NewReader(""), &all, &all)
		}
		if code := both(args...); code != cli.OK {
			t.Fatalf("%s: %s", kind, all.String())
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v", kind, info.Mode())
		}
		both("key", "show", path)
		both("--output=json", "key", "show", path)
		// A key of the wrong kind, and a damaged one.
		both("key", "prove", path, "--origin=log.example/a", "--role=engine", "--name=x", "--out="+path+".grant")
		both("key", "prove", path, "--origin=log.example/a", "--role=escrow", "--name=x", "--out="+path+".grant2")
		both("vote", "--run=run-1", "--ring="+path, "--group-file=none", "--to=http://127.0.0.1:1")
		b[len(b)/2] ^= 3
		damaged := path + ".damaged"
		if err := os.WriteFile(damaged, b, 0o600); err != nil {
			t.Fatal(err)
		}
		both("key", "show", damaged)
		both("key", "prove", damaged, "--origin=log.example/a", "--role=engine", "--name=x", "--out="+path+".grant3")
		b[len(b)/2] ^= 3
		last := secretPart(string(b))
		for _, s := range secret.FindAllString(last, -1) {
			for i := 0; i+16 <= len(s); i += 4 {
				if part := s[i : i+16]; strings.Contains(all.String(), part) {
					t.Errorf("%s: output holds %q of the file", kind, part)
				}
			}
		}
	}
}

// secretPart is what of a key file nobody may see: not the armour, and of a log's
// key only the last field, since its name and ID are public.
func secretPart(file string) string {
	if strings.HasPrefix(file, "PRIVATE+KEY+") {
		return file[strings.LastIndex(strings.TrimSpace(file), "+")+1:]
	}
	var b strings.Builder
	for l := range strings.Lines(file) {
		if !strings.HasPrefix(l, "-----") {
			b.WriteString(l)
		}
	}
	return b.String()
}

func TestVersion(t *testing.T) {
	var out, errs strings.Builder
	if code := run(t.Context(), []string{"--output=json", "version"}, nil, &out, &errs); code != cli.OK || !strings.Contains(out.String(), `"go":"go1.`) {
		t.Errorf("%d %s %s", code, out.String(), errs.String())
	}
}
