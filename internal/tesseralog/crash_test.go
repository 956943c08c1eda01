package tesseralog_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/tesseralog"
)

// childEnv makes the test binary a process that appends until it is killed; its
// value is the folder with the log's key, policy and store.
const childEnv = "TESSERALOG_TEST_CHILD"

// child prints "<index> <leaf>" for each acknowledged entry, after it was
// acknowledged.
func child() {
	dir := os.Getenv(childEnv)
	die := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			os.Exit(1)
		}
	}
	tesseralog.RouteLogs(slog.New(slog.DiscardHandler))
	skey, err := os.ReadFile(filepath.Join(dir, "key"))
	die(err)
	signer, err := checkpoint.ParseSigner(string(skey))
	die(err)
	policy, err := os.ReadFile(filepath.Join(dir, "policy"))
	die(err)
	quorum, err := checkpoint.ParseQuorum(policy)
	die(err)
	l, err := tesseralog.New(tesseralog.Config{
		Dir: filepath.Join(dir, "log"), Origin: signer.VKey().Name, Signers: []checkpoint.Signer{signer},
		Quorum: func() *checkpoint.Quorum { return quorum }, Skew: 2 * time.Second, BatchSize: 32,
	}, tesseralog.Deps{Logger: slog.New(slog.DiscardHandler)})
	die(err)
	var out sync.Mutex
	var wg sync.WaitGroup
	for w := range 24 {
		wg.Go(func() {
			for i := 0; ; i++ {
				leaf := fmt.Sprintf("%d-%d-%d", os.Getpid(), w, i)
				index, err := l.Append(context.Background(), []byte(leaf))
				die(err)
				out.Lock()
				fmt.Printf("%d %s\n", index, leaf)
				out.Unlock()
			}
		})
	}
	wg.Wait()
}

