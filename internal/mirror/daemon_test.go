package mirror

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/internal/listsync"
	"github.com/haltlog/haltlog/internal/rig"
	"github.com/haltlog/haltlog/log"
)

// deadline bounds how long a test waits for other processes.
const deadline = 4 * time.Minute

// halt ends a run of the rig whose model has n labels, and waits for the epoch that
// lists them.
func halt(ctx context.Context, t *testing.T, r *rig.Rig, run string, n int, epoch uint64) {
	t.Helper()
	if err := r.Run(ctx, run); err != nil {
		t.Fatal(err)
	}
	var labels []blacklist.Entry
	for i := range n {
		y, err := r.Evaluator.Label(fmt.Appendf(nil, "%s/%d", run, i))
		if err != nil {
			t.Fatal(err)
		}
		labels = append(labels, blacklist.Entry{Kind: fingerprint.Tensor, Label: y})
	}
	root := blacklist.NewArtefact(labels).Root()
	sealed, wraps, err := blacklist.Seal(r.Escrow.PublicKey(), blacklist.Context{Origin: rig.Origin, Run: run, Number: 1, Root: root}, labels)
	if err != nil {
		t.Fatal(err)
	}
	st := &log.Artefact{Origin: rig.Origin, Run: run, Number: 1, KeyVersion: 1, Count: uint64(n), Root: log.Hash(root), Sealed: sealed}
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

func rounds() int {
	if n, err := strconv.Atoi(os.Getenv("HALTLOG_KILL_ROUNDS")); err == nil && n > 0 {
		return n
	}
	return 6
}

// program builds the real program.
func program(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "haltlog")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "../../cmd/haltlog").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

// killed starts the program and kills it after a moment; false if it ended before.
func killed(ctx context.Context, t *testing.T, within time.Duration, bin string, args ...string) bool {
	t.Helper()
	c := exec.CommandContext(ctx, bin, args...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	select {
	case err := <-ended:
		if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() < 0 {
			t.Errorf("%v: %v", args, err)
		}
		return false
	case <-time.After(rand.N(within)):
	}
	if err := c.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	<-ended
	return true
}

func run(ctx context.Context, t *testing.T, bin string, args ...string) time.Duration {
	t.Helper()
	began := time.Now()
	if out, err := exec.CommandContext(ctx, bin, args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return time.Since(began)
}

// TestKill: the real programs, killed at random moments while a real daemon lists model
// after model: every plain web server over the mirror serves a correct list at each of
// these moments, every local list is the old or the new one, and what is resumed ends
// byte for byte as what was never interrupted.
func TestKill(t *testing.T) {
	t.Attr("invariant", "MI2")
	t.Attr("invariant", "LS1")
	ctx, cancel := context.WithTimeout(t.Context(), deadline+time.Duration(rounds())*10*time.Second)
	defer cancel()
	bin := program(t)
	r, err := rig.Start(t.TempDir(), rig.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	if err := r.Setup(ctx, nil); err != nil {
		t.Fatal(err)
	}
	halt(ctx, t, r, "run-0", 30, 1)
	pin := "--genesis=" + r.GenesisHash.Hex()
	dir, list := t.TempDir(), t.TempDir()
	mirror := []string{"mirror", "--log=" + r.Client.URL(), "--dir=" + dir, pin}
	within := run(ctx, t, bin, mirror...)
	web := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(web.Close)
	sync := []string{"sync", "--from=" + web.URL, "--dir=" + list, pin}
	within = max(within, run(ctx, t, bin, sync...))
	last := uint64(1)
	kills := 0
	for n := range rounds() {
		halt(ctx, t, r, fmt.Sprintf("run-%d", n+1), 200, uint64(n)+2)
		for range 3 {
			if killed(ctx, t, within, bin, mirror...) {
				kills++
			}
			if killed(ctx, t, within, bin, sync...) {
				kills++
			}
			l, err := listsync.Open(list)
			if err != nil || l.Number < last {
				t.Fatalf("round %d: %v", n, err)
			}
			last = l.Number
			// A stranger's first synchronisation from the interrupted mirror.
			run(ctx, t, bin, "sync", "--from="+web.URL, "--dir="+t.TempDir(), pin)
		}
	}
	t.Logf("killed %d times", kills)
	if kills == 0 {
		t.Error("nothing was interrupted")
	}
	run(ctx, t, bin, mirror...)
	run(ctx, t, bin, sync...)
	l, err := listsync.Open(list)
	if err != nil {
		t.Fatal(err)
	}
	if l.Number < uint64(rounds())+1 || l.Count != uint64(30+200*rounds()) {
		t.Fatalf("%d labels in epoch %d", l.Count, l.Number)
	}
	for n := range l.Number {
		h, err := r.Client.HeadOf(ctx, n+1)
		if err != nil || h.Number != n+1 || len(h.Entries) == 0 {
			t.Errorf("head %d: %+v %v", n+1, h, err)
		}
	}
	// The daemon itself gives the same list, object for object.
	fresh := t.TempDir()
	run(ctx, t, bin, "sync", "--from="+r.Client.URL(), "--dir="+fresh, pin)
	same(t, filepath.Join(fresh, "objects"), filepath.Join(list, "objects"))
	again := t.TempDir()
	run(ctx, t, bin, "mirror", "--log="+web.URL, "--dir="+again, pin)
	same(t, filepath.Join(again, "tile"), filepath.Join(dir, "tile"))
	run(ctx, t, bin, "audit", web.URL, "--no-views", "--quorum="+filepath.Join(r.Dir, "quorum.txt"), pin)
}

// same holds that every file of one folder is in another as it is.
func same(t *testing.T, of, in string) {
	t.Helper()
	n := 0
	if err := filepath.WalkDir(of, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		a, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(filepath.Join(in, strings.TrimPrefix(path, of)))
		if err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs: %v", path, err)
		}
		n++
		return nil
	}); err != nil || n == 0 {
		t.Errorf("%d files: %v", n, err)
	}
}
