package faults

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/rig"
)

// nobody is a user who owns none of the files.
const nobody = 65534

// served starts the daemon once, brings a log to life with one halted run, and stops it.
func served(t *testing.T, s *site) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	p := s.start(t)
	if err := s.Setup(ctx, nil); err != nil {
		t.Fatal(err)
	}
	halted(ctx, t, s, "run-1")
	p.stop(t)
}

// halted registers a run and ends it by a vote; its halt is in the log then.
func halted(ctx context.Context, t *testing.T, s *site, run string) {
	t.Helper()
	if err := s.Run(ctx, run); err != nil {
		t.Fatal(err)
	}
	leaf, err := s.VoteLeaf(run, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Client.SubmitFolded(ctx, leaf); err != nil {
		t.Fatal(err)
	}
	if err := rig.Until(ctx, func() (bool, error) {
		r, err := s.Client.Run(ctx, run)
		return err == nil && r.Halt != nil && r.Fingerprints != nil, err
	}); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func modified(t *testing.T, path string) time.Time {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.ModTime()
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// TestWrongFiles gives the daemon each of its files as another one.
func TestWrongFiles(t *testing.T) {
	s := newSite(t, rig.Options{})
	other, err := rig.NewKeys(t.TempDir(), rig.Options{Genesis: nil}, nil)
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(s.Dir, name) }
	foreign := func(name string) string { return filepath.Join(other.Dir, name) }
	garbage := filepath.Join(t.TempDir(), "garbage")
	write(t, garbage, "no key\n")
	huge := filepath.Join(t.TempDir(), "huge")
	write(t, huge, strings.Repeat("x", 1<<20))
	for _, c := range []struct {
		setting string
		words   []string
	}{
		{"log.key=" + foreign("log.key"), []string{"log.key", "genesis"}},
		{"log.key=" + at("witness-0.key"), []string{"log.key", "no log key"}},
		{"log.key=" + garbage, []string{"log.key", "no log key"}},
		{"log.key=" + at("missing"), []string{"log.key", "no such file"}},
		{"log.key=" + huge, []string{"log.key", "no file of at most"}},
		{"log.key=" + s.Dir, []string{"log.key", "no file of at most"}},
		{"engine.key=" + at("registrar.pem"), []string{"engine.key", "registrar", "not of role engine"}},
		{"engine.key=" + garbage, []string{"engine.key", "garbage"}},
		{"engine.key=" + at("escrow.pem"), []string{"engine.key"}},
		{"engine.key=" + foreign("engine-0.pem"), []string{"engine.key", "genesis"}},
		{"engine.key=" + at("missing"), []string{"engine.key", "no such file"}},
		{"blacklist.escrow_key=" + at("engine-0.pem"), []string{"blacklist.escrow_key", "no X25519 key"}},
		{"blacklist.escrow_key=" + foreign("escrow.pem"), []string{"blacklist.escrow_key", "genesis"}},
		{"blacklist.escrow_key=" + garbage, []string{"blacklist.escrow_key"}},
		{"blacklist.evaluator_key=" + foreign("evaluator.key"), []string{"blacklist.evaluator_key", "genesis"}},
		{"blacklist.evaluator_key=" + garbage, []string{"blacklist.evaluator_key", "no evaluator key"}},
		{"blacklist.counts_key=" + at("engine-0.pem"), []string{"blacklist.counts_key", "not of role evaluator"}},
		{"blacklist.counts_key=", []string{"blacklist.counts_key", "needed"}},
		{"blacklist.tokens=" + garbage, []string{"blacklist.tokens"}},
		{"log.genesis=" + garbage, []string{"log.genesis"}},
		{"log.genesis=", []string{"log.genesis", "not set"}},
		{"log.store=postgres://x", []string{"log.store", "dir:PATH"}},
		{"log.witness_urls=w0", []string{"log.witness_urls", "NAME=URL"}},
	} {
		t.Run(c.setting[:strings.IndexByte(c.setting, '=')]+" "+filepath.Base(c.setting), func(t *testing.T) {
			(&site{Rig: s.Rig, settings: append(s.Settings(), c.setting)}).refuses(t, 2, c.words...)
		})
	}
	if _, err := os.Stat(at("log")); !os.IsNotExist(err) {
		t.Errorf("a refused daemon left a log: %v", err)
	}
}

// TestDamagedConfiguration: every problem at once, with its line or field.
func TestDamagedConfiguration(t *testing.T) {
	s := newSite(t, rig.Options{})
	path := filepath.Join(t.TempDir(), "haltlogd.toml")
	for _, c := range []struct {
		text  string
		words []string
	}{
		{"[log\nstore = 1\n", []string{"line 2"}},
		{"[log]\nstor = 'dir:x'\n[http]\ntimeout = '1ns'\n", []string{"log.stor: no such field", "http.timeout"}},
		{"[log]\nbatch_size = 'many'\n", []string{"batch_size"}},
		{strings.Repeat("#", 2<<20), []string{"larger"}},
	} {
		write(t, path, c.text)
		x := &site{Rig: s.Rig}
		x.settings = nil
		x.withConfig(t, path, c.words...)
	}
	x := &site{Rig: s.Rig}
	x.withConfig(t, filepath.Join(t.TempDir(), "missing.toml"), "no such file")
}

// TestPortInUse: nothing is opened, so the log of the daemon that has the port is left alone.
func TestPortInUse(t *testing.T) {
	s := newSite(t, rig.Options{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s.set("http.listen="+l.Addr().String()).refuses(t, 1, "http.listen", "address already in use")
	if _, err := os.Stat(filepath.Join(s.Dir, "log")); !os.IsNotExist(err) {
		t.Errorf("a refused daemon left a log: %v", err)
	}
	s.set("http.listen=127.0.0.1:0", "http.metrics="+l.Addr().String()).refuses(t, 1, "http.metrics", "address already in use")
}

// TestInUse: two daemons never write one log.
func TestInUse(t *testing.T) {
	s := newSite(t, rig.Options{})
	p := s.start(t)
	s.refuses(t, 1, "another process has it open")
	p.stop(t)
}

// TestRollback restores the store from an older copy, alone and with the state,
// and puts another log in its place.
func TestRollback(t *testing.T) {
	t.Attr("invariant", "L6")
	s := newSite(t, rig.Options{})
	store, state := filepath.Join(s.Dir, "log"), filepath.Join(s.Dir, "log.state")
	old := t.TempDir()
	served(t, s)
	copyTree(t, store, filepath.Join(old, "log"))
	copyTree(t, state, filepath.Join(old, "log.state"))

	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	p := s.start(t)
	halted(ctx, t, s, "run-2")
	p.stop(t)
	newest := t.TempDir()
	copyTree(t, store, filepath.Join(newest, "log"))

	restore := func(from, to string) {
		t.Helper()
		if err := os.RemoveAll(to); err != nil {
			t.Fatal(err)
		}
		copyTree(t, from, to)
	}
	t.Run("older store", func(t *testing.T) {
		restore(filepath.Join(old, "log"), store)
		s.refuses(t, 1, "rolled back", "restore the newest copy")
	})
	t.Run("no store", func(t *testing.T) {
		if err := os.RemoveAll(store); err != nil {
			t.Fatal(err)
		}
		s.refuses(t, 1, "rolled back", "restore the newest copy")
		if err := os.RemoveAll(store); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("another log", func(t *testing.T) {
		x := newSite(t, rig.Options{})
		served(t, x)
		restore(filepath.Join(x.Dir, "log"), store)
		s.refuses(t, 1, filepath.Join(s.Dir, "log"))
		// The folder's own daemon, but with this genesis.
		y := &site{Rig: x.Rig, settings: append(x.Settings(), "log.genesis="+filepath.Join(s.Dir, "genesis.json"), "log.key="+filepath.Join(s.Dir, "log.key"),
			"engine.key=", "blacklist.escrow_key=", "blacklist.evaluator_key=", "log.state="+t.TempDir())}
		y.refuses(t, 1, "another genesis")
	})
	t.Run("newest store", func(t *testing.T) {
		restore(filepath.Join(newest, "log"), store)
		p := s.start(t)
		for _, id := range []string{"run-1", "run-2"} {
			if r, err := s.Client.Run(ctx, id); err != nil || r.Halt == nil {
				t.Errorf("%s: %+v, %v", id, r, err)
			}
		}
		p.stop(t)
	})
}

// TestDamagedJournal: what bound the engine cannot be guessed.
func TestDamagedJournal(t *testing.T) {
	t.Attr("invariant", "L6")
	s := newSite(t, rig.Options{})
	served(t, s)
	record := filepath.Join(s.Dir, "log.state", "engine", "record.json")
	good, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	for _, damaged := range []string{"", "{", string(good[:len(good)/2]), string(good) + "x", strings.Replace(string(good), `"size":`, `"sizes":`, 1)} {
		write(t, record, damaged)
		s.refuses(t, 1, "record.json is damaged", "restore")
	}
	write(t, record, string(good))
	halt := filepath.Join(s.Dir, "log.state", "engine", "halts", "run-1")
	leaf, err := os.ReadFile(halt)
	if err != nil {
		t.Fatal(err)
	}
	write(t, halt, string(leaf[:len(leaf)/2]))
	s.refuses(t, 1, halt+" is damaged", "restore")
	write(t, halt, string(leaf))
	s.start(t).stop(t)
}

// TestDamagedStore changes one byte of an entry, and of the published checkpoint.
func TestDamagedStore(t *testing.T) {
	t.Attr("invariant", "L2")
	s := newSite(t, rig.Options{})
	served(t, s)
	var files []string
	root := filepath.Join(s.Dir, "log", "tree", "tile", "entries")
	if err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	}); err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	// The partial bundle of the present size is the newest one.
	slices.SortFunc(files, func(a, b string) int { return modified(t, a).Compare(modified(t, b)) })
	for _, path := range []string{files[len(files)-1], filepath.Join(s.Dir, "log", "published", "checkpoint"), filepath.Join(s.Dir, "log", "tree", ".state", "treeState")} {
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		bad := append([]byte(nil), good...)
		bad[len(rig.Origin)+1] ^= 1 // of the checkpoint, the size
		write(t, path, string(bad))
		s.refuses(t, 1, "restore")
		write(t, path, string(good))
	}
	s.start(t).stop(t)
}

// TestReadOnlyFolder drops to another user: root ignores modes.
func TestReadOnlyFolder(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("another user takes root")
	}
	s := newSite(t, rig.Options{})
	served(t, s)
	s.as = &syscall.Credential{Uid: nobody, Gid: nobody}
	own := func(path string) {
		t.Helper()
		if err := filepath.WalkDir(path, func(p string, _ os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Chown(p, nobody, nobody)
		}); err != nil {
			t.Fatal(err)
		}
	}
	// The way there, and the files that are only read.
	for dir := s.Dir; dir != "/"; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, info.Mode()|0o055); err != nil {
			t.Fatal(err)
		}
		if dir == os.TempDir() {
			break
		}
	}
	for _, name := range []string{"log.key", "engine-0.pem", "escrow.pem", "evaluator.key", "counts.pem"} {
		own(filepath.Join(s.Dir, name))
	}
	s.refuses(t, 1, "permission denied", filepath.Join(s.Dir, "log"))
	own(filepath.Join(s.Dir, "log.state"))
	s.refuses(t, 1, "permission denied", filepath.Join(s.Dir, "log"))
	own(filepath.Join(s.Dir, "log"))
	s.start(t).stop(t)
}