// TestKill ends a process that appends with kill -9 at random moments: every
// entry that it had acknowledged is there at its index, the tree extends what
// the witnesses saw, and nothing has to be repaired.
func TestKill(t *testing.T) {
	t.Attr("invariant", "L1")
	t.Attr("invariant", "L6")
	r := newRig(t)
	base := t.TempDir()
	skey, _, err := checkpoint.GenerateKey(checkpoint.TypeEd25519, r.keys.Origin, nil)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := checkpoint.ParseSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	r.keys.Log = []checkpoint.Signer{signer}
	var urls []string
	for _, s := range r.keys.Witnesses {
		urls = append(urls, newPeer(t, r.keys, s).url)
	}
	r.quorum.Store(r.keys.Quorum(t, urls...))
	for name, text := range map[string]string{"key": skey, "policy": r.quorum.Load().String()} {
		if err := os.WriteFile(filepath.Join(base, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r.cfg.Dir, r.cfg.Signers = filepath.Join(base, "log"), r.keys.Log
	rounds := 8
	if testing.Short() {
		rounds = 2
	}
	acknowledged := map[uint64]string{}
	var last checkpoint.Checkpoint
	for round := range rounds {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), childEnv+"="+base)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Killed after a random number of acknowledgements, which is a random
		// moment in a batch.
		left := 20 + rand.IntN(400)
		for sc := bufio.NewScanner(out); sc.Scan(); left-- {
			number, leaf, _ := strings.Cut(sc.Text(), " ")
			index, err := strconv.ParseUint(number, 10, 64)
			if err != nil {
				break // the last line may be cut
			}
			if was, twice := acknowledged[index]; twice {
				t.Fatalf("index %d for %q and %q", index, was, leaf)
			}
			acknowledged[index] = leaf
			if left == 0 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		err = cmd.Wait()
		if e, ok := errors.AsType[*exec.ExitError](err); !ok || e.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("round %d: %v\n%s", round, err, &stderr)
		}
		l, err := tesseralog.New(r.cfg, r.deps)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		i := uint64(0)
		have := map[uint64]string{}
		for leaf, err := range l.Entries(t.Context(), 0, l.Size()) {
			if err != nil {
				t.Fatal(err)
			}
			have[i] = string(leaf)
			i++
		}
		for index, leaf := range acknowledged {
			if have[index] != leaf {
				t.Fatalf("round %d: acknowledged %q at %d, found %q of %d", round, leaf, index, have[index], l.Size())
			}
		}
		// No fork: the witnesses cosign what extends all they saw.
		v, err := l.WaitPublished(patient(t), l.Size())
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if root, err := l.Root(t.Context(), last.Size); err != nil || last.Size > 0 && root != last.Root {
			t.Fatalf("round %d: another tree at size %d, %v", round, last.Size, err)
		}
		last = v.Checkpoint
		closeLog(t, l)
	}
	t.Logf("%d entries acknowledged in %d rounds, %d in the log", len(acknowledged), rounds, last.Size)
}

// tmpfs mounts a small one, or skips where this may not be done.
func tmpfs(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

// TestDiskFull: a full disk is an error in words, nothing acknowledged is lost,
// and when there is room again the log goes on without a restart.
func TestDiskFull(t *testing.T) {
	t.Attr("invariant", "L1")
	r := newRig(t)
	r.cfg.Dir = filepath.Join(tmpfs(t, "size=1m"), "log")
	l, err := tesseralog.New(r.cfg, r.deps)
	if err != nil {
		t.Fatal(err)
	}
	defer closeLog(t, l)
	ctx := patient(t)
	ballast := filepath.Join(filepath.Dir(r.cfg.Dir), "ballast")
	var acknowledged [][]byte
	add := func() error {
		leaf := bytes.Repeat([]byte{byte(len(acknowledged))}, 1000)
		index, err := l.Append(ctx, leaf)
		if err == nil {
			acknowledged = append(acknowledged, leaf)
			if index != uint64(len(acknowledged))-1 {
				t.Errorf("index %d for number %d", index, len(acknowledged))
			}
		}
		return err
	}
	for range 3 {
		if err := add(); err != nil {
			t.Fatal(err)
		}
	}
	for round := range 3 {
		f, err := os.Create(ballast)
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = f.Write(make([]byte, 512))
		}
		f.Close()
		full := 0
		for range 5 {
			if err := add(); err != nil {
				full++
				if !errors.Is(err, tesseralog.ErrStorage) || !strings.Contains(err.Error(), "no space left") {
					t.Errorf("round %d: %v", round, err)
				}
			}
		}
		if full == 0 {
			t.Fatal("the disk was not full")
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		if err := add(); err != nil {
			t.Fatalf("round %d: with room again: %v", round, err)
		}
	}
	if _, err := l.WaitPublished(ctx, l.Size()); err != nil {
		t.Error(err)
	}
	i := 0
	for leaf, err := range l.Entries(ctx, 0, l.Size()) {
		if err != nil || i < len(acknowledged) && !bytes.Equal(leaf, acknowledged[i]) {
			t.Fatalf("entry %d: %v", i, err)
		}
		i++
	}
	if i < len(acknowledged) {
		t.Errorf("%d entries of %d", i, len(acknowledged))
	}
}

// TestReadOnly: a file system that turns read-only is an error in words and not
// the end of the process; at start it is refused.
func TestReadOnly(t *testing.T) {
	t.Attr("invariant", "L1")
	r := newRig(t)
	mount := tmpfs(t, "size=16m")
	r.cfg.Dir = filepath.Join(mount, "log")
	remount := func(flags uintptr) {
		t.Helper()
		if err := syscall.Mount("tmpfs", mount, "tmpfs", syscall.MS_REMOUNT|flags, "size=16m"); err != nil {
			// The lock file is open for writing, which forbids it for a moment.
			t.Skipf("remount: %v", err)
		}
	}
	l, err := tesseralog.New(r.cfg, r.deps)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, l, 2)
	closeLog(t, l)
	remount(syscall.MS_RDONLY)
	refused(t, r, tesseralog.ErrStorage, "read-only")
	remount(0)
	l = r.open(t)
	fill(t, l, 1)
	if l.Size() != 3 {
		t.Errorf("size %d", l.Size())
	}
}

// TestUnwritable: where Tessera may not open its lock file it panics in a
// goroutine of its own, which nobody can catch; the log asks first.
func TestUnwritable(t *testing.T) {
	t.Attr("invariant", "L1")
	r := newRig(t)
	l := r.open(t)
	fill(t, l, 1)
	lock := r.path("tree/.state/treeState.lock")
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(lock, 0o755); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := l.Append(patient(t), []byte("x")); !errors.Is(err, tesseralog.ErrStorage) {
			t.Errorf("append: %v", err)
		}
	}
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	if index, err := l.Append(patient(t), []byte("x")); err != nil || index != 1 {
		t.Errorf("append: %d, %v", index, err)
	}
}
